"""A process that gives training the records of a set whose audio is FLAC or Opus, with PCM in its place.

See `vatt.data.record_server` for how it is asked. TensorFlow decodes neither of the two; what it gets is the
record as it is stored and, behind it, the audio: protobuf's messages merge where they follow each other.
"""

import io
from pathlib import Path

from vatt.data import record_server
from vatt.data.record_server import Records, StoredRecords
from vatt.files.places import is_address
from vatt.prepare import example_reader, stored_audio, tfrecord
from vatt.prepare.sequence_example import serialise
from vatt.prepare.shard_reader import read_frame


class _OfFolder(Records):
    def __init__(self, given: dict):
        super().__init__(given)
        self._place = given["place"]

    def framed(self, shard: str, start: int, size: int) -> bytes:
        """See `Records`."""
        with open(Path(self._place, shard), "rb") as file:
            file.seek(start)
            return opened(file.read(size))


class _OfStore(StoredRecords):
    def framed(self, shard: str, start: int, size: int) -> bytes:
        """See `Records`."""
        return opened(super().framed(shard, start, size))


def opened_records(given: dict) -> Records:
    """Those of a folder or of a store."""
    return _OfStore(given) if is_address(given["place"]) else _OfFolder(given)


def opened(framed: bytes) -> bytes:
    """A framed record with its audio as PCM too; ValueError: it is damaged."""
    stored = read_frame(io.BytesIO(framed), len(framed))
    if stored.content is None:
        raise ValueError(stored.damage)
    context = example_reader.parse(stored.content).context
    streams = context.get("WAVEFORM/encoded")
    if not streams:
        return framed
    audio = stored_audio.decoded(list(streams), next(iter(context.get("WAVEFORM/num_samples", ())), 0))
    return tfrecord.frame(stored.content + serialise({"WAVEFORM/pcm16": [audio.astype("<i2").tobytes()]}, {}))


def serve() -> None:
    """See `vatt.data.record_server.serve`."""
    record_server.serve(opened_records)
