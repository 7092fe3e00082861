"""Says which files were embedded in part, and what was lost of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from vatt.prepare.progress import say
from vatt.terminal import one_line

_LISTED = 20


def say_in_part(lost: Mapping[Any, Sequence[str]], of: int, *, listed_in: str = "") -> None:
    """A line with the count, and one for each of the first files.

    Args:
        lost: file -> what was lost of it, in words; files with nothing may be there too.
        of: how many files were embedded.
        listed_in: where the others can be read; "": they are all said.
    """
    lost = {name: warnings for name, warnings in lost.items() if warnings}
    if not lost:
        return
    say(f"{len(lost)} of {of} files were embedded in part:")
    listed = list(lost.items())[: _LISTED if listed_in else None]
    for name, warnings in listed:
        say(f"  {one_line(name)}: {'; '.join(warnings)}")
    if len(listed) < len(lost):
        say(f"  … and {len(lost) - len(listed)} more, see {listed_in}")
