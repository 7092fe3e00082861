"""What a runner of the preparation is given, and the runner on this machine.

Clips are decoded in worker processes, shards written in their order.
"""

import dataclasses
import itertools
from collections.abc import Sequence

from vatt.prepare.layouts.plan import Plan
from vatt.prepare.plan import Shard
from vatt.prepare.pool import WorkerPool
from vatt.prepare.progress import Progress
from vatt.prepare.record import RecordOptions
from vatt.prepare.spool import spool_clip
from vatt.prepare.unfinished import Unfinished

RUNNERS = ("local", "beam")
# While one worker is busy with a video, the others may finish this number of clips each; they wait on the
# disk.
_CLIPS_AHEAD = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Running:
    """How the work runs."""

    processes: int | None = None  # None: one per core
    timeout_seconds: float = 600.0  # a clip that gives no record for so long is given up, and listed
    # limit of a worker; a clip that needs more fails, and is listed. None: no limit.
    memory_bytes: int | None = 4 << 30
    max_failures: float = 0.05  # the share of clips that may fail, 0 to 1
    runner: str = "local"  # "local", or "beam" for an Apache Beam pipeline
    # (number from 1, of how many): make every so-manieth shard only; the last to end describes the set
    part: tuple[int, int] | None = None
    # the pipeline's options, as on Beam's own command line; none: Beam runs here
    beam_options: Sequence[str] = ()

    def __post_init__(self):
        if self.runner not in RUNNERS:
            raise ValueError(f"`runner` must be one of {', '.join(RUNNERS)}. Received: {self.runner!r}.")
        if self.part is not None and not 1 <= self.part[0] <= self.part[1]:
            raise ValueError(f"`part` must be one of the parts, from 1. Received: {self.part}.")
        if not 0 <= self.max_failures <= 1:
            raise ValueError(
                f"`max_failures` must be a share between 0 and 1. Received: {self.max_failures}."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """The shards to make, and with what."""

    plan: Plan  # the set, with all of its clips
    shards: Sequence[Shard]  # those that are to be made
    options: RecordOptions  # rates, sizes, quality
    unfinished: Unfinished  # where the set is being made
    running: Running  # workers, limits, runner


def run_local(job: Job) -> None:
    """Makes the job's shards, one after the other."""
    with (
        Progress(f"Preparing {job.plan.name}", sum(len(shard.clips) for shard in job.shards)) as progress,
        job.unfinished.spool() as spool,
        WorkerPool(
            workers=job.running.processes,
            timeout_seconds=job.running.timeout_seconds,
            memory_bytes=job.running.memory_bytes,
            tasks_ahead=_CLIPS_AHEAD,
            writable=[spool],
        ) as pool,
    ):
        tasks = (
            (job.plan.clips[number], job.options, str(spool / str(number)))
            for shard in job.shards
            for number in shard.clips
        )
        outcomes = progress.each(outcome for _, outcome in pool.run(spool_clip, tasks))
        for shard in job.shards:
            media_ids = [job.plan.clips[number].media_id for number in shard.clips]
            job.unfinished.make(shard, media_ids, itertools.islice(outcomes, len(shard.clips)))
