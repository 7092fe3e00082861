from pathlib import PurePath

import pytest

from vatt.prepare.errors import PreparationError
from vatt.prepare.split_folders import are_splits, split_of_folder


@pytest.mark.parametrize(
    "path, split",
    [
        ("train/a.mp4", "train"),
        ("Training/dogs/a.mp4", "train"),
        ("val/a.mp4", "validation"),
        ("valid/a.mp4", "validation"),
        ("validation/a.mp4", "validation"),
        ("dev/a.mp4", "validation"),
        ("TEST/a.mp4", "test"),
        ("eval/a.mp4", "test"),
        ("train", ""),  # a file of that name
        ("mine/train/a.mp4", ""),
        ("trains/a.mp4", ""),
    ],
)
def test_names_of_splits(path, split):
    assert split_of_folder(PurePath(path)) == split


def test_when_folders_are_splits():
    def ask(choice, *paths):
        return are_splits([PurePath(path) for path in paths], choice)

    assert ask("auto", "train/a.mp4", "test/b/c.mp4")
    assert not ask("hash", "train/a.mp4", "test/b/c.mp4")
    assert not ask("auto", "train/a.mp4", "car/b.mp4")  # classes
    assert not ask("auto", "train/a.mp4", "test/b.mp4", "c.mp4")
    assert not ask("auto", "train/a.mp4")
    assert not ask("auto", "val/a.mp4", "test/b.mp4")
    assert not ask("auto", "mine/train/a.mp4", "mine/test/a.mp4")
    assert ask("folders", "train/a.mp4", "car/b.mp4")
    with pytest.raises(PreparationError, match="needs a folder called train.*Received: car, test"):
        ask("folders", "car/a.mp4", "test/b.mp4")
    with pytest.raises(PreparationError, match="`splits` must be one of auto, folders, hash.*'x'"):
        ask("x", "train/a.mp4")
