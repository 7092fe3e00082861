"""Clips -> a prepared set: the code that everybody's videos go through, the demo's included.

Clips lie in the shards in the order given, in pieces of a fixed size, so the bytes of a shard depend on its
clips only and never on the number of workers or on what finished first. A run that was killed goes on with
the first shard that is not finished; `dataset.json` comes last.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import filelock

import vatt
from vatt.data.words import split_words
from vatt.prepare import writer
from vatt.prepare.pool import Failure, WorkerPool
from vatt.prepare.progress import Progress, say
from vatt.prepare.record import SCHEMA_VERSION, Clip, RecordOptions, make_record

FAILURES_FILE = "failures.json"
_UNFINISHED = ".unfinished"  # folder within a set that is being made: one JSON per finished shard


class PreparationError(Exception):
    """The set could not be made, or must not be; the message says what to do."""


@contextlib.contextmanager
def disk_errors(place: Path, way_out: str) -> Iterator[None]:
    """Says of a place that can not be written what the user can do about it."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if is_full else error.strerror or str(error)
        raise PreparationError(f"{place} can not be written: {reason}. {way_out}") from error


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """What `prepare_clips` did.

    Attributes:
        directory: of the prepared set.
        clips: records in the set, over all splits.
        failures: (media_id, reason) of each clip that could not be read.
        warnings: (media_id, what was lost) of clips that were kept in part.
    """

    directory: Path
    clips: int
    failures: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, str], ...]


def prepare_clips(
    clips: Sequence[Clip],
    directory,
    *,
    name: str,
    options: RecordOptions = RecordOptions(),  # noqa: B008 (frozen)
    labels: Sequence[str] = (),
    definition: str = "",
    fingerprint: str | None = None,
    clips_per_shard: int = 256,
    workers: int | None = None,
    timeout_seconds: float = 600.0,
    max_failures: float = 0.05,
) -> Summary:
    """Decodes clips in parallel and writes them as records.

    Args:
        clips: what to prepare; their order is the order in the shards.
        directory: the set's; made if it is absent. Prepared already, and from the same clips: nothing is
            done.
        name: of the set, for people.
        options: rates, sizes, quality.
        labels: label texts by index.
        definition: one line for dataset.json: what the set was made from.
        fingerprint: hash of the set's content, where the caller has a better one than the clips' list.
        clips_per_shard: the largest number of clips in one shard.
        workers: processes; None: one per core.
        timeout_seconds: a clip that takes longer is given up, and listed.
        max_failures: the share of clips that may fail; the list of failures is written in any case.

    Raises:
        PreparationError: nothing to prepare, too many failures, or the directory holds another set.
        OSError: the directory can not be written, or the disk is full.
    """
    directory = Path(directory)
    if not clips:
        raise PreparationError(f"There is no clip to prepare for {directory}.")
    plan = _fingerprint(clips, options, labels, clips_per_shard)
    if (directory / writer.DATASET_FILE).exists():
        return _finished_before(directory, plan)
    progress_dir = directory / _UNFINISHED
    progress_dir.mkdir(parents=True, exist_ok=True)
    with _alone(progress_dir):
        _open_plan(progress_dir, plan)
        writer.remove_unfinished(directory)
        shards = list(_shards(clips, clips_per_shard))
        kept = _make_shards(directory, progress_dir, shards, name, options, workers, timeout_seconds)
        summary = _summarise(directory, [kept[shard] for shard, _ in shards])
        _report_failures(summary, len(clips), max_failures)
        _close(directory, clips, shards, kept, name, labels, options, definition, fingerprint or plan, plan)
        shutil.rmtree(progress_dir)
    return summary


