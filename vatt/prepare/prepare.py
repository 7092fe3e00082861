"""Clips -> a prepared set: the code that everybody's videos go through, the demo's included.

Clips are in the shards in the order given, and what is in which shard is planned beforehand, so the bytes
of a shard depend on its clips only and never on the runner, the number of workers or what finished first. A
killed run resumes with the first unfinished shard; `dataset.json` comes last.
"""

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vatt.files.json_file import read_object
from vatt.files.mirror import Mirror
from vatt.files.places import is_address, open_store, plain
from vatt.files.store_lock import alone
from vatt.files.whole_file import temporary_folder
from vatt.prepare import description, preparation_report, sandbox, writer
from vatt.prepare.errors import PreparationError, TooManyFailures, disk_errors
from vatt.prepare.holdings import Holdings, SetHoldings, add_up
from vatt.prepare.job import Job, Running, run_local
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.plan import Shard, plan_fingerprint, plan_shards
from vatt.prepare.pool import available_cores
from vatt.prepare.progress import say
from vatt.prepare.record import RecordOptions
from vatt.prepare.unfinished import FOLDER, SPOOL, Unfinished, is_small
from vatt.terminal import one_line

_SHOWN_FAILURES = 3  # in the terminal; the page has all
_WAY_OUT = "What is finished stays: make room and run the same command again, or name another directory."


def prepare_clips(
    plan: Plan,
    directory: str | Path,
    *,
    options: RecordOptions = RecordOptions(),  # noqa: B008 (frozen)
    clips_per_shard: int = 256,
    running: Running = Running(),  # noqa: B008 (frozen)
    fingerprint: str | None = None,
) -> Holdings:
    """Decodes clips in parallel and writes them as records.

    Next to the shards and dataset.json it leaves preparation.json and preparation.html, which name every clip
    that failed and why; these are written also where the set is refused.

    Args:
        plan: what to prepare; the order of its clips is the order in the shards. Missing media are reported,
            and count neither as clips nor as failures.
        directory: the set's; made if it is absent. Prepared already, and from the same clips: nothing is
            done.
        options: rates, sizes, quality.
        clips_per_shard: the largest number of clips in one shard; of large media there are fewer.
        running: processes, their limits, the runner, the share of clips that may fail.
        fingerprint: hash of the set's content, where the caller has a better one than the clips' list.

    Returns:
        What is in the set, and what was lost; of a set that was finished before its number of records, its
        failures and warnings.

    Raises:
        ValueError: an option that no preparation can have.
        TooManyFailures: of the clips. What was prepared is kept for a run that allows more.
        PreparationError: nothing to prepare, the directory holds another set or can not be written.
    """
    if not plan.clips:
        raise PreparationError(
            f"A set must have at least one clip. Received: none for {directory}. Check the folder "
            "or the list that was given, and at what is listed as missing."
        )
    shards = plan_shards(plan.clips, options, clips_per_shard)
    number, count = running.part or (1, 1)
    part = f"-{number}-of-{count}" if running.part else ""
    with _place(directory, part, running) as (folder, mirror):
        making = _Making(plan, shards, Unfinished(folder, mirror), options, running)
        with disk_errors(folder, _WAY_OUT), making.unfinished.alone(part):
            if (folder / writer.DATASET_FILE).exists():
                return making.finished_before()
            holdings = making.make_shards(shards[number - 1 :: count])
        if running.part:
            making.unfinished.pull()  # what other parts have finished meanwhile
        parts = [f"-{each}-of-{count}" for each in range(1, count + 1)] if running.part else []
        with disk_errors(folder, _WAY_OUT), making.unfinished.last(parts) as is_last:
            if (folder / writer.DATASET_FILE).exists():  # another part was the last
                return making.finished_before()
            left = sum(making.unfinished.finished(shard) is None for shard in shards)
            if is_last and not left:
                return making.describe(fingerprint, str(directory))
        say(
            f"{plan.name}: part {number} of {count} is finished; "
            + (f"{left} shards are left to the others" if left else "another one at work finishes the set")
        )
        return holdings


@contextlib.contextmanager
def _place(directory: str | Path, part: str, running: Running) -> Iterator[tuple[Path, Mirror | None]]:
    """Where the set is made on this machine; what is made for a store is sent, also where it is refused."""
    text = plain(directory)
    if not is_address(text):
        yield Path(text), None
        return
    store = open_store(text)
    with temporary_folder(name="set") as folder, alone(store, "a preparation", f".lock{part}"):
        mirror = Mirror(text, folder, skips=(f"{FOLDER}/lock", SPOOL))
        mirror.pull(is_small)
        if running.part is None:  # what a killed pipeline left; another part may be at work on its own
            store.delete(name for name in mirror.listed if name.startswith(SPOOL))
        try:
            yield folder, mirror
        finally:
            mirror.push()


