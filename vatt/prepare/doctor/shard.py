"""Examines one shard: the task that worker processes do, one record in memory at a time."""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vatt.prepare.doctor import audio, captions, frames, labels
from vatt.prepare.doctor.clip_record import RECORD_SCHEMA, ClipRecord, Setting, read_clip
from vatt.prepare.doctor.findings import ERROR, Check, Finding, Findings, Place
from vatt.prepare.doctor.tally import Tally
from vatt.prepare.example_reader import ExampleError
from vatt.prepare.pool import heartbeat
from vatt.prepare.record import without_repeats
from vatt.prepare.shard_reader import read_shard, stated_offsets

SHARD_MISSING = Check(
    name="shard-missing",
    severity=ERROR,
    rule="Every shard that dataset.json lists must be there.",
    way_out="Copy it again, or prepare the set again.",
)
SHARD_SIZE = Check(
    name="shard-size",
    severity=ERROR,
    rule="A shard must have the bytes and the records that dataset.json states.",
    way_out="Copy it again, or prepare the set again; `--repair OUT` keeps what can be read.",
    is_mended=True,
)
SHARD_CHECKSUM = Check(
    name="shard-checksum",
    severity=ERROR,
    rule="A shard must have the SHA-256 that dataset.json states.",
    way_out="Another run wrote it, or it was changed since: copy all shards again, or prepare the set again.",
    is_mended=True,
)
OFFSETS = Check(
    name="offsets-file",
    severity=ERROR,
    rule="The .offsets file of a shard must state where each of its records starts.",
    way_out="Copy it again, or delete it: readers then look for the records themselves, at each start.",
    is_mended=True,
)
DAMAGED = Check(
    name="record-damaged",
    severity=ERROR,
    rule="Every record must match its checksums and parse as a SequenceExample.",
    way_out="Copy the shard again, or prepare the set again; `--repair OUT` leaves such records out.",
    is_mended=True,
)
SPLIT = Check(
    name="record-split",
    severity=ERROR,
    rule="A record must be in the split that it names.",
    way_out="Shards were renamed or mixed: prepare the set again, or training clips end up in the test.",
)
EMPTY = Check(
    name="record-empty",
    severity=ERROR,
    rule="A record must have frames or audio.",
    way_out="Leave such clips out when preparing.",
)
TIMES = Check(
    name="record-times",
    severity=ERROR,
    rule="A record's start and end in its source must span as long as its frames, within one frame.",
    way_out="The frame rate or the times are stated wrongly: prepare the set again.",
)

