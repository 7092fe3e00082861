"""Which experiments an overlay is made for: `# Fits:` lines in its header, read by machines.

    # Fits: pretrain pretrain+paper finetune_*

names runnable gin files of `experiments/`, `*` for any letters; behind a `+` stand overlays that go before
it. An overlay may be given to any run (`vatt.config` drops what does not apply); what it does to one that
it does not name is not tested, and the log says so.
"""

import fnmatch
import logging
import re
from collections.abc import Sequence
from pathlib import Path

_log = logging.getLogger(__name__)

_LINE = re.compile(r"^# Fits: (.+)$", re.MULTILINE)


def stated(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """(pattern of a runnable file's name, overlays before it) of every recipe in an overlay's text."""
    recipes = [word.split("+") for line in _LINE.findall(text) for word in line.split()]
    return [(recipe, tuple(before)) for recipe, *before in recipes]


def warn_of_misfits(files: Sequence[Path]) -> None:
    """Logs each overlay that does not name the experiment it is given to.

    Args:
        files: the gin files of a run in their order. One whose first is no experiment of ours is left alone.
    """
    if not files or files[0].parent.name != "experiments":
        return
    for place, path in enumerate(files):
        recipes = stated(path.read_text(encoding="utf-8"))
        before = {each.stem for each in files[1:place]}
        if recipes and not any(
            fnmatch.fnmatch(files[0].stem, recipe) and before.issuperset(overlays)
            for recipe, overlays in recipes
        ):
            _log.warning(
                "%s is made for %s, and is given after %s: what of it applies is used, and is not tested.",
                path.name,
                ", ".join("+".join([recipe, *overlays]) for recipe, overlays in recipes),
                "+".join(each.stem for each in files[:place]),
            )
