"""A process that makes records of tar files when training asks for them: those that preparation would write.

See `vatt.data.record_server` for how it is asked, and `vatt.prepare.layouts.webdataset` for the index.
"""

import math
from pathlib import Path

from vatt.data import record_server
from vatt.data.record_server import Records
from vatt.files.json_file import parse_json, read_object
from vatt.prepare import writer
from vatt.prepare.job import Running
from vatt.prepare.media import MediaOptions
from vatt.prepare.media_file import STORES, read_through
from vatt.prepare.pool import Failure, WorkerPool
from vatt.prepare.record import Clip, RecordOptions, make_records


class MadeRecords(Records):
    """Records of the samples that lines of an index name."""

    def __init__(self, given: dict):
        super().__init__(given)
        self._directory, limits = Path(given["place"]), Running()
        stated = read_object(self._directory / writer.DATASET_FILE)["made_on_demand"]
        self._options = RecordOptions(**stated | {"media": MediaOptions(**stated["media"])})
        self._pool = WorkerPool(timeout_seconds=limits.timeout_seconds, memory_bytes=limits.memory_bytes)
        read_through(self)

    def read(self, address: str, start: int, count: int) -> bytes:
        """Bytes of a tar file in a store, for the processes that decode."""
        return self.patiently(lambda: STORES.read(address, start, count))

    def size(self, address: str) -> int:
        """How many it has."""
        return self.patiently(lambda: STORES.size(address))

    def framed(self, shard: str, start: int, size: int) -> bytes:
        """See `Records`."""
        with open(self._directory / shard, "rb") as file:
            file.seek(start)
            line = parse_json(file.read(size), shard)
        captions = tuple(
            (begin, math.inf if end is None else end, text) for begin, end, text in line["captions"]
        )
        clip = Clip(**line | {"captions": captions})
        [(_, outcome)] = self._pool.run(make_one, [(clip, self._options)])
        if isinstance(outcome, Failure):
            raise ValueError(outcome.reason)
        return outcome


def make_one(clip: Clip, options: RecordOptions) -> bytes:
    """The framed record of a clip that is not cut; MediaError: it gives none."""
    (record,) = make_records(clip, options)
    return record.framed


def serve() -> None:
    """See `vatt.data.record_server.serve`."""
    record_server.serve(MadeRecords)
