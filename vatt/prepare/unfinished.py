"""The folder within a set that is being made: who makes it, which shards are finished, what is in between.

It is what makes a run resumable. A shard is known here before it takes its name, so whatever a killed run
left behind is either known and whole, and kept, or is removed.
"""

import contextlib
import dataclasses
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import filelock

from vatt.json_file import read_json
from vatt.prepare import writer
from vatt.prepare.errors import PreparationError
from vatt.prepare.plan import Shard
from vatt.whole_file import lock_file, own_folder, remove_leftovers, temporary_folder

_FOLDER = ".unfinished"
_MOST_BYTES = 1 << 30  # of a journal: the words of a shard


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardResult:
    """What is known about a finished shard.

    Attributes:
        fingerprint: of the plan it was made from.
        shard: what dataset.json says about it: file, records, bytes, sha256.
        seconds: of video and audio.
        contents: how many of its records hold video, audio, captions, labels.
        words: how often each word of its training captions occurs.
        failures: (media_id, reason) of each clip that gave no record.
        warnings: (media_id, what was lost) of clips that were kept in part.
    """

    fingerprint: str
    shard: dict
    seconds: float
    contents: dict[str, int]
    words: dict[str, int]
    failures: list[tuple[str, str]]
    warnings: list[tuple[str, str]]


class Unfinished:
    """The `.unfinished` folder of a set.

    Args:
        directory: of the set.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self._folder = directory / _FOLDER

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Makes the folder; only one process at a time may be in here."""
        own_folder(self._folder)
        lock = lock_file(self._folder / "lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise PreparationError(
                f"Another process is preparing {self.directory} at this moment. Wait for it, or name another "
                f"directory."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def tidy(self, shards: Iterable[Shard]) -> None:
        """Removes what killed runs and runs of another plan left behind."""
        for folder in (self.directory, self._folder):
            remove_leftovers(folder)
        planned = {shard.file for shard in shards}
        for journal in self._folder.glob("*.json"):
            if journal.stem not in planned:
                shard = self.directory / journal.stem
                for path in (shard, writer.offsets_path(shard), journal):
                    path.unlink(missing_ok=True)

    def announce(self, result: ShardResult) -> None:
        """Keeps what is known about a shard that is about to take its name."""
        writer.write_json(self._journal(result.shard["file"]), dataclasses.asdict(result))

    def finished(self, shard: Shard) -> ShardResult | None:
        """What is known about a shard; None if it has to be made (again)."""
        path = self.directory / shard.file
        try:
            result = ShardResult(**read_json(self._journal(shard.file), max_bytes=_MOST_BYTES))
            sizes = [file.stat().st_size for file in (path, writer.offsets_path(path))]
        except (OSError, ValueError, TypeError):  # TypeError: kept by another version, with other fields
            return None
        expected = [result.shard["bytes"], 8 * result.shard["records"]]
        return result if result.fingerprint == shard.fingerprint and sizes == expected else None

    @contextlib.contextmanager
    def spool(self) -> Iterator[Path]:
        """A new folder for spool files. Its name is new too: a worker that outlives a killed run and still
        writes can not meet the files of the next one."""
        with temporary_folder(self._folder, "spool") as folder:
            yield folder

    def remove(self) -> None:
        """Removes the folder and all in it, when the set is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _journal(self, file: str) -> Path:
        return self._folder / f"{file}.json"
