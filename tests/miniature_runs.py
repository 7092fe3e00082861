"""Any experiment in miniature, from a run of the main job made tiny: its flags, and its exit status."""

from pathlib import Path

import keras

from tests.miniature_sets import MiniatureSets
from vatt import main as vatt_main

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
OVERLAYS = EXPERIMENTS / "overlay"
TINY = OVERLAYS / "tiny.gin"
VERBS = ("finetune", "probe", "retrieve", "zero_shot", "analyse")
# An analysis shows any set; one that is in miniature, and has what the analysis needs.
SETS = {
    "analyse_features": "ucf101",
    "analyse_spaces": "youcook2",
    "analyse_activations": "howto100m",
    "analyse_embeddings": "msrvtt",
}


def gin_file(name):
    return EXPERIMENTS / f"{name}.gin"


def reads_words(name):
    looks = name in SETS and name != "analyse_features"
    return looks or name.startswith(("retrieve", "zero_shot")) and not name.endswith("_demo")


def start(files, flags, *options):
    """The exit status of a run on one device; `flags`: name -> value in gin's syntax.

    A process of the tests has several devices, and an experiment that asks for all of them would trace its
    step for each.
    """
    flags = {"run.strategy": "'one_device'"} | flags
    given = [*(f"--gin_file={path}" for path in files), *(f"--gin.{k}={v}" for k, v in flags.items())]
    try:
        return vatt_main.main([*given, *options])
    finally:
        keras.utils.clear_session()  # what a run leaves would make each later one slower


class Miniatures:
    """What experiments in miniature share: the sets, the demo corpus, and a run that others start from.

    Args:
        folder: where everything goes.
        overlays: of the run that others start from.
    """

    def __init__(self, folder, overlays=()):
        self.folder, self.sets = folder, MiniatureSets(folder)
        self.overlays = [OVERLAYS / f"{name}.gin" for name in overlays]
        self._pretrained = None

    @property
    def pretrained(self):
        """The run directory of one tiny step of the main job."""
        if self._pretrained is None:
            run = self.folder / "pretrained"
            flags = {"MODEL_DIR": f"'{run}'", "DATA_DIR": f"'{self.folder / 'demo'}'", "TRAIN_STEPS": 1}
            flags |= {"CHECKPOINT_EVERY": 1, "Evaluation.evaluators": "[]"}
            assert start([gin_file("pretrain"), *self.overlays, TINY], flags) == 0
            self._pretrained = run
        return self._pretrained

    def flags(self, name):
        """What a downstream experiment must be given to run on a few clips."""
        flags = {"CHECKPOINT": f"'{self.pretrained}'", "TRAIN_STEPS": 2}
        if name.endswith("_demo"):
            flags["DATA_DIR"] = f"'{self.folder / 'demo'}'"
        else:
            verb = next(verb for verb in VERBS if name.startswith(verb))
            flags["DATA_DIR"] = f"'{self.sets.path(SETS.get(name, name.removeprefix(f'{verb}_')))}'"
        return flags | self._further(name)

    def _further(self, name):
        if reads_words(name):
            flags = {"VOCABULARY": f"'{self.pretrained / 'vocabulary.txt'}'"}
            if name == "analyse_embeddings":
                flags["SimilarityCalibration.folds"] = 2
            return flags
        features = {"FEATURES_DIR": f"'{self.folder / 'features'}'"}
        if name.startswith("analyse"):
            split = {"PreparedClips.eval_split": "'test'"} if name == "analyse_features" else {}
            return features | split
        if name.startswith("probe"):
            return features | {"LinearClassifier.steps": 2, "KnnClassifier.neighbours": 3}
        return {"ClipSpec.frames": 1} if name == "finetune_imagenet" else {}
