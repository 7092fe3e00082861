"""Takes `train/`, `val/` and `test/` at the top of a folder of media for its splits."""

from collections.abc import Sequence
from pathlib import PurePath

from vatt.prepare.errors import PreparationError

CHOICES = ("auto", "folders", "hash")
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


def split_of_folder(path: PurePath) -> str:
    """The split that the first folder of a relative path names, in any case of letters; "" for none."""
    return _SPLITS.get(path.parts[0].casefold(), "") if len(path.parts) > 1 else ""


def are_splits(paths: Sequence[PurePath], choice: str) -> bool:
    """Whether the top-level folders of media, given by their relative paths, are splits, by one of `CHOICES`.

    "auto" says so where every media file is in a folder with the name of a split, one of them for training
    and one for something else: a class may be called "train" too. PreparationError: there is no such choice,
    or "folders" where there is no folder for training.
    """
    if choice not in CHOICES:
        raise PreparationError(f"`splits` must be one of {', '.join(CHOICES)}. Received: {choice!r}.")
    found = {split_of_folder(path) for path in paths}
    if choice == "folders" and "train" not in found:
        raise PreparationError(
            f"`--splits folders` needs a folder called train with media in it. Received: "
            f"{', '.join(sorted({path.parts[0] for path in paths})[:5])}. Name a folder so, or use "
            "--splits hash."
        )
    return choice == "folders" or (
        choice == "auto" and "" not in found and "train" in found and len(found) > 1
    )
