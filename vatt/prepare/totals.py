"""The finished shards of a set, added up: for its description, its vocabulary and the end report."""

import dataclasses
from collections import Counter
from collections.abc import Iterable

from vatt.prepare.plan import Shard
from vatt.prepare.record import CONTENTS
from vatt.prepare.unfinished import ShardResult


@dataclasses.dataclass
class SplitTotals:
    """One split.

    Attributes:
        shards: what dataset.json says about each.
        records: how many there are.
        seconds: of video and audio.
        contents: how many records hold video, audio, captions, labels.
    """

    shards: list[dict] = dataclasses.field(default_factory=list)
    records: int = 0
    seconds: float = 0.0
    contents: Counter = dataclasses.field(default_factory=lambda: Counter(dict.fromkeys(CONTENTS, 0)))


@dataclasses.dataclass
class Totals:
    """All splits.

    Attributes:
        splits: by name.
        words: how often each word of the training captions occurs.
        failures: (media_id, reason) of each clip that gave no record.
        warnings: (media_id, what was lost) of clips that were kept in part.
    """

    splits: dict[str, SplitTotals] = dataclasses.field(default_factory=dict)
    words: Counter = dataclasses.field(default_factory=Counter)
    failures: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    warnings: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    @property
    def records(self) -> int:
        return sum(split.records for split in self.splits.values())

    @property
    def seconds(self) -> float:
        return sum(split.seconds for split in self.splits.values())


def add_up(finished: Iterable[tuple[Shard, ShardResult]]) -> Totals:
    """The totals of shards in their order; one result at a time is in memory."""
    totals = Totals()
    for shard, result in finished:
        split = totals.splits.setdefault(shard.split, SplitTotals())
        split.shards.append(result.shard)
        split.records += result.shard["records"]
        split.seconds += result.seconds
        split.contents.update(result.contents)
        totals.words.update(result.words)
        totals.failures.extend((media_id, reason) for media_id, reason in result.failures)
        totals.warnings.extend((media_id, lost) for media_id, lost in result.warnings)
    return totals
