"""Prepares shards as an Apache Beam pipeline, which runs on Dataflow, Flink, Spark or, to try it, right here.

The same function decodes a clip and the same one writes a shard as in a local run, so the bytes are the same.
Records do not travel through the pipeline, nor are clips in its graph: the launcher leaves a file for each
shard, and workers spool records, with the set, see `vatt.prepare.beam_spool`. So workers share either a file
system, where they see media and set under the same paths, or an object store with both, and nothing else.
Steps that the runner repeats do no harm: each attempt has a spool file of its own, and a shard that is
finished is not made again.
"""

import contextlib
import pickle
import uuid
from collections.abc import Iterable, Iterator

from vatt.prepare.beam_spool import Spool, opened_spool
from vatt.prepare.errors import PreparationError
from vatt.prepare.job import Job
from vatt.prepare.plan import Shard
from vatt.prepare.pool import Failure, WorkerPool, available_cores
from vatt.prepare.progress import say
from vatt.prepare.record import Clip
from vatt.prepare.spool import Spooled, spool_clip

try:
    import apache_beam as beam  # pyright: ignore[reportMissingImports] (an extra)
    from apache_beam.options.pipeline_options import PipelineOptions  # pyright: ignore[reportMissingImports]
    from apache_beam.runners.runner import PipelineState  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise PreparationError(
        "`--runner=beam` needs Apache Beam, which is not installed. Install it with "
        "`pip install 'vatt[beam]'`, best in an environment of its own: preparing needs no TensorFlow."
    ) from error

# By its full name: "DirectRunner" would first try to download a runner that is written in Go.
_LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def run_beam(job: Job) -> None:
    """Makes the job's shards; returns when the pipeline has ended. If it fails, a PreparationError says so,
    and shards that were finished are kept.
    """
    clips = sum(len(shard.clips) for shard in job.shards)
    say(f"Preparing {job.plan.name}: {clips} clips in {len(job.shards)} shards, as a Beam pipeline")
    with opened_spool(job.unfinished) as spool:
        files = [shard.file for shard in job.shards]
        for shard in job.shards:
            part = (shard, [job.plan.clips[number] for number in shard.clips])
            spool.put(_part_name(shard.file), pickle.dumps(part))
        decode = _Decode(spool, job)
        pipeline = beam.Pipeline(options=PipelineOptions(_flags(job)))
        _ = (
            pipeline
            | "Shards" >> beam.Create(files)
            | "Clips" >> beam.FlatMap(_clips_of, spool)
            | "Spread" >> beam.Reshuffle()  # the clips of one shard over all workers
            | "Decode" >> beam.ParDo(decode)
            | "Gather" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write, spool)
        )
        try:
            state = pipeline.run().wait_until_finish()
        except Exception as error:  # each runner has its own
            raise _failed(str(error)) from error
        if state != PipelineState.DONE:
            raise _failed(str(state))


def _flags(job: Job) -> list[str]:
    """The pipeline's options; without the caller's own it runs here, a thread for each worker process."""
    processes = job.running.processes or available_cores()
    here = [
        f"--runner={_LOCAL_RUNNER}",
        "--direct_running_mode=multi_threading",
        f"--direct_num_workers={processes}",
    ]
    return list(job.running.beam_options) or here


def _failed(reason: str) -> PreparationError:
    return PreparationError(
        f"The Beam pipeline failed: {reason}. Finished shards are kept: mend the cause and run the same "
        f"command again."
    )


def _part_name(file: str) -> str:
    return f"{file}.part"


def _part(file: str, spool: Spool) -> tuple[Shard, list[Clip]]:
    """A shard and its clips, as the launcher left them."""
    return pickle.loads(spool.get(_part_name(file)))


def _clips_of(file: str, spool: Spool) -> Iterator[tuple[str, int, Clip]]:
    """(shard, place in it, clip)."""
    for place, clip in enumerate(_part(file, spool)[1]):
        yield file, place, clip


class _Decode(beam.DoFn):
    """Decodes clips in a process of its own: a file that crashes the decoder must not end a Beam worker."""

    def __init__(self, spool: Spool, job: Job):
        self._spool, self._options = spool, job.options
        self._limits = {
            "timeout_seconds": job.running.timeout_seconds,
            "memory_bytes": job.running.memory_bytes,
        }

    def setup(self) -> None:
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(self._spool.scratch())
        pool = WorkerPool(workers=1, writable=[self._folder], **self._limits)
        self._pool = self._stack.enter_context(pool)

    def teardown(self) -> None:
        self._stack.close()

    def process(self, element) -> Iterator[tuple[str, tuple[int, Spooled | Failure]]]:
        file, place, clip = element
        path = str(self._folder / uuid.uuid4().hex)
        [(_, outcome)] = self._pool.run(spool_clip, [(clip, self._options, path)])
        if isinstance(outcome, Failure):
            outcome = Failure(outcome.reason)
        else:
            outcome = self._spool.sent(outcome)
        yield file, (place, outcome)


def _write(gathered: tuple[str, Iterable[tuple[int, Spooled | Failure]]], spool: Spool) -> str:
    file, outcomes = gathered
    shard, clips = _part(file, spool)
    with spool.unfinished(shard) as unfinished:
        if unfinished.finished(shard) is None:
            in_order = [outcome for _, outcome in sorted(outcomes, key=lambda numbered: numbered[0])]
            here = (
                spool.fetched(each, unfinished) if isinstance(each, Spooled) else each for each in in_order
            )
            unfinished.make(shard, [clip.media_id for clip in clips], here)
    return file