class _Making:
    """A set that is being made."""

    def __init__(
        self,
        plan: Plan,
        shards: Sequence[Shard],
        unfinished: Unfinished,
        options: RecordOptions,
        running: Running,
    ):
        self.unfinished = unfinished
        self._plan, self._shards, self._options, self._running = plan, shards, options, running
        self._print_of_plan = plan_fingerprint(shards, plan.labels)
        self._this_run: dict[str, Any] = {}

    def finished_before(self) -> Holdings:
        """What there is; the folder of a run that was killed between its last two steps goes."""
        holdings = _finished_before(self.unfinished, self._print_of_plan)
        self.unfinished.remove()
        return holdings

    def make_shards(self, shards: Sequence[Shard]) -> Holdings:
        """Makes those that are not finished."""
        self.unfinished.tidy(self._shards)
        todo = [shard for shard in shards if self.unfinished.finished(shard) is None]
        if len(todo) < len(shards):
            say(f"{self._plan.name}: resuming after {len(shards) - len(todo)} of {len(shards)} shards")
        job = Job(
            plan=self._plan,
            shards=todo,
            options=self._options,
            unfinished=self.unfinished,
            running=self._running,
        )
        self._this_run = _run(job)
        return add_up(_finished(self.unfinished, shards)).whole

    def describe(self, fingerprint: str | None, place: str) -> Holdings:
        """Writes the report, and the description unless the set is refused."""
        plan, options, directory = self._plan, self._options, self.unfinished.directory
        made = add_up(_finished(self.unfinished, self._shards))
        made_by = _report(plan, directory, place, made, self._running.max_failures, self._this_run)
        facts = {
            "name": plan.name,
            "subset": plan.planning.subset,
            "labels": list(plan.labels),
            "frame_rate_hz": options.media.max_frame_rate_hz,
            "audio_rate_hz": options.media.audio_rate_hz,
            "audio_codec": options.audio_codec,
            "short_side_pixels": options.media.short_side_pixels,
            "fingerprint": fingerprint or self._print_of_plan,
            "made_by": made_by | {"definition": plan.definition, "plan": self._print_of_plan},
        }
        description.write_description(directory, made, facts)
        self.unfinished.remove()
        return made.whole


def _report(
    plan: Plan, directory: Path, place: str, made: SetHoldings, max_failures: float, this_run: dict
) -> dict:
    """Writes the report and says what is in the set and what is not; returns what made it. TooManyFailures:
    the set is refused.
    """
    clips, failures = len(plan.clips), made.whole.failures
    is_refused = len(failures) > max_failures * clips or not made.whole.records
    made_by = description.made_by()
    report = preparation_report.describe(
        plan,
        made,
        max_failures=max_failures,
        is_finished=not is_refused,
        this_run=this_run,
        made_by=made_by,
    )
    page = f"{place}/{preparation_report.write_report(directory, report).name}"
    _say_what_there_is(made)
    _say_what_is_lost(made.whole, clips, len(plan.missing), page)
    if is_refused:
        media_id, reason = failures[0]
        raise TooManyFailures(
            f"At most {max_failures:.1%} of the clips may fail (--max_failures). "
            f"Received: {len(failures)} of {clips}, first {media_id}: {reason}. "
            f"All are listed in {page}. Remove them, or accept them by the same command with "
            f"--max_failures {math.ceil(100 * len(failures) / clips) / 100:g}."
        )
    return made_by


def _finished_before(unfinished: Unfinished, plan: str) -> Holdings:
    """What the set in a directory holds and lacks, as far as its description and its report say it."""
    directory = unfinished.directory
    defects = writer.defects(directory, unfinished.size)
    dataset = {} if defects else read_object(directory / writer.DATASET_FILE)
    if defects or dataset.get("made_by", {}).get("plan") != plan:
        what = (
            f"a damaged set ({defects[0]})" if defects else "a set of other clips or made with other options"
        )
        raise PreparationError(
            f"{directory} holds {what}. Prepare into another directory, or remove this one first."
        )
    say(f"{directory} is prepared already")
    report = preparation_report.read_report(directory)
    return Holdings(
        records=sum(split["clips"] for split in dataset["splits"].values()),
        failures=[(item["media_id"], item["reason"]) for item in report.get("failed", ())],
        warnings=[(item["media_id"], item["lost"]) for item in report.get("kept_in_part", ())],
    )


def _run(job: Job) -> dict[str, Any]:
    """Makes the job's shards; returns what this run did, for the report."""
    started, running = time.monotonic(), job.running
    if not job.shards:
        pass
    elif running.runner == "beam":
        from vatt.prepare.beam import run_beam  # Apache Beam is an extra, and seconds to import

        run_beam(job)
    else:
        say(f"{job.plan.name}: workers are {sandbox.describe()}")
        run_local(job)
    return {
        "clips": sum(len(shard.clips) for shard in job.shards),
        "media_seconds": add_up(_finished(job.unfinished, job.shards)).whole.seconds,
        "elapsed_seconds": time.monotonic() - started,
        "runner": running.runner,
        "workers": None if running.beam_options else running.processes or available_cores(),
        "sandbox": sandbox.describe(),
    }


def _finished(unfinished: Unfinished, shards: Sequence[Shard]) -> Iterator[tuple[Shard, dict, Holdings]]:
    """What is known about shards that are all finished, read one by one."""
    for shard in shards:
        known = unfinished.finished(shard)
        if known is None:
            raise PreparationError(
                f"{unfinished.directory / shard.file} was made and is no longer there, or was changed "
                f"meanwhile. Run the same command again: it makes what is missing."
            )
        yield shard, *known


def _say_what_there_is(made: SetHoldings) -> None:
    for split, it in sorted(made.splits.items(), reverse=True):  # "train" before "test"
        counts = ", ".join(f"{count} with {what}" for what, count in it.contents.items() if count)
        say(f"  {split}: {it.records} records, {it.seconds / 60:.1f} minutes; {counts}")


def _say_what_is_lost(made: Holdings, clips: int, missing: int, page: str) -> None:
    if missing:
        say(f"Missing media: {missing}; {page} says what was looked for")
    if made.warnings:
        say(f"{len(made.warnings)} of {clips} clips were kept in part; {page} says what was lost")
    if made.failures:
        say(f"{len(made.failures)} of {clips} clips could not be prepared; {page} says why. The first:")
        for media_id, reason in made.failures[:_SHOWN_FAILURES]:
            say(f"  {one_line(reason if media_id in reason else f'{media_id}: {reason}')}")
