"""Prepares shards on this machine: clips are decoded in worker processes, shards written in their order."""

import itertools

from vatt.prepare.job import Job
from vatt.prepare.pool import WorkerPool
from vatt.prepare.progress import Progress
from vatt.prepare.shard import make_shard
from vatt.prepare.spool import spool_clip

# While one worker is busy with a video, the others may finish this number of clips each; they wait on the
# disk.
_CLIPS_AHEAD = 32


def run_local(job: Job) -> None:
    """Makes the job's shards, one after the other."""
    with (
        Progress(f"Preparing {job.plan.name}", sum(len(shard.clips) for shard in job.shards)) as progress,
        job.unfinished.spool() as spool,
        WorkerPool(
            workers=job.running.workers,
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
            make_shard(job.unfinished, shard, media_ids, itertools.islice(outcomes, len(shard.clips)))
