"""The class names of an evaluation: there at all, in the order the head knows, one for each clip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vatt.protocols import Dataset


def label_names(dataset: Dataset) -> tuple[str, ...]:
    """Names of a dataset's classes by index; raises where its clips come without."""
    names = dataset.info.label_names
    if len(names) < 2:
        raise ValueError(
            f"Classes are measured on clips with labels. Received: dataset {dataset.info.name!r} with "
            f"{len(names)} classes. Set `PreparedClips.labels = True`, or prepare it from annotations that "
            "have classes."
        )
    return names


def read_label_names(path: str | Path) -> tuple[str, ...]:
    """The names of a file, one a line."""
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    return tuple(line.strip() for line in lines if line.strip())


def check_same_names(expected: Sequence[str], found: Sequence[str], *, whose: str, dataset: Dataset) -> None:
    """Raises unless a dataset numbers its classes as someone else does.

    Args:
        expected: names by index.
        found: names by index of the dataset.
        whose: who expects, for the message: "the file labels.txt".
        dataset: theirs.
    """
    expected, found = tuple(expected), tuple(found)
    if expected == found:
        return
    if len(expected) != len(found):
        what = f"{len(expected)} and {len(found)} classes"
    elif set(expected) == set(found):
        what = "the same names in another order"
    else:
        what = f"{len(set(expected) - set(found))} names that the other has not"
    pairs = zip(expected, found, strict=False)
    place = next((at for at, pair in enumerate(pairs) if pair[0] != pair[1]), min(len(expected), len(found)))
    shown = [names[place] if place < len(names) else "nothing" for names in (expected, found)]
    raise ValueError(
        f"Classes must be numbered alike by {whose} and by dataset {dataset.info.name!r}. Received: "
        f"{what}; class {place} is {shown[0]!r} there and {shown[1]!r} here. Prepare the set with the same "
        "list of classes."
    )


def class_numbers(labels: np.ndarray, clip_ids: Sequence[str]) -> np.ndarray:
    """int64 [N]: the class of each clip, of labels [N, Y]; refuses clips of none or of several."""
    counts = (np.asarray(labels) > 0).sum(axis=1)
    odd = np.flatnonzero(counts != 1)
    if odd.size:
        raise ValueError(
            f"Every clip must have exactly one class. Received: {odd.size} of {len(counts)} clips with none "
            f"or several, the first is {clip_ids[odd[0]]!r} with {counts[odd[0]]}. Measure several with "
            "kind='multi', or restrict the labels of the dataset to classes that exclude each other."
        )
    return np.asarray(labels).argmax(axis=1)
