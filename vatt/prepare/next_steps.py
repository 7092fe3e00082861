"""What a prepared set is good for, as commands to copy: they fit what its records hold.

Labels make a set to fine-tune on or to probe a trained model with, two modalities one of which is video make
one to pre-train on; the rest can be searched with a model that was trained elsewhere.
"""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from vatt.files.json_file import read_object
from vatt.prepare import writer
from vatt.prepare.image_file import is_image
from vatt.prepare.record import Clip
from vatt.terminal import train_command

PRE_TRAINING = "--gin_file=experiments/pretrain.gin --gin_file=experiments/overlay/folder.gin"
_MODALITIES = {"video": "video", "audio": "audio", "captions": "text"}  # contents of records -> modality
_BATCH_SIZE = 32  # of experiments/pretrain.gin
_FEW = 20  # clips for testing: one is five points of R@1
_RUN = "RUN"  # stands in a command for what the user has
_WORDS = "WORDS.txt"
_WORDS_ARE = f"{_WORDS}: the words it was trained with, {_RUN}/vocabulary.txt of a run directory"
_RUN_IS = f"{_RUN}: a pre-trained model, which is a run directory, a .keras file or a released checkpoint"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """A gin file that measures or trains on sets of one kind."""

    gin: str  # its name; "{layout}" in it is that of the layout
    needs: str = "video"  # what records must hold: "video", "audio" or "captions"
    eval_split: str = "test"  # the split that it measures on
    trains: bool = True  # whether it reads the split "train" too
    binds_classes: bool = False  # whether it needs the number of classes
    reads_words: bool = False  # whether it needs the words of the model
    purpose: str = "To probe a trained model by its classes"  # what it does