# Of each readable record, for the checks that compare records: where it is, and hashes of what it holds
# (0: it holds none).
RECORD_HASHES = np.dtype(
    [
        ("shard", "<i4"),
        ("offset", "<i8"),
        ("frames", "<u8"),
        ("audio", "<u8"),
        ("source", "<u8"),
        ("fingerprints", "<u8", (3,)),  # fingerprints of three frames
        ("caption_level", "u1"),  # see `captions.level`
        ("audio_level", "u1"),  # see `audio.level`
    ]
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardTask:
    """A shard to examine."""

    path: Path  # of the shard
    number: int  # of the shard within the set
    split: str  # its split
    # what dataset.json states; the last may be ""
    records: int
    bytes: int
    sha256: str
    setting: Setting  # what dataset.json says of every record
    decode_every: int  # of every n-th record all frames are decoded; 1: of all


@dataclasses.dataclass
class ShardNotes:
    """What is known of a shard after it was examined; a few kilobytes and 62 bytes for each record."""

    findings: list[Finding]
    tally: Tally
    hashes: np.ndarray


def examine_shard(task: ShardTask) -> ShardNotes:
    """Reads every record of a shard and checks it; a pure function of the files."""
    findings, tally, rows = Findings(), Tally(), []
    here = Place(task.split, task.path.name)
    if not task.path.is_file():
        findings.add(SHARD_MISSING, f"{task.records} records are not there", here)
        return ShardNotes(list(findings), tally, np.zeros(0, RECORD_HASHES))
    hints = stated_offsets(task.path)
    starts, is_intact = [], True
    for stored in read_shard(task.path, hints):
        heartbeat()
        starts.append(stored.offset)
        place = dataclasses.replace(here, record=stored.number, offset=stored.offset)
        if stored.content is None:
            is_intact = False
            findings.add(DAMAGED, stored.damage, place)
            continue
        try:
            clip = read_clip(stored.content, task.setting)
        except ExampleError as error:
            findings.add(DAMAGED, f"it does not parse: {error}", place)
            continue
        place = dataclasses.replace(place, clip_id=clip.clip_id)
        tally.counts["clips"] += 1
        decodes_all = stored.number % task.decode_every == 0
        wrong, fingerprints = frames.inspect(clip, task.setting, tally, decodes_all=decodes_all)
        for check, what in (*_inspect_record(clip, task.split), *wrong, *_inspect_rest(clip, task, tally)):
            findings.add(check, what, place)
        rows.append(
            (
                task.number,
                stored.offset,
                *_hashes(clip),
                fingerprints,
                captions.level(clip),
                audio.level(clip),
            )
        )
    _inspect_files(task, np.asarray(starts, np.int64), hints, is_intact, here, findings)
    return ShardNotes(list(findings), tally, np.array(rows, RECORD_HASHES))


def _inspect_record(clip: ClipRecord, split: str) -> Iterator[tuple[Check, str]]:
    for problem in clip.problems:
        yield RECORD_SCHEMA, problem
    if clip.split is not None and clip.split != split:
        yield SPLIT, f"the record names {clip.split!r} and is in {split!r}"
    if not clip.jpegs and clip.audio is None and not clip.problems:
        yield EMPTY, "neither frames nor audio"
    if clip.end_seconds is not None and clip.jpegs and clip.frame_rate_hz > 0:
        seconds = clip.end_seconds - clip.start_seconds
        if abs(seconds - clip.video_seconds) > 1 / clip.frame_rate_hz + 1e-6:
            yield TIMES, f"{seconds:.3f} s stated, {len(clip.jpegs)} frames are {clip.video_seconds:.3f} s"


def _inspect_rest(clip: ClipRecord, task: ShardTask, tally: Tally) -> Iterator[tuple[Check, str]]:
    for kind in (audio, captions, labels):
        yield from kind.inspect(clip, task.setting, tally)


def _hashes(clip: ClipRecord) -> tuple[int, int, int]:
    """Of the frames, the audio and the source; 0 where there is none. Silence is no audio."""
    return (
        _hash(*_sized(without_repeats(clip.jpegs))) if clip.jpegs else 0,
        _hash(np.ascontiguousarray(clip.audio).data) if clip.is_audible else 0,
        _hash(clip.media_id.encode()) if clip.media_id else 0,
    )


def _sized(jpegs: list[bytes]) -> Iterator[bytes]:
    return (len(jpeg).to_bytes(8, "little") + jpeg for jpeg in jpegs)


def _hash(*parts) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest(), "little")


def _inspect_files(task, starts, hints, is_intact, here, findings) -> None:
    """The shard as a file. Where a record is damaged, that is the finding, and what follows from it none."""
    if not is_intact:
        return
    size = task.path.stat().st_size
    if (len(starts), size) != (task.records, task.bytes):
        what = f"{len(starts)} records, {size} bytes; stated: {task.records} records, {task.bytes} bytes"
        findings.add(SHARD_SIZE, what, here)
    elif task.sha256:
        with open(task.path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != task.sha256:
            findings.add(SHARD_CHECKSUM, f"{found[:12]}… instead of {task.sha256[:12]}…", here)
    if hints is None:
        findings.add(OFFSETS, "it is missing or cut short", here)
    elif not np.array_equal(hints, starts):
        findings.add(OFFSETS, f"{len(hints)} starts, not those of the {len(starts)} records", here)
