"""One shard: the spooled records of its clips, in their order, become a file; the same for every runner."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from vatt.prepare import writer
from vatt.prepare.plan import Shard
from vatt.prepare.pool import Failure
from vatt.prepare.record import CONTENTS
from vatt.prepare.spool import Spooled, SpoolError
from vatt.prepare.unfinished import ShardResult, Unfinished


def make_shard(
    unfinished: Unfinished, shard: Shard, media_ids: Sequence[str], outcomes: Iterable[Spooled | Failure]
) -> None:
    """Writes a shard, its offsets and what is known about it; then its spool files are removed.

    Args:
        unfinished: of the set.
        shard: which.
        media_ids: names of the shard's clips, for the lists of what went wrong.
        outcomes: of these clips, in the same order; taken one by one while the file is written.

    Raises:
        SpoolError: a worker could not write its spool file.
        OSError: the shard can not be written.
    """
    tally = _Tally()

    def framed_records() -> Iterator[bytes]:
        for media_id, outcome in zip(media_ids, outcomes, strict=True):
            tally.add(media_id, outcome)
            if isinstance(outcome, Spooled):
                yield from outcome.records()

    writer.write_shard(
        unfinished.directory / shard.file,
        framed_records(),
        announce=lambda written: unfinished.announce(tally.result(shard, written)),
    )
    for spooled in tally.spooled:  # only now, so that a process killed before can do the same again
        spooled.discard()


class _Tally:
    """Adds up what is said about the clips of a shard."""

    def __init__(self):
        self.spooled: list[Spooled] = []
        self._seconds = 0.0
        self._contents = Counter(dict.fromkeys(CONTENTS, 0))
        self._words = Counter()
        self._failures, self._warnings = [], []

    def add(self, media_id: str, outcome: Spooled | Failure) -> None:
        if isinstance(outcome, Failure):
            if isinstance(outcome.error, SpoolError):
                raise outcome.error
            self._failures.append((media_id, outcome.reason))
            return
        self.spooled.append(outcome)
        self._seconds += outcome.seconds
        self._contents.update(outcome.contents)
        self._words.update(outcome.words)
        if outcome.warnings:  # one entry per clip, so that entries count clips
            self._warnings.append((media_id, "; ".join(outcome.warnings)))

    def result(self, shard: Shard, written: dict) -> ShardResult:
        return ShardResult(
            fingerprint=shard.fingerprint,
            shard=written,
            seconds=self._seconds,
            contents=dict(self._contents),
            words=dict(self._words),
            failures=self._failures,
            warnings=self._warnings,
        )
