"""Writes a repaired copy of a prepared set: integers posing as audio scaled back, damaged records left out.

Everything else is copied byte for byte, and counted, hashed and indexed anew. Nothing that was lost is made
up: NaN, leakage and wrong labels are for people to decide.
"""

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import vatt
from vatt.data.set_description import SetDescription
from vatt.files.whole_file import whole_file
from vatt.prepare import tfrecord, writer
from vatt.prepare.doctor.audio import cast_of, uncast
from vatt.prepare.doctor.clip_record import FLOAT_AUDIO, Setting, read_clip
from vatt.prepare.example_reader import ExampleError, parse
from vatt.prepare.pool import Failure, WorkerPool, heartbeat
from vatt.prepare.progress import Progress
from vatt.prepare.sequence_example import serialise
from vatt.prepare.shard_reader import read_shard, stated_offsets


@dataclasses.dataclass(frozen=True)
class Repair:
    """What a repaired copy is: its directory, records mended, and records left out."""

    directory: Path
    mended: int
    left_out: int


def repair(prepared: SetDescription, out_dir: str | Path, *, processes: int | None = None) -> Repair:
    """Writes the copy; dataset.json comes last, so that a copy which was cut short is none.

    Args:
        prepared: the set; it is only read.
        out_dir: a directory that is absent or empty.
        processes: at work; None: one per core.

    Raises:
        ValueError: the directory holds something, or a shard can not be repaired.
    """
    out_dir = Path(out_dir)
    check_target(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    content = copy.deepcopy(prepared.content)
    shards = [shard for described in content["splits"].values() for shard in described["shards"]]
    setting = Setting.of(prepared)
    tasks = [(prepared.directory / shard["file"], out_dir / shard["file"], setting) for shard in shards]
    mended = left_out = 0
    with (
        Progress(f"Repairing {prepared.name}", sum(shard["records"] for shard in shards)) as progress,
        WorkerPool(workers=processes, writable=[out_dir]) as pool,
    ):
        for shard, ((source, *_), outcome) in zip(shards, pool.run(repair_shard, tasks), strict=True):
            if isinstance(outcome, Failure):
                raise ValueError(f"{source} can not be repaired: {outcome.reason}")
            progress.advance(shard["records"])
            written, its_mended, its_left_out = outcome
            shard.update(written)
            mended, left_out = mended + its_mended, left_out + its_left_out
    for described in content["splits"].values():
        described["clips"] = sum(shard["records"] for shard in described["shards"])
        described.pop("clips_with", None)  # what was left out is not known by kind
    with whole_file(out_dir / prepared.vocabulary_file.name) as file:
        file.write(prepared.vocabulary_file.read_bytes())
    made_by = content.get("made_by") or {}
    content["made_by"] = {
        **made_by,
        "repaired": f"vatt doctor {vatt.__version__}: {mended} records mended, {left_out} left out",
    }
    writer.write_json(out_dir / writer.DATASET_FILE, content)
    return Repair(out_dir, mended, left_out)


def check_target(out_dir: str | Path) -> None:
    """Raises ValueError unless a copy can be written there."""
    out_dir = Path(out_dir)
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise ValueError(
            f"--repair writes a copy, into a new directory. Received: {out_dir}, which exists. Name another."
        )


def repair_shard(source: Path, target: Path, setting: Setting) -> tuple[dict, int, int]:
    """Copies a shard: what dataset.json says of the copy, records mended, records left out.

    A missing shard becomes an empty one, so that the names still count up to their total.
    """
    counts = {"mended": 0, "left out": 0}

    def framed() -> Iterator[bytes]:
        for stored in read_shard(source, stated_offsets(source)) if source.is_file() else ():
            heartbeat()
            try:
                content = None if stored.content is None else _mended(stored.content, setting)
            except ExampleError:
                content = None
            if content is None:
                counts["left out"] += 1
                continue
            counts["mended"] += content is not stored.content
            yield tfrecord.frame(content)

    written = writer.write_shard(target, framed())
    return written, counts["mended"], counts["left out"]


def _mended(content: bytes, setting: Setting) -> bytes:
    """The record with its audio scaled back; the same object if nothing is repaired."""
    audio = read_clip(content, setting).audio
    if audio is None or audio.dtype == np.int16 or cast_of(audio) is None:
        return content
    context, frames = parse(content)
    for key in FLOAT_AUDIO:
        if key in frames:
            # One cast for the whole track: a quiet part alone may look like true audio.
            whole = uncast(np.concatenate([np.asarray(step, np.float32) for step in frames[key]]))
            ends = np.cumsum([len(step) for step in frames[key]])[:-1]
            frames[key] = [part.tolist() for part in np.split(whole, ends)]
    as_lists = {name: list(map(_plain, values)) for name, values in context.items()}
    return serialise(
        as_lists, {name: [list(map(_plain, step)) for step in steps] for name, steps in frames.items()}
    )


def _plain(value):
    """A Python number for one of NumPy's; bytes as they are."""
    return value.item() if isinstance(value, np.generic) else value
