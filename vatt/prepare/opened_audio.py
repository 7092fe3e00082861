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


class _OpenedRecords(Records):
    """Records of a folder or of a store."""

    def __init__(self, given: dict):
        super().__init__(given)
        self._place = given["place"]
        self._stored = StoredRecords(given) if is_address(self._place) else None

    def framed(self, shard: str, start: int, size: int) -> bytes:
        """See `Records`."""
        if self._stored is not None:
            self._stored.is_closing = self.is_closing
            return opened(self._stored.framed(shard, start, size))
        with open(Path(self._place, shard), "rb") as file:
            file.seek(start)
            return opened(file.read(size))


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
    record_server.serve(_OpenedRecords)
