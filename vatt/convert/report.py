"""The load report: what became of every variable of a checkpoint and of every weight of our model.

A conversion is complete when nothing of ours is missing and nothing of theirs is unused. What may stay out is
named by the caller, never decided here.
"""

import collections
import dataclasses
import fnmatch
import json
import math
from collections.abc import Sequence
from pathlib import Path

from vatt.files.whole_file import whole_file

LINES_SHOWN = 20  # of each list in the summary; the JSON file holds them all


class ConversionError(ValueError):
    """The input cannot be converted; the message says what it must be, what came, and a way out."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One variable: its name there, its path here (either may be absent), its shape, and what was done or why
    not.
    """

    source: str | None
    target: str | None
    shape: tuple[int, ...]
    note: str = ""

    def __str__(self):
        arrow = " -> ".join(name for name in (self.source, self.target) if name)
        return f"{arrow} {list(self.shape)}" + (f": {self.note}" if self.note else "")


@dataclasses.dataclass
class LoadReport:
    """What a conversion did."""

    source: str  # where the weights came from
    target: str  # the model that took them, in words
    matched: list[Entry] = dataclasses.field(default_factory=list)  # copied as they are
    # copied after a change that the note names (transposed, inflated, interpolated)
    transformed: list[Entry] = dataclasses.field(default_factory=list)
    # weights of our model that nothing in the source filled
    missing: list[Entry] = dataclasses.field(default_factory=list)
    # variables of the source that found no place
    unused: list[Entry] = dataclasses.field(default_factory=list)
    # variables of the source that have no place by their nature, which the note names: optimizer slots,
    # counters, a decoder
    skipped: list[Entry] = dataclasses.field(default_factory=list)
    # what the source leaves out and its library's own values fill in, in words
    assumed: list[str] = dataclasses.field(default_factory=list)

    @property
    def coverage_percent(self) -> float:
        """Share of our model's numbers that the source filled."""
        filled = sum(math.prod(entry.shape) for entry in self.matched + self.transformed)
        missing = sum(math.prod(entry.shape) for entry in self.missing)
        return 100.0 * filled / max(filled + missing, 1)

    def problems(self, allow_missing: Sequence[str] = (), allow_unused: Sequence[str] = ()) -> list[Entry]:
        """What keeps the conversion from being complete.

        Args:
            allow_missing: patterns (`*`, `?`, `[…]`) over paths of our weights that may stay as initialised.
            allow_unused: patterns over names in the source that may be left behind.
        """
        missing = [entry for entry in self.missing if not _any_matches(entry.target, allow_missing)]
        return missing + [entry for entry in self.unused if not _any_matches(entry.source, allow_unused)]

    def summary(self) -> str:
        """The report for a terminal."""
        lines = [
            f"{self.source} -> {self.target}",
            f"  matched      {len(self.matched)}",
            f"  transformed  {len(self.transformed)}",
            f"  missing      {len(self.missing)}",
            f"  unused       {len(self.unused)}",
            f"  skipped      {len(self.skipped)}{self._skipped_kinds()}",
            f"  coverage     {self.coverage_percent:.2f} % of the model's numbers",
        ]
        for title in ("transformed", "missing", "unused"):
            entries = getattr(self, title)
            lines += [f"  {title}: {entry}" for entry in entries[:LINES_SHOWN]]
            if len(entries) > LINES_SHOWN:
                lines.append(
                    f"  {title}: … and {len(entries) - LINES_SHOWN} more; --report FILE lists them all"
                )
        lines += [f"  assumed: {each}" for each in self.assumed]
        return "\n".join(lines)

    def _skipped_kinds(self):
        kinds = collections.Counter(entry.note for entry in self.skipped)
        return "".join(f", {number} × {kind}" for kind, number in kinds.items()).replace(",", "  of which", 1)

    def as_dict(self) -> dict:
        """The report for a JSON file."""
        return dataclasses.asdict(self) | {
            "coverage_percent": self.coverage_percent,
            "complete": not self.problems(),
        }

    def write(self, path: str | Path) -> None:
        """Writes the JSON file."""
        with whole_file(Path(path)) as file:
            file.write((json.dumps(self.as_dict(), indent=1) + "\n").encode())


def _any_matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
