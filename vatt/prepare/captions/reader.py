"""Reads caption files in worker processes, so that a hostile one takes neither the run's time nor its memory.

Untrusted files are parsed by expressions and libraries of which nobody can say that no input makes
them slow. Here such a file is given up, and the others are read.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from vatt.prepare.captions.caption import CaptionError, CaptionFile
from vatt.prepare.captions.reading import read_captions
from vatt.prepare.pool import Failure, WorkerPool, available_cores

_TIMEOUT_SECONDS = 60.0  # of one file; 16 MiB take two seconds
_MEMORY_BYTES = 2 << 30  # 16 MiB of JSON make objects of half a gigabyte
_FILES_PER_TASK = 64  # a message to a worker costs as much as reading a small file does
_MOST_WORKERS = 4


class CaptionReader:
    """Reads caption files one after the other, or many at once; use it as a context manager.

    Args:
        within: a folder that they must be in, links followed. None: anywhere.
        timeout_seconds: that a file may take.
    """

    def __init__(self, within: str | Path | None = None, *, timeout_seconds: float = _TIMEOUT_SECONDS):
        self._within = None if within is None else str(within)
        self._ahead: dict[Path, CaptionFile | CaptionError] = {}
        self._pool = WorkerPool(
            workers=min(_MOST_WORKERS, available_cores()),
            timeout_seconds=timeout_seconds,
            memory_bytes=_MEMORY_BYTES,
        )

    def __enter__(self) -> "CaptionReader":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers."""
        self._pool.close()

    def read(self, path: Path) -> CaptionFile:
        """What `read_captions` gives for a file, and raises; CaptionError also if it takes too much time or
        memory.
        """
        if path not in self._ahead:
            self.read_ahead([path])
        outcome = self._ahead.pop(path)
        if isinstance(outcome, CaptionError):
            raise outcome
        return outcome

    def read_ahead(self, paths: Iterable[Path]) -> None:
        """Reads many files, each for one later `read`; several at a time, and without a message for each."""
        self._ahead |= self._outcomes(list(dict.fromkeys(paths)))

    def _outcomes(self, paths: Sequence[Path]) -> Iterator[tuple[Path, CaptionFile | CaptionError]]:
        starts = range(0, len(paths), _FILES_PER_TASK)
        tasks = ((self._within, paths[start : start + _FILES_PER_TASK]) for start in starts)
        done: dict[Path, int] = {}
        for (_, batch), outcome in self._pool.run(read_batch, tasks):
            number = done.get(batch[0], 0)
            done[batch[0]] = number + 1
            if isinstance(outcome, Failure):
                yield batch[number], CaptionError(batch[number], outcome.reason)
                yield from self._outcomes(batch[number + 1 :])  # which the worker did not come to
            else:
                yield batch[number], outcome


def read_batch(within: str | None, paths: Sequence[Path]) -> Iterator[CaptionFile | CaptionError]:
    """What a worker process does: the files in their order."""
    for path in paths:
        try:
            yield read_captions(path, within=within)
        except CaptionError as error:
            yield error
