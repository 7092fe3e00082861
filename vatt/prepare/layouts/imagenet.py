"""ImageNet (ILSVRC 2012): 1.28 million training and 50,000 validation images of 1,000 classes.

Official files, in the folder --annotations, either those on Kaggle ("ImageNet Object Localization
Challenge")
  LOC_synset_mapping.txt     "n01440764 tench, Tinca tinca": the classes
  LOC_val_solution.csv       ImageId,PredictionString: the second column starts with the class
  LOC_train_solution.csv     the same for training, if it is there
or those of the development kit (ILSVRC2012_devkit_t12, or its folder data)
  meta.mat                                  the classes with their ILSVRC2012_ID
  ILSVRC2012_validation_ground_truth.txt    the ILSVRC2012_ID of each validation image
Labels are numbered from 0 in the order of the WordNet ids (n01440764 is 0), which is not the order
of the ILSVRC2012_ID; a label's text is id and names.

Media, below --media at any depth: n01440764_10026.JPEG … (train), and ILSVRC2012_val_00000001.JPEG
…, flat or in class folders (validation). Without LOC_train_solution.csv every image with a name
like the first is a training image. Splits: train, validation. An image becomes a record with one
frame.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from vatt.prepare.layouts.annotations import (
    Labels,
    find_file,
    not_as_published,
    optional_file,
    read_lines,
    read_table,
)
from vatt.prepare.layouts.media_index import IMAGES, MediaIndex
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.layouts.subset import OUTSIDE
from vatt.prepare.next_steps import FINE_TUNE_IMAGES
from vatt.prepare.record import Clip

SUMMARIES = {"imagenet": "ImageNet (ILSVRC 2012): images, 1,000 classes"}
EXPERIMENT = FINE_TUNE_IMAGES
EXAMPLE = "vatt prepare {layout} --annotations imagenet --media imagenet/ILSVRC/Data/CLS-LOC RECORDS"

_CLASSES = 1000
_TRAIN_NAME = re.compile(r"(n\d{8})_\d+")
_KIT = ("", "data/", "ILSVRC2012_devkit_t12/data/")


def plan(args: argparse.Namespace) -> Plan:
    """The training and validation images."""
    gathering = Gathering(args, IMAGES)
    mapping = optional_file(args.annotations, "LOC_synset_mapping.txt")
    if mapping:
        names = dict(_mapping(mapping))
        numbers = None
    else:
        # Asks for Kaggle's file too, so that the message names both when neither is there.
        kit = find_file(args.annotations, *(f"{folder}meta.mat" for folder in _KIT), "LOC_synset_mapping.txt")
        names, numbers = _read_kit(kit)
    source = mapping or kit
    ids = Labels(sorted(names), source, count=_CLASSES, subset=gathering.subset)
    labels = tuple(f"{wnid} {names[wnid]}" for wnid in ids.names)
    for split, images in (
        ("train", _train(args.annotations, gathering.media)),
        ("validation", _validation(args.annotations, source.parent, numbers)),
    ):
        for where, stem, wnid in images:
            index, _ = ids.of(wnid, where)
            clip = Clip(
                media=gathering.media.find(stem, folder=wnid),
                media_id=stem,
                split=split,
                labels=((index, wnid if index == OUTSIDE else labels[index]),),
            )
            gathering.add(clip, f"{stem}.JPEG")
    return gathering.plan("imagenet", f"classes of {source.name}", labels)


def _mapping(path: Path) -> Iterator[tuple[str, str]]:
    for where, line in read_lines(path):
        wnid, _, words = line.partition(" ")
        if not re.fullmatch(r"n\d{8}", wnid) or not words:
            rule = "a line must be a WordNet id and names, 'n01440764 tench, Tinca tinca'"
            raise not_as_published(where, rule, repr(line))
        yield wnid, words.strip()


def _read_kit(path: Path) -> tuple[dict[str, str], dict[int, str]]:
    """WordNet id -> names, and ILSVRC2012_ID -> WordNet id, of the 1,000 leaves."""
    try:
        import scipy.io
    except ModuleNotFoundError as error:
        raise ValueError(
            f"MATLAB files are read by SciPy, of the extra `train`. Received: {path}, and no SciPy here. "
            "`pip install 'vatt[train]'`, or scipy alone."
        ) from error
    try:
        synsets = scipy.io.loadmat(path, squeeze_me=True)["synsets"]
        leaves = [entry for entry in synsets if int(entry["num_children"]) == 0]
        names = {str(entry["WNID"]): str(entry["words"]) for entry in leaves}
        return names, {int(entry["ILSVRC2012_ID"]): str(entry["WNID"]) for entry in leaves}
    except (KeyError, ValueError, IndexError, TypeError, NotImplementedError) as error:
        rule = "this must be the MATLAB file of the development kit, with a table `synsets`"
        raise not_as_published(path, rule, error) from error


def _train(directory: str, media: MediaIndex) -> Iterator[tuple[str, str, str]]:
    """(where it is said, name without ending, WordNet id) of each image to train on."""
    solution = optional_file(directory, "LOC_train_solution.csv")
    if solution:
        yield from _solution(solution)
        return
    for stem in media.stems():
        match = _TRAIN_NAME.fullmatch(stem)
        if match:
            yield media.find(stem), stem, match[1]


def _validation(directory, kit_dir: Path, numbers) -> Iterator[tuple[str, str, str]]:
    if numbers is None:
        yield from _solution(find_file(directory, "LOC_val_solution.csv"))
        return
    truth = find_file(kit_dir, "ILSVRC2012_validation_ground_truth.txt")
    for number, (where, line) in enumerate(read_lines(truth), 1):
        if not line.isdigit() or int(line) not in numbers:
            rule = f"a line must be an ILSVRC2012_ID of the same kit's meta.mat, 1 to {len(numbers)}"
            raise not_as_published(where, rule, repr(line))
        yield where, f"ILSVRC2012_val_{number:08d}", numbers[int(line)]


def _solution(path: Path) -> Iterator[tuple[str, str, str]]:
    for row in read_table(path, ("ImageId", "PredictionString")):
        yield row.where, row["ImageId"], row["PredictionString"].partition(" ")[0]
