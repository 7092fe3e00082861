"""Examines a whole prepared set: a task per shard in worker processes, then checks that need the whole
set."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from vatt.data.set_description import SetDescription, UnreadableSet, read_description
from vatt.prepare.doctor import audio, captions, duplicates, labels
from vatt.prepare.doctor.clip_record import ClipRecord, Setting, read_clip
from vatt.prepare.doctor.findings import ERROR, Check, Finding, Findings, Place
from vatt.prepare.doctor.prepared_set import inspect_set
from vatt.prepare.doctor.shard import (
    DAMAGED,
    RECORD_HASHES,
    SHARD_MISSING,
    SHARD_SIZE,
    ShardTask,
    examine_shard,
)
from vatt.prepare.doctor.tally import Tally
from vatt.prepare.planning import subset_in_words
from vatt.prepare.pool import Failure, WorkerPool
from vatt.prepare.progress import Progress
from vatt.prepare.shard_reader import read_record

UNEXAMINED = Check(
    name="shard-unexamined",
    severity=ERROR,
    rule="Every shard must be examined to its end.",
    way_out="Look at the reason; a crash or a lack of memory may come from one record.",
)


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What was found in a set."""

    prepared: SetDescription  # the set
    findings: list[Finding]  # errors first
    tolerated: list[Finding]  # what any large set has a little of
    splits: dict[str, Tally]  # what was counted, by split
    hashes: np.ndarray  # `shard.RECORD_HASHES` of every readable record
    decode_every: int  # of every n-th record all frames were decoded

    @property
    def whole(self) -> Tally:
        """The counts of all splits."""
        return Tally.total(self.splits.values())

    @property
    def subset(self) -> str:
        """Which part of a published set it is, in words; "" for no such part."""
        record = self.prepared.content.get("subset")
        return subset_in_words(record) if record else ""

    def read(self, row: np.void) -> tuple[ClipRecord, Place]:
        """The clip of a row of `hashes`, and where it is."""
        return _read(self.prepared, row)


def examine(
    directory: str | Path, *, sample: int | None = None, training: str = "train", processes: int | None = None
) -> Diagnosis:
    """Examines every record of a prepared set.

    Args:
        directory: of the set.
        sample: decode all frames of about this number of records, spread evenly, and three frames of the
            others; None: all frames of all records.
        training: name of the training split, which must share nothing with the others.
        processes: at work; None: one per core.

    Raises:
        UnreadableSet: the directory holds no set of this version.
    """
    if sample is not None and sample < 1:
        raise ValueError(f"`sample` must be at least 1. Received: {sample}.")
    prepared = read_description(directory)
    if prepared.is_made_on_demand:
        raise UnreadableSet(
            f"Records that are examined must be there. Received: {directory}, whose records are made of tar "
            "files when they are read. Prepare the set without --in_place."
        )
    records = sum(stated["records"] for _, stated in prepared.shards)
    decode_every = 1 if sample is None else max(1, records // sample)
    tasks = [
        ShardTask(
            path=prepared.directory / stated["file"],
            number=number,
            split=split,
            records=stated["records"],
            bytes=stated["bytes"],
            sha256=stated["sha256"],
            setting=Setting.of(prepared),
            decode_every=decode_every,
        )
        for number, (split, stated) in enumerate(prepared.shards)
    ]
    findings, hashes = Findings(), [np.zeros(0, RECORD_HASHES)]
    splits = {split: Tally() for split in prepared.splits}
    with (
        Progress(f"Examining {prepared.name}", records) as progress,
        WorkerPool(workers=processes) as pool,
    ):
        for (task,), notes in pool.run(examine_shard, ((task,) for task in tasks)):
            progress.advance(task.records)
            if isinstance(notes, Failure):
                findings.add(UNEXAMINED, notes.reason, Place(task.split, task.path.name))
                continue
            findings.merge(notes.findings)
            splits[task.split].add(notes.tally)
            hashes.append(notes.hashes)
    hashes = np.concatenate(hashes)
    is_whole = not any(check in findings for check in (DAMAGED, SHARD_MISSING, SHARD_SIZE, UNEXAMINED))
    inspect_set(prepared, splits, training, findings, is_whole=is_whole)
    labels.conclude(splits, training, findings)
    captions.conclude(hashes, findings)
    split_of_shard = [split for split, _ in prepared.shards]
    read = functools.partial(_read, prepared)
    audio.conclude(hashes, read, findings)
    duplicates.compare(hashes, split_of_shard, training, read, findings)
    kept, tolerated = findings.settle(Tally.total(splits.values()).counts)
    return Diagnosis(prepared, kept, tolerated, splits, hashes, decode_every)


def _read(prepared: SetDescription, row: np.void) -> tuple[ClipRecord, Place]:
    split, stated = prepared.shards[row["shard"]]
    path = prepared.directory / stated["file"]
    stored = read_record(path, int(row["offset"]))
    clip = read_clip(stored.content or b"", Setting.of(prepared))
    return clip, Place(split, path.name, None, int(row["offset"]), clip.clip_id)
