"""What a runner of the preparation is given."""

import dataclasses
from collections.abc import Sequence

from vatt.prepare.layouts.plan import Plan
from vatt.prepare.plan import Shard
from vatt.prepare.record import RecordOptions
from vatt.prepare.unfinished import Unfinished

RUNNERS = ("local", "beam")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Running:
    """How the work runs.

    Attributes:
        workers: processes; None: one per core.
        timeout_seconds: a clip that gives no record for so long is given up, and listed.
        memory_bytes: limit of a worker; a clip that needs more fails, and is listed. None: no limit.
        max_failures: the share of clips that may fail, 0 to 1.
        runner: "local", or "beam" for an Apache Beam pipeline.
        beam_options: the pipeline's options, as on Beam's own command line; none: Beam runs here.
    """

    workers: int | None = None
    timeout_seconds: float = 600.0
    memory_bytes: int | None = 4 << 30
    max_failures: float = 0.05
    runner: str = "local"
    beam_options: Sequence[str] = ()

    def __post_init__(self):
        if self.runner not in RUNNERS:
            raise ValueError(f"`runner` must be one of {', '.join(RUNNERS)}. Received: {self.runner!r}.")
        if not 0 <= self.max_failures <= 1:
            raise ValueError(
                f"`max_failures` must be a share between 0 and 1. Received: {self.max_failures}."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """The shards to make, and with what.

    Attributes:
        plan: the set, with all of its clips.
        shards: those that are to be made.
        options: rates, sizes, quality.
        unfinished: where the set is being made.
        running: workers, limits, runner.
    """

    plan: Plan
    shards: Sequence[Shard]
    options: RecordOptions
    unfinished: Unfinished
    running: Running
