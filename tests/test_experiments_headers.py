"""What the headers and overlays of the gin files promise: their commands make a configuration, and the right
model."""

import math
import re
import shlex
from pathlib import Path

import keras
import pytest

import vatt.run  # noqa: F401 (registers the root)
from vatt import config
from vatt.config.flags import files_and_bindings

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"
FILES = sorted([*EXPERIMENTS.glob("*.gin"), *(EXPERIMENTS / "overlay").glob("*.gin")])
SETS = ("HOWTO100M = 'howto100m'", "AUDIOSET = 'audioset'")


def commands(path):
    """The words of every training command in a header, over several lines."""
    text = re.sub(r"\\\n#?\s*", "", path.read_text(encoding="utf-8"))
    lines = (line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#"))
    return [shlex.split(line, comments=True) for line in lines if line.startswith("python -m vatt.main")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_commands_of_its_header_are_complete(path):
    for command in commands(path):
        config.load(*files_and_bindings(command[3:]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_overlay_and_experiment_states_a_command(path):
    assert commands(path), f"{path.name} must say how to use it"


def test_parts_are_no_experiments_and_every_one_is_used():
    parts = [path for path in EXPERIMENTS.rglob("*.gin") if path not in FILES]
    texts = {path: path.read_text(encoding="utf-8") for path in EXPERIMENTS.rglob("*.gin")}
    for part in parts:
        name = part.relative_to(ROOT).as_posix()
        assert texts[part].startswith("# Part of "), f"{name} must say what it is a part of"
        assert "\ninclude " not in texts[part], f"{name}: one include deep"
        assert any(f"include '{name}'" in text for text in texts.values()), f"nothing includes {name}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overlays", "video_grid", "audio_grid", "weights"),
    [
        (("drop_token_75",), (8, 14, 14), (1200,), 294_307_584),
        (("clip_32x200", "patch_5x16x16"), (7, 13, 13), (1200,), None),
        (("patch_8x32x32",), (4, 7, 7), (1200,), None),
        (("waveform_patch_256",), (8, 14, 14), (600,), None),
        (("spectrogram",), (8, 14, 14), (10, 16), None),
        (("paper_agnostic",), (8, 14, 14), (1200,), None),
        (("paper_large",), (8, 14, 14), (1200,), None),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) and isinstance(value[0], str) else None,
)
def test_the_paper_s_ablations_have_their_grids(overlays, video_grid, audio_grid, weights):
    names = ["pretrain", "overlay/paper", *(f"overlay/{name}" for name in overlays)]
    config.load([EXPERIMENTS / f"{name}.gin" for name in names], SETS)
    with keras.StatelessScope(initialize_variables=False):  # shapes, no values
        model = config.value_of("Trainer.model")
        count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    keras.backend.clear_session()
    assert (model.video.tokenizer.grid, model.audio.tokenizer.grid) == (video_grid, audio_grid)
    assert weights is None or count == weights
