"""Every overlay with every experiment that its header says it fits: read, and run in miniature."""

import fnmatch
import json
import logging
import math
import re

import pytest

import vatt.run  # noqa: F401 (registers the root)
from tests.miniature_runs import EXPERIMENTS, OVERLAYS, TINY, Miniatures, gin_file, start
from tests.small_models import small_classifier
from vatt import config
from vatt.config import fits

NAMES = sorted(path.stem for path in EXPERIMENTS.glob("*.gin"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(OVERLAYS.glob("*.gin"))}
COMBINATIONS = [
    (overlay, name, before)
    for overlay, text in TEXTS.items()
    for pattern, before in fits.stated(text)
    for name in fnmatch.filter(NAMES, pattern)
]
IDS = ["-".join([overlay, name, *before]) for overlay, name, before in COMBINATIONS]
RUNS = [run for run in COMBINATIONS if run[0] != "tiny"]  # which is in every one of them
# What these make large is made small again. The others stand after tiny.gin, which would undo them.
BEFORE_TINY = {"released_pretrain", "paper"} | {f"paper_{each}" for each in ("agnostic", "base", "large")}
BEFORE_TINY |= {"paper_batch_512", "paper_batch_8192", "mmv"}
PIXELS = {"clip_32x200", "clip_32x224", "clip_64x224", "released_finetune"}
combinations = pytest.mark.parametrize(("overlay", "name", "before"), COMBINATIONS, ids=IDS)


def files_of(overlay, name, before):
    return [gin_file(name), *(OVERLAYS / f"{each}.gin" for each in (*before, overlay))]


@pytest.mark.parametrize("overlay", TEXTS)
def test_its_header_states_experiments_that_are_there(overlay):
    recipes = fits.stated(TEXTS[overlay])
    assert recipes
    for pattern, before in recipes:
        assert fnmatch.filter(NAMES, pattern), pattern
        assert set(before) <= set(TEXTS)


@combinations
def test_something_of_it_applies_and_the_log_is_content(overlay, name, before, caplog):
    with caplog.at_level(logging.INFO):
        config.load(files_of(overlay, name, before), complete=False)
    dropped = len(re.findall(rf"overlay/{overlay}\.gin:\d+", caplog.text))
    own = len(re.findall(r"^[^#\s].*? = ", TEXTS[overlay], re.MULTILINE))
    assert dropped < own
    assert "is made for" not in caplog.text


def test_an_overlay_on_what_it_was_not_made_for_is_told(caplog):
    config.load(files_of("released_finetune", "probe_demo", ()), complete=False)
    assert "released_finetune.gin is made for finetune_kinetics400" in caplog.text
    assert "given after probe_demo" in caplog.text


def test_fixed_positions_hold_the_whole_of_the_positions_and_nothing_else():
    config.load(files_of("fixed_positions", "finetune_kinetics400", ("from_scratch",)), complete=False)
    (group,) = config.value_of("Optimization.groups")
    assert group.learning_rate_factor == 0
    model = small_classifier()
    held = {weight.path for weight in model.trainable_weights if group.holds(weight.path)}
    assert held == {weight.path for weight in model.tower.tokenizer.positions.trainable_weights}
    assert len(held) == 5  # three tables, gain and offset


@pytest.mark.slow
class TestInMiniature:
    """One process, one pre-trained run, one set per experiment; the precision is the experiment's."""

    @pytest.fixture(scope="class")
    def miniatures(self, tmp_path_factory):
        return Miniatures(tmp_path_factory.mktemp("overlays"))

    @pytest.mark.parametrize(
        ("overlay", "name", "before"), RUNS, ids=[IDS[COMBINATIONS.index(run)] for run in RUNS]
    )
    def test_it_runs(self, overlay, name, before, miniatures):
        if overlay == "served":
            from tests.data.test_data_served import start_feed

            process, address = start_feed()
            try:
                self.run(overlay, name, before, miniatures, {"FEEDS": f"('{address}',)"})
            finally:
                process.terminate()
                process.wait(20)
            return
        if overlay == "evaluate":  # of a run that is there
            run = self.run(
                None, name, before, miniatures, {"MODEL_DIR": f"'{miniatures.folder / overlay / name}'"}
            )
            self.run(overlay, name, before, miniatures, {"MODEL_DIR": f"'{run}'"})
            assert (run / "evaluation" / "report.html").is_file()
            return
        run = self.run(overlay, name, before, miniatures, {})
        if (run / "journal.jsonl").is_file():
            last = json.loads((run / "journal.jsonl").read_text().splitlines()[-1])
            assert last["step"] == 1 and math.isfinite(last["loss"])

    @staticmethod
    def run(overlay, name, before, miniatures, more):
        run = miniatures.folder / "-".join([str(overlay), name, *before])
        flags = {"MODEL_DIR": f"'{run}'", "CHECKPOINT_EVERY": 1, "BATCH_SIZE": 2 if overlay in PIXELS else 4}
        trains = name.startswith(("pretrain", "finetune"))
        named = {*before, overlay}
        if "paper" in named:
            flags |= {each.upper(): f"'{miniatures.sets.path(each)}'" for each in ("howto100m", "audioset")}
        elif name == "pretrain":
            folder = miniatures.sets.path("youcook2") if overlay == "folder" else miniatures.folder / "demo"
            flags["DATA_DIR"] = f"'{folder}'"
        elif name.startswith("export"):
            flags |= {"CHECKPOINT": f"'{miniatures.pretrained}'", "Export.formats": "['safetensors']"}
            if name.endswith("released"):
                flags["VOCABULARY"] = f"'{miniatures.pretrained / 'vocabulary.txt'}'"
            if name.endswith("classifier"):
                flags["CHECKPOINT"] = f"'{TestInMiniature.run(None, 'finetune_demo', (), miniatures, {})}'"
        else:
            flags |= miniatures.flags(name)
        flags["TRAIN_STEPS"] = 1
        if "paper" in named and overlay in PIXELS:  # whose frames last longer than tiny.gin's audio
            flags["audioset/ClipSpec.audio_seconds"] = "None"
        if "paper_agnostic" in named:
            flags["one/TransformerEncoder.size"] = "@video/Size()"
        if "from_scratch" in named:
            flags["TransformerEncoder.size"] = "@video/Size()"
        if overlay == "as_it_is":
            flags["CHECKPOINT"] = f"'{TestInMiniature.run(None, name, before, miniatures, {})}'"
        elif trains and overlay != "evaluate":
            flags["Evaluation.evaluators"] = "[]"
        own = [] if overlay is None else [OVERLAYS / f"{overlay}.gin"]
        files = [*(OVERLAYS / f"{each}.gin" for each in before)]
        files += [*own, TINY] if overlay in BEFORE_TINY else [TINY, *own]
        flags |= more
        place = flags["MODEL_DIR"].strip("'")
        if overlay is not None or not (miniatures.folder / place / "model.json").is_file():
            assert start([gin_file(name), *files], flags) == 0
        return miniatures.folder / place
