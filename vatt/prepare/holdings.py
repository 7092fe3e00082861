"""What records hold, and what was lost on the way to them; of a clip, a shard, a split or a set."""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any

from vatt.prepare.plan import Shard
from vatt.prepare.record import CONTENTS


@dataclasses.dataclass
class Holdings:
    """Numbers and lists that add up."""

    records: int = 0
    seconds: float = 0.0  # of video and audio
    # how many records hold video, audio, captions, labels
    contents: Counter[str] = dataclasses.field(default_factory=lambda: Counter(dict.fromkeys(CONTENTS, 0)))
    words: Counter[str] = dataclasses.field(default_factory=Counter)  # of training captions
    failures: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # (media_id, reason): no record
    warnings: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # (media_id, what was lost)

    def add(self, other: "Holdings") -> None:
        self.records += other.records
        self.seconds += other.seconds
        self.contents.update(other.contents)
        self.words.update(other.words)
        self.failures.extend(other.failures)
        self.warnings.extend(other.warnings)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Holdings":
        """What its `vars` are, after they were JSON."""
        made = cls()
        made.add(cls(**content))
        for entries in (made.failures, made.warnings):
            entries[:] = [(media_id, reason) for media_id, reason in entries]
        return made


@dataclasses.dataclass
class SetHoldings:
    """Those of a set whose shards are finished."""

    whole: Holdings = dataclasses.field(default_factory=Holdings)
    splits: dict[str, Holdings] = dataclasses.field(default_factory=dict)
    shards: dict[str, list[dict]] = dataclasses.field(default_factory=dict)  # for dataset.json, by split


def add_up(finished: Iterable[tuple[Shard, dict, Holdings]]) -> SetHoldings:
    """Those of shards in their order, of each (shard, what dataset.json says of it, what it holds); one at a
    time is in memory."""
    made = SetHoldings()
    for shard, written, holdings in finished:
        made.whole.add(holdings)
        made.splits.setdefault(shard.split, Holdings()).add(holdings)
        made.shards.setdefault(shard.split, []).append(written)
    return made