_FINE_TUNE = "To fine-tune a trained model on its classes"
PROBE_VIDEO = Experiment(gin="probe_ucf101")
PROBE_AUDIO = Experiment(gin="probe_esc50", needs="audio")
FINE_TUNE_ACTIONS = Experiment(
    gin="finetune_{layout}", eval_split="validation", binds_classes=True, purpose=_FINE_TUNE
)
FINE_TUNE_AUDIO = Experiment(gin="finetune_audioset", needs="audio", binds_classes=True, purpose=_FINE_TUNE)
FINE_TUNE_IMAGES = Experiment(
    gin="finetune_imagenet", eval_split="validation", binds_classes=True, purpose=_FINE_TUNE
)
RETRIEVE = Experiment(
    gin="retrieve_{layout}",
    needs="captions",
    trains=False,
    reads_words=True,
    purpose="To measure how a trained model finds it by text",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """What a prepared set holds."""

    directory: Path  # of the set
    splits: dict[str, dict[str, int]]  # name -> content -> records that have it; "records" for all
    classes: int  # how many
    words: int  # of its vocabulary
    is_of_images: bool = False  # whether its videos are of one frame each
    several_labels: bool = False  # whether a clip may have several

    def has(self, content: str, split: str | None = None) -> int:
        """Records of a split, or of all, that hold it."""
        return sum(held.get(content, 0) for name, held in self.splits.items() if split in (None, name))

    def eval_split(self, wanted: str) -> str | None:
        """The split to measure on: the wanted one or another that is not trained on; None: there is none."""
        others = [name for name in ("test", "validation") if name in self.splits]
        return wanted if wanted in self.splits else next(iter(others), None)


def read_contents(directory: str | Path, clips: Sequence[Clip]) -> Contents:
    """The contents of the set in a directory, which was made of these clips."""
    described = read_object(Path(directory) / writer.DATASET_FILE)
    images = sum(is_image(clip.media) and not clip.audio for clip in clips)
    return Contents(
        directory=Path(directory).absolute(),
        splits={
            name: {"records": split["clips"], **split["clips_with"]}
            for name, split in described["splits"].items()
        },
        classes=len(described["labels"]),
        words=described["vocabulary"]["size"],
        is_of_images=0 < images == len(clips),
        several_labels=any(len(clip.labels) > 1 for clip in clips),
    )


def next_steps(contents: Contents, layout: str, experiment: Experiment | None = None) -> list[str]:
    """Lines for the terminal: what the set is good for, each with its command. The experiment is what a
    published set is for; None: by what is there.
    """
    lines = _pre_training(contents) if experiment is None else []
    experiment = experiment or _experiment(contents)
    if experiment is not None and contents.has(experiment.needs):
        lines += _downstream(contents, layout, experiment)
    if not lines:
        lines = _use(contents)
    return lines


def _pre_training(contents: Contents) -> list[str]:
    if contents.is_of_images and not contents.has("captions"):
        return []
    there = [modality for content, modality in _MODALITIES.items() if contents.has(content, "train")]
    if "video" not in there or len(there) < 2:
        return []
    bindings: dict[str, object] = {"VOCABULARY_SIZE": contents.words}
    notes = ""
    if len(there) < len(_MODALITIES):
        # Double quotes: the shell's are single ones.
        bindings["ClipSpec.modalities"] = f"({', '.join(map(json.dumps, there))})"
        notes = f", on {' and '.join(there)}: it holds no {({*_MODALITIES.values()} - {*there}).pop()}"
    clips = contents.splits["train"]["records"]
    if clips < 2 * _BATCH_SIZE:  # so that a batch is half of them at most
        bindings["BATCH_SIZE"] = 1 << max(1, (clips // 2).bit_length() - 1)
    if "test" not in contents.splits:
        bindings["Evaluation.evaluators"] = "[]"
        notes += "; nothing is measured, as it has no test split"
    elif (tests := contents.splits["test"]["records"]) < _FEW:
        notes += f"; {tests} records for testing measure little, prepare with a larger --test_share for more"
    return [f"To pre-train on it{notes}:", _command(PRE_TRAINING, contents, bindings)]


def _experiment(contents: Contents) -> Experiment | None:
    """What labels are good for, where the layout does not say it."""
    if not contents.classes or not contents.has("labels"):
        return None
    if contents.is_of_images:
        return FINE_TUNE_IMAGES
    if contents.several_labels:
        return FINE_TUNE_AUDIO
    return PROBE_VIDEO if contents.has("video") else PROBE_AUDIO


def _downstream(contents: Contents, layout: str, experiment: Experiment) -> list[str]:
    eval_split = contents.eval_split(experiment.eval_split)
    if eval_split is None or (experiment.trains and "train" not in contents.splits):
        has = ", ".join(contents.splits)
        return [f"It has the splits {has}: to train and measure on it, prepare it with two (train and test)."]
    bindings: dict[str, object] = {"CHECKPOINT": _RUN}
    if experiment.binds_classes:
        bindings["CLASSES"] = contents.classes
    if experiment.reads_words:
        bindings["VOCABULARY"] = _WORDS
    if eval_split != experiment.eval_split:
        bindings["PreparedClips.eval_split"] = eval_split
    start = f"--gin_file=experiments/{experiment.gin.format(layout=layout)}.gin"
    names = f"{_RUN_IS}; {_WORDS_ARE}" if experiment.reads_words else _RUN_IS
    return [f"{experiment.purpose} ({names}):", _command(start, contents, bindings)]


def _use(contents: Contents) -> list[str]:
    held = " and ".join(name for content, name in _MODALITIES.items() if contents.has(content)) or "no media"
    what = "images" if contents.is_of_images else held
    return [
        f"It holds {what} without labels, on which nothing is trained: pre-training needs video with "
        "audio or text, fine-tuning labels. A trained model embeds and finds the media themselves:",
        f"  vatt index MEDIA INDEX --model {_RUN}",
    ]


def _command(start: str, contents: Contents, bindings: dict) -> str:
    words = ["--data_dir", str(contents.directory), *(f"--gin.{each}={bindings[each]}" for each in bindings)]
    return f"  {train_command()} {start} {shlex.join(words)}"
