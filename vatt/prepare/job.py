"""What a runner of the preparation is given."""

import dataclasses
from collections.abc import Sequence

from vatt.prepare.plan import Shard
from vatt.prepare.record import Clip, RecordOptions
from vatt.prepare.unfinished import Unfinished


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """The shards to make, and with what.

    Attributes:
        name: of the set, for people.
        clips: all clips of the set.
        shards: those that are to be made.
        options: rates, sizes, quality.
        unfinished: where the set is being made.
        workers: processes; None: one per core.
        timeout_seconds, memory_bytes: what a worker may take, see `WorkerPool`.
        beam_options: the Beam runner's own, as on its command line.
    """

    name: str
    clips: Sequence[Clip]
    shards: Sequence[Shard]
    options: RecordOptions
    unfinished: Unfinished
    workers: int | None
    timeout_seconds: float
    memory_bytes: int | None
    beam_options: Sequence[str] = ()
