"""The folder within a set that is being made: who makes it, which shards are finished, what is in between.

It is what makes a run resumable. A shard is known here before it takes its name, so whatever a killed run
left behind is either known and whole, and kept, or is removed.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import filelock

from vatt.files.json_file import read_json
from vatt.files.mirror import Mirror
from vatt.files.whole_file import lock_file, own_folder, remove_leftovers, temporary_folder
from vatt.prepare import writer
from vatt.prepare.errors import PreparationError
from vatt.prepare.holdings import Holdings
from vatt.prepare.plan import Shard
from vatt.prepare.pool import Failure
from vatt.prepare.spool import Spooled

FOLDER = ".unfinished"
SPOOL = f"{FOLDER}/spool"  # in a store, what the names of spool files begin with
_MOST_BYTES = 1 << 30  # of a journal: the words of a shard
_STARTING_SECONDS = 1.0  # for which a start waits for a part that only looks whether others are at work
_TRIES = 100  # of taking a lock whose folder goes each time; beyond them, no folder can be made there
_FINISHING_SECONDS = 60.0  # for which a part waits for another that may be finishing the set


def is_small(name: str) -> bool:
    """Whether a file of a set is no shard, of which a machine holds one at a time."""
    return not name.endswith(".tfrecord")


class Unfinished:
    """The `.unfinished` folder of the set in a directory.

    Args:
        directory: of this machine.
        mirror: of an object store, to which a finished shard goes, and stays here no longer; None: there is
            none.
    """

    def __init__(self, directory: Path, mirror: Mirror | None = None):
        self.directory, self._mirror = directory, mirror
        self._folder = directory / FOLDER

    @property
    def address(self) -> str | None:
        """Of the store that the set is made for."""
        return None if self._mirror is None else self._mirror.address

    def pull(self) -> None:
        """Fetches what others have finished in the store meanwhile, but for shards."""
        if self._mirror is not None:
            self._mirror.pull(is_small)

    @contextlib.contextmanager
    def alone(self, part: str = "") -> Iterator[None]:
        """Makes the folder; only one process at a time may be in here, or at work on a part."""
        try:
            lock = self._taken(part, timeout=_STARTING_SECONDS)
        except filelock.Timeout:
            raise PreparationError(
                f"Another process is preparing {self.directory} at this moment. Wait for it, or name another "
                f"directory."
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def last(self, parts: Sequence[str]) -> Iterator[bool]:
        """Whether none of the parts is at work, and while the block lasts none can begin.

        A part comes here when its work is done and its lock released, one at a time: so there is always one
        that finds all others gone, and what it removes nobody reads.
        """
        with contextlib.ExitStack() as held:
            for place, part in enumerate(("", *parts)):
                try:
                    lock = self._taken(part, timeout=0 if place else _FINISHING_SECONDS)
                except filelock.Timeout:
                    yield False
                    return
                held.callback(lock.release)
            yield True

    def _taken(self, part: str, *, timeout: float) -> filelock.BaseFileLock:
        """The lock of a part, which is held now; filelock.Timeout: another has held it for so long."""
        for _ in range(_TRIES):
            # Who finished the set may remove the folder meanwhile.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                return self._locked(part, timeout)
        return self._locked(part, timeout)  # whose error says why

    def _locked(self, part: str, timeout: float) -> filelock.BaseFileLock:
        lock = lock_file(own_folder(self._folder) / f"lock{part}")
        lock.acquire(timeout=timeout)
        return lock

    def tidy(self, shards: Iterable[Shard]) -> None:
        """Removes what killed runs and runs of another plan left behind."""
        for folder in (self.directory, self._folder):
            remove_leftovers(folder)
        planned = {shard.file for shard in shards}
        for journal in self._folder.glob("*.json"):
            if journal.stem not in planned:
                shard = self.directory / journal.stem
                if self._mirror is not None:
                    self._mirror.remove(shard.name)
                for path in (shard, writer.offsets_path(shard), journal):
                    path.unlink(missing_ok=True)

    def make(self, shard: Shard, media_ids: Sequence[str], outcomes: Iterable[Spooled | Failure]) -> None:
        """Writes a shard, its offsets and what is known about it; then its spool files are removed.

        The outcomes of its clips are taken one by one while the file is written. OSError: the shard
        can not be written.
        """
        holdings, taken = Holdings(), []

        def framed_records() -> Iterator[bytes]:
            for media_id, outcome in zip(media_ids, outcomes, strict=True):
                if isinstance(outcome, Spooled):
                    taken.append(outcome)
                    holdings.add(outcome.holdings)
                    yield from outcome.records()
                else:
                    holdings.failures.append((media_id, outcome.reason))

        def announce(written: dict) -> None:
            known = {"fingerprint": shard.fingerprint, "shard": written}
            known["holdings"] = vars(holdings)
            writer.write_json(self._journal(shard.file), known)

        writer.write_shard(self.directory / shard.file, framed_records(), announce=announce)
        if self._mirror is not None:
            self._mirror.push()
            self._mirror.leave(shard.file)
        for spooled in taken:  # only now, so that a process killed before can do the same again
            spooled.discard()

    def finished(self, shard: Shard) -> tuple[dict, Holdings] | None:
        """What dataset.json says of a shard, and what it holds; None if it has to be made (again)."""
        path = self.directory / shard.file
        try:
            known = read_json(self._journal(shard.file), max_bytes=_MOST_BYTES)
            written, holdings = known["shard"], Holdings.from_json(known["holdings"])
            sizes = [self.size(file) for file in (path, writer.offsets_path(path))]
            is_same = known["fingerprint"] == shard.fingerprint
            is_whole = sizes == [written["bytes"], 8 * written["records"]]
        except (OSError, ValueError, TypeError, KeyError, AttributeError):  # or kept by another version
            return None
        return (written, holdings) if is_same and is_whole else None

    def size(self, path: Path) -> int:
        """Bytes of a file of the set, here or in the store; OSError: there is none."""
        if self._mirror is not None and path.name in self._mirror.elsewhere:
            return self._mirror.elsewhere[path.name]
        return path.stat().st_size

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
