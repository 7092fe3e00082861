"""Every overlay with every experiment that its header says it fits, in miniature: of each kind one trains,
the others are built.
"""

import fnmatch
import json
import math
import re

import vatt.run  # noqa: F401 (registers the root)
from tests.miniature_runs import EXPERIMENTS, OVERLAYS, TINY, gin_file, start
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
# Overlays of which tiny.gin leaves nothing, or which only turn something off.
UNDONE = {"tiny", "paper_base", "paper_large", "drop_token_0"}
# These read what another run, or a feed, has made: the combination that trains makes that.
READERS = {"as_it_is", "evaluate", "served"}
# Only sets and classes distinguish these from finetune_kinetics400; each trains by itself in
# test_experiments_downstream.py.
ALIKE = {"finetune_kinetics600", "finetune_kinetics700", "finetune_moments_in_time"}


def kind_of(run):
    """The overlay without its sizes, such as "clip" of "clip_32x200", and what the experiment does."""
    overlay, name, _ = run
    return re.sub(r"_\d+(x\d+)*$", "", overlay), name.partition("_")[0]


TRAINED = list({kind_of(run): run for run in reversed(COMBINATIONS) if run[0] not in UNDONE}.values())[::-1]
BUILT = [
    run
    for run in COMBINATIONS
    if run not in TRAINED and run[0] not in {"tiny", *READERS} and run[1] not in ALIKE
]
# What these make large is made small again. The others stand after tiny.gin, which would undo them.
BEFORE_TINY = {"released_pretrain", "paper"} | {f"paper_{each}" for each in ("agnostic", "base", "large")}
FITTED = {"paper_8xh100", "paper_v5e_256"}
BEFORE_TINY |= {"paper_batch_512", "paper_batch_8192", "mmv"} | FITTED
PIXELS = {"clip_32x200", "clip_32x224", "clip_64x224", "released_finetune"}


def halves():
    """Runs in two parts of about the same time, of neighbours one in each."""
    return TRAINED[::2] + BUILT[1::2], TRAINED[1::2] + BUILT[::2]


def name_of(run):
    return IDS[COMBINATIONS.index(run)]


def files_of(overlay, name, before):
    return [gin_file(name), *(OVERLAYS / f"{each}.gin" for each in (*before, overlay))]


def check_in_miniature(overlay, name, before, miniatures):
    """Runs an overlay as a user would, in one process, or builds it: reads rows, makes the model and
    its outputs, lets every part say what it lacks. The precision is the experiment's.
    """
    if (overlay, name, before) in BUILT:
        run = run_in_miniature(overlay, name, before, miniatures, {}, "--dry_run")
        assert not run.exists()
        return
    if overlay == "served":
        from tests.data.test_data_served import start_feed

        process, address = start_feed()
        try:
            run_in_miniature(overlay, name, before, miniatures, {"FEEDS": f"('{address}',)"})
        finally:
            process.terminate()
            process.wait(20)
        return
    if overlay == "evaluate":  # of a run that is there
        run = run_in_miniature(
            None, name, before, miniatures, {"MODEL_DIR": f"'{miniatures.folder / overlay / name}'"}
        )
        run_in_miniature(overlay, name, before, miniatures, {"MODEL_DIR": f"'{run}'"})
        assert (run / "evaluation" / "report.html").is_file()
        return
    run = run_in_miniature(overlay, name, before, miniatures, {})
    if (run / "journal.jsonl").is_file():
        last = json.loads((run / "journal.jsonl").read_text().splitlines()[-1])
        assert last["step"] == 1 and math.isfinite(last["loss"])


def run_in_miniature(overlay, name, before, miniatures, more, *options):
    run = miniatures.folder / "-".join([str(overlay), name, *before])
    flags = {"MODEL_DIR": f"'{run}'", "CHECKPOINT_EVERY": 1, "BATCH_SIZE": 2 if overlay in PIXELS else 4}
    trains = name.startswith(("pretrain", "finetune"))
    named = {*before, overlay}
    if "paper" in named:
        flags |= {each.upper(): f"'{miniatures.sets.path(each)}'" for each in ("howto100m", "audioset")}
    elif name == "pretrain":
        folder = miniatures.sets.path("youcook2") if "folder" in named else miniatures.folder / "demo"
        flags["DATA_DIR"] = f"'{folder}'"
    else:
        flags |= miniatures.flags(name)
    flags["TRAIN_STEPS"] = 1
    if "paper" in named and overlay in PIXELS:  # whose frames last longer than tiny.gin's audio
        flags["audioset/ClipSpec.audio_seconds"] = "None"
    if named & FITTED:  # to devices, by numbers that divide other batches and intervals
        flags |= {"Cached.rows": 2, "Execution.steps_per_loop": 1}
    if "paper_agnostic" in named:
        flags["one/TransformerEncoder.size"] = "@video/Size()"
    if "from_scratch" in named:
        flags["TransformerEncoder.size"] = "@video/Size()"
    if overlay == "as_it_is":
        flags["CHECKPOINT"] = f"'{run_in_miniature(None, name, before, miniatures, {})}'"
    elif trains and overlay != "evaluate":
        flags["Evaluation.evaluators"] = "[]"
    own = [] if overlay is None else [OVERLAYS / f"{overlay}.gin"]
    files = [*(OVERLAYS / f"{each}.gin" for each in before)]
    files += [*own, TINY] if overlay in BEFORE_TINY else [TINY, *own]
    flags |= more
    place = flags["MODEL_DIR"].strip("'")
    if overlay is not None or not (miniatures.folder / place / "model.json").is_file():
        assert start([gin_file(name), *files], flags, *options) == 0
    return miniatures.folder / place