@contextlib.contextmanager
def _alone(progress_dir: Path) -> Iterator[None]:
    lock = filelock.FileLock(progress_dir / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise PreparationError(
            f"Another process is preparing {progress_dir.parent} at this moment."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _make_shards(directory, progress_dir, shards, name, options, workers, timeout_seconds) -> dict[str, dict]:
    """What is known about each shard, by file name, after the missing ones were made."""
    kept = {shard: _finished_shard(directory, progress_dir, shard) for shard, _ in shards}
    todo = [(shard, part) for shard, part in shards if kept[shard] is None]
    if len(todo) < len(shards):
        say(f"{name}: going on after {len(shards) - len(todo)} of {len(shards)} shards")
    if not todo:
        return kept
    with (
        Progress(f"Preparing {name}", sum(len(part) for _, part in todo)) as progress,
        WorkerPool(workers=workers, timeout_seconds=timeout_seconds) as pool,
    ):
        outcomes = pool.run(make_record, ((clip, options) for _, part in todo for clip in part))
        for shard, part in todo:
            kept[shard] = _write_shard(directory / shard, part, outcomes, progress)
            writer.write_json(progress_dir / f"{shard}.json", kept[shard])
    return kept


def _fingerprint(clips, options, labels, clips_per_shard) -> str:
    """Changes with anything that decides the records; the media count by size and date."""
    digest = hashlib.sha256()
    digest.update(repr((SCHEMA_VERSION, options, tuple(labels), clips_per_shard)).encode())
    for clip in clips:
        try:
            stat = Path(clip.media).stat()
            file = (stat.st_size, stat.st_mtime_ns)
        except OSError:
            file = None  # it will fail, and be listed
        # The set may lie elsewhere next time: the path itself is no content.
        digest.update(repr((dataclasses.replace(clip, media=""), file)).encode())
    return digest.hexdigest()


def _finished_before(directory: Path, plan: str) -> Summary:
    dataset = json.loads((directory / writer.DATASET_FILE).read_bytes())
    defects = writer.defects(directory)
    if defects or dataset["made_by"].get("plan") != plan:
        what = (
            f"a damaged set ({defects[0]})" if defects else "a set of other clips or made with other options"
        )
        raise PreparationError(
            f"{directory} holds {what}. Prepare into another directory, or remove this one first."
        )
    say(f"{directory} is prepared already")
    return Summary(
        directory=directory,
        clips=sum(split["clips"] for split in dataset["splits"].values()),
        failures=(),
        warnings=(),
    )


def _open_plan(progress_dir: Path, plan: str) -> None:
    """Keeps what an earlier run finished, if it did the same."""
    plan_file = progress_dir / "plan"
    if not plan_file.exists() or plan_file.read_text() != plan:
        for path in progress_dir.glob("*.json"):
            path.unlink()
        with writer.whole_file(plan_file) as file:
            file.write(plan.encode())


def _shards(clips: Sequence[Clip], clips_per_shard: int) -> Iterator[tuple[str, list[Clip]]]:
    """(file name, its clips), split by split; the pieces of a split differ by at most one clip in size."""
    for split in sorted({clip.split for clip in clips}):
        members = [clip for clip in clips if clip.split == split]
        count = math.ceil(len(members) / clips_per_shard)
        bounds = [len(members) * number // count for number in range(count + 1)]
        for number in range(count):
            yield writer.shard_name(split, number, count), members[bounds[number] : bounds[number + 1]]


def _finished_shard(directory: Path, progress_dir: Path, shard: str) -> dict | None:
    """What is known about a shard that an earlier run finished; None if it has to be made."""
    try:
        known = json.loads((progress_dir / f"{shard}.json").read_bytes())
        sizes = [path.stat().st_size for path in (directory / shard, writer.offsets_path(directory / shard))]
    except (OSError, ValueError):
        return None
    return known if sizes == [known["shard"]["bytes"], 8 * known["shard"]["records"]] else None


def _write_shard(path: Path, part: Sequence[Clip], outcomes: Iterator, progress: Progress) -> dict:
    """Takes the outcomes of `part` and writes those that are records."""
    failures, warnings = [], []

    def framed():
        for clip in part:
            _, outcome = next(outcomes)
            progress.advance()
            if isinstance(outcome, Failure):
                failures.append((clip.media_id, outcome.reason))
                continue
            warnings.extend((clip.media_id, warning) for warning in outcome.warnings)
            yield outcome.framed

    shard = writer.write_shard(path, framed())
    failed = {media_id for media_id, _ in failures}
    words = Counter(
        word
        for clip in part
        if clip.split == "train" and clip.media_id not in failed
        for _, _, text in clip.captions
        for word in split_words(text)
    )
    return {"shard": shard, "failures": failures, "warnings": warnings, "words": dict(words)}


def _summarise(directory: Path, shards: list[dict]) -> Summary:
    return Summary(
        directory=directory,
        clips=sum(known["shard"]["records"] for known in shards),
        failures=tuple(tuple(failure) for known in shards for failure in known["failures"]),
        warnings=tuple(tuple(warning) for known in shards for warning in known["warnings"]),
    )


def _report_failures(summary: Summary, clips: int, max_failures: float) -> None:
    path = summary.directory / FAILURES_FILE
    writer.write_json(
        path,
        {
            "failed": [{"media_id": media_id, "reason": reason} for media_id, reason in summary.failures],
            "kept_in_part": [{"media_id": media_id, "lost": lost} for media_id, lost in summary.warnings],
        },
    )
    if summary.failures:
        say(f"{len(summary.failures)} of {clips} clips could not be prepared; {path} says why")
    if len(summary.failures) > max_failures * clips or not summary.clips:
        media_id, reason = summary.failures[0]
        raise PreparationError(
            f"At most {max_failures:.1%} of the clips may fail (--max_failures). "
            f"Received: {len(summary.failures)} of {clips}, first {media_id}: {reason}. "
            f"All are listed in {path}."
        )


def _close(directory, clips, shards, kept, name, labels, options, definition, fingerprint, plan) -> None:
    """Writes the vocabulary and, last, dataset.json."""
    counts = sum((Counter(kept[shard]["words"]) for shard, _ in shards), Counter())
    words = writer.vocabulary(counts)
    with writer.whole_file(directory / writer.VOCABULARY_FILE) as file:
        file.write(("\n".join(words) + "\n").encode())
    splits = {}
    for split in sorted({clip.split for clip in clips}):
        members = [kept[shard]["shard"] for shard, part in shards if part[0].split == split]
        splits[split] = {"clips": sum(shard["records"] for shard in members), "shards": members}
    content = {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "splits": splits,
        "labels": list(labels),
        "vocabulary": {"file": writer.VOCABULARY_FILE, "size": len(words)},
        "frame_rate_hz": options.media.max_frame_rate_hz,
        "audio_rate_hz": options.media.audio_rate_hz,
        "short_side_pixels": options.media.short_side_pixels,
        "fingerprint": fingerprint,
        "made_by": {
            "program": "vatt.prepare",
            "version": vatt.__version__,
            "command": shlex.join(sys.argv),
            "definition": definition,
            "plan": plan,
            "date": time.strftime("%Y-%m-%d"),
        },
    }
    writer.write_json(directory / writer.DATASET_FILE, content)
