"""What a check is, what it found and where; findings of a million records take the room of a few.

A finding keeps how often it was met and the first places, so that memory and report stay small however bad
the set is.
"""

import dataclasses
from collections.abc import Iterable, Mapping

ERROR, WARNING = "error", "warning"
_PLACES_KEPT = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that must hold of a prepared set."""

    name: str  # in reports and JSON; stable
    severity: str  # `ERROR`: training on it goes wrong or stops; `WARNING`: it may be meant, look at it
    rule: str  # what must hold
    way_out: str  # what to do where it does not
    tolerated_share: float = 0.0  # share in [0, 1] up to which it is met in any large set and no finding
    among: str = "clips"  # the count of `tally.Tally.counts` which that share is of
    is_mended: bool = False  # whether `--repair` mends it


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something was found; what is not known or does not apply is None or ""."""

    split: str = ""
    shard: str = ""
    record: int | None = None  # within the shard, from 0
    offset: int | None = None  # of the record, bytes
    clip_id: str = ""  # "media_id@start_seconds"

    def __str__(self) -> str:
        parts = [self.shard or self.split]
        if self.offset is not None:
            record = "" if self.record is None else f"record {self.record} "
            parts.append(f"{record}at byte {self.offset}")
        return ", ".join(part for part in parts if part) + (f" ({self.clip_id})" if self.clip_id else "")


@dataclasses.dataclass
class Finding:
    """All that one check found."""

    check: Check  # the check
    count: int = 0  # how often
    # (what was found, where) of the first ones
    places: list[tuple[str, Place]] = dataclasses.field(default_factory=list)


class Findings:
    """Findings by check, in the order in which they were met."""

    def __init__(self):
        self._by_name: dict[str, Finding] = {}

    def add(self, check: Check, what: str, place: Place = Place()) -> None:  # noqa: B008 (frozen)
        finding = self._by_name.setdefault(check.name, Finding(check))
        finding.count += 1
        if len(finding.places) < _PLACES_KEPT:
            finding.places.append((what, place))

    def takes_places(self, check: Check) -> bool:
        """Whether the next place would be kept; where it is not, finding it out can be spared."""
        return check.name not in self._by_name or len(self._by_name[check.name].places) < _PLACES_KEPT

    def merge(self, others: Iterable[Finding]) -> None:
        for other in others:
            finding = self._by_name.setdefault(other.check.name, Finding(other.check))
            finding.count += other.count
            finding.places.extend(other.places[: _PLACES_KEPT - len(finding.places)])

    def __iter__(self):
        return iter(self._by_name.values())

    def __contains__(self, check: Check) -> bool:
        return check.name in self._by_name

    def settle(self, counts: Mapping[str, int]) -> tuple[list[Finding], list[Finding]]:
        """(findings, what any large set has a little of): errors first; `counts` is of the whole set."""
        kept, tolerated = [], []
        for finding in self:
            check = finding.check
            is_rare = check.tolerated_share and finding.count <= check.tolerated_share * counts.get(
                check.among, 0
            )
            (tolerated if is_rare else kept).append(finding)
        return sorted(kept, key=lambda finding: finding.check.severity != ERROR), tolerated
