"""What a worker does with one clip: its records go into a spool file, and only what is said about them back.

Records of a two-hour video are gigabytes. They never pass through a pipe and are never in memory: a worker
appends them to a file of its own as they come, and the writer of the shard copies that file.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from vatt.data.words import split_words
from vatt.prepare import pool
from vatt.prepare.holdings import Holdings
from vatt.prepare.record import Clip, RecordOptions, make_records


class SpoolError(pool.OutsideError):
    """The spool file can not be written: no fault of the clip, so the run stops instead of listing it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spooled:
    """The records of one clip, on the disk."""

    path: str  # the spool file: framed records, one after the other
    lengths: tuple[int, ...]  # bytes of each record
    holdings: Holdings

    def records(self) -> Iterator[bytes]:
        """The framed records, one at a time."""
        with open(self.path, "rb") as file:
            for length in self.lengths:
                framed = file.read(length)
                if len(framed) != length:
                    raise OSError(f"{self.path} is cut short: the disk lost what a worker wrote to it.")
                yield framed

    def discard(self) -> None:
        """Removes the file, if it is still there."""
        Path(self.path).unlink(missing_ok=True)


def spool_clip(clip: Clip, options: RecordOptions, path: str) -> Spooled:
    """Writes the records of a clip to a new file `path`; a clip that fails leaves none. MediaError: the clip
    gives no record; SpoolError: the file can not be written.
    """
    lengths, holdings, warnings = [], Holdings(), {}
    with _new_file(path) as append:
        for record in make_records(clip, options):
            append(record.framed)
            pool.heartbeat()
            lengths.append(len(record.framed))
            holdings.seconds += record.seconds
            holdings.contents.update(record.contents)
            warnings.update(dict.fromkeys(record.warnings))  # each once, in order
            if clip.split == "train":
                holdings.words.update(word for text in record.texts for word in split_words(text))
    holdings.records = len(lengths)
    if warnings:  # one entry for each clip, so that entries count clips
        holdings.warnings.append((clip.media_id, "; ".join(warnings)))
    return Spooled(path=path, lengths=tuple(lengths), holdings=holdings)


@contextlib.contextmanager
def _new_file(path: str) -> Iterator[Callable[[bytes], None]]:
    """A function that appends bytes to a new file; of all errors only those of the disk become SpoolError."""
    with _disk_errors():
        file = open(path, "xb", buffering=0)  # noqa: SIM115 (closed below)

    def append(content: bytes) -> None:
        left = memoryview(content)
        with _disk_errors():
            while left:  # an unbuffered file may take less than it is given
                left = left[file.write(left) :]

    try:
        with contextlib.closing(file):
            yield append
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SpoolError(error.errno, error.strerror) from error
