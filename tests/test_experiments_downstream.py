"""Every downstream gin file: in full by its shape alone, in miniature from a pre-trained run to numbers."""

import json
import math
import re
from pathlib import Path

import keras
import pytest

import vatt.run  # noqa: F401 (registers the root)
from tests.miniature_runs import EXPERIMENTS, OVERLAYS, TINY, VERBS, Miniatures, gin_file, reads_words, start
from vatt import config

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for verb in VERBS for path in EXPERIMENTS.glob(f"{verb}_*.gin"))
EXPORTS = sorted(path.stem for path in EXPERIMENTS.glob("export_*.gin"))
FINE_TUNED = [name for name in NAMES if name.startswith("finetune") and "demo" not in name]

# Weights of a network of the release (tests/golden/manifest) and its classifier, on position tables for the
# clip in the tests. Base at 320² with 400 classes is the release's own 87,762,832.
_BASE_320, _BASE_384, _AUDIO_BASE = 87_762_832 - 769 * 400, 87_446_016, 86_078_976
PARAMETERS = {
    "finetune_kinetics400": 87_762_832,
    "finetune_kinetics600": _BASE_320 + 769 * 600,
    "finetune_kinetics700": _BASE_320 + 769 * 700,
    "finetune_moments_in_time": _BASE_320 + 769 * 339,
    "finetune_audioset": _AUDIO_BASE + 769 * 527,
    # 250 positions in place of 1,200: 4 s at 8 kHz.
    "finetune_esc50": _AUDIO_BASE - 950 * 768 + 769 * 50,
    # 1 + 24 + 24 positions of width 768 in place of 8 + 14 + 14.
    "finetune_imagenet": _BASE_384 + 13 * 768 + 769 * 1000,
}


@pytest.mark.parametrize("name", NAMES)
def test_it_asks_for_what_it_needs_and_for_nothing_else(name):
    if name.endswith("_demo"):
        config.load([gin_file(name)])
        return
    with pytest.raises(config.ConfigError, match="DATA_DIR") as caught:
        config.load([gin_file(name)])
    missing = set(re.findall(r"^  (\w+) \(left open", str(caught.value), re.MULTILINE))
    words = {"VOCABULARY"} if reads_words(name) else set()
    assert missing == {"DATA_DIR", "CHECKPOINT"} | words
    header = gin_file(name).read_text(encoding="utf-8")
    assert "--data_dir " in header and all(f"--gin.{each}=" in header for each in missing - {"DATA_DIR"})


@pytest.mark.parametrize("name", FINE_TUNED)
def test_its_network_has_the_weights_of_the_release(name):
    config.load([gin_file(name), OVERLAYS / "from_scratch.gin"], ["DATA_DIR = 'none'"])
    with keras.StatelessScope(initialize_variables=False):  # shapes, no values
        model = config.value_of("Trainer.model")
        count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    keras.backend.clear_session()
    assert count == PARAMETERS[name]
    assert model.classes == config.value_of("pretrained_classifier.classes") or model.classes >= 50


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("finetune_kinetics400", {2_500: 0.005, 100_000: 0.0}),
        ("finetune_audioset", {5_000: 0.2, 27_500: 0.1}),
    ],
)
def test_the_learning_rate_is_that_of_the_paper(name, at):
    config.load([gin_file(name)], ["DATA_DIR = 'none'", "CHECKPOINT = 'none'"])
    schedule = config.value_of("sgd.learning_rate")
    for step, rate in at.items():
        assert float(schedule(step)) == pytest.approx(rate, abs=1e-7)


@pytest.mark.slow
class TestInMiniature:
    """One process, one pre-trained run, one set per experiment."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory):
        return tmp_path_factory.mktemp("downstream")

    @pytest.fixture(scope="class")
    def miniatures(self, folder):
        return Miniatures(folder)

    @pytest.mark.parametrize("name", NAMES)
    def test_from_a_run_to_its_numbers(self, name, folder, miniatures):
        run = folder / name
        flags = miniatures.flags(name) | {"MODEL_DIR": f"'{run}'"}
        assert start([gin_file(name), TINY], flags) == 0
        metrics = json.loads((run / "metrics.json").read_text())
        assert metrics["step"] == (2 if name.startswith("finetune") else 0)
        numbers = {key: value for key, value in metrics.items() if key != "step"}
        assert numbers and all(math.isfinite(value) for value in numbers.values() if value is not None)
        if name.startswith("finetune"):
            assert (run / "checkpoints" / "ckpt-2.index").is_file()
        for file in (run / "evaluations").glob("*.json"):
            assert json.loads(file.read_text())["artifact"]["protocol"]["weights"]

    @pytest.mark.parametrize("name", EXPORTS)
    def test_from_a_run_to_its_export(self, name, folder, miniatures):
        run, pretrained = folder / name, miniatures.pretrained
        flags = {
            "MODEL_DIR": f"'{run}'",
            "CHECKPOINT": f"'{pretrained}'",
            "Export.formats": "['safetensors']",
        }
        if name.endswith("_released"):
            flags |= {"VOCABULARY": f"'{pretrained / 'vocabulary.txt'}'"}
        if name.endswith("_classifier"):
            flags["CHECKPOINT"] = f"'{folder / 'finetune_demo'}'"
        assert start([gin_file(name), TINY], flags) == 0
        card = json.loads((run / "export" / "model_card.json").read_text())
        assert card["golden_hash"] and card["formats"] == {"safetensors": 0.0}
        assert start([gin_file(name), TINY], flags) == 2  # its place is taken

    def test_a_fine_tuned_run_as_it_is(self, folder):
        run, fine_tuned = folder / "as_it_is", folder / "finetune_demo"
        flags = {"MODEL_DIR": f"'{run}'", "DATA_DIR": f"'{folder / 'demo'}'"}
        files = [gin_file("finetune_demo"), OVERLAYS / "as_it_is.gin", TINY]
        assert start(files, flags | {"CHECKPOINT": f"'{fine_tuned}'"}) == 0
        again, before = (json.loads((each / "metrics.json").read_text()) for each in (run, fine_tuned))
        assert not (run / "checkpoints").exists() and again["demo/top_1"] == before["demo/top_1"]

    def test_from_a_released_checkpoint(self, folder, miniatures, capfd):
        flags = {
            "MODEL_DIR": f"'{folder / 'released'}'",
            "DATA_DIR": f"'{miniatures.sets.path('kinetics400')}'",
            "CHECKPOINT": f"'{ROOT / 'tests' / 'golden' / 'tx_fac_tiny'}'",
            "TRAIN_STEPS": 2,
            "Classification.batch_size": 12,
        }
        assert start([gin_file("finetune_kinetics400"), TINY], flags) == 0
        said = capfd.readouterr().err
        assert re.search(r"missing +2\n +unused +0", said)  # kernel and bias of the head
        assert "head/kernel -> classifier/head/kernel" in said and "positions, natural cubic" in said
