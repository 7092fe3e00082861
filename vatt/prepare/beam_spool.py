"""What the workers of a pipeline leave for each other: in a folder that all of them see, or in a store."""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path

from vatt.files.mirror import Mirror
from vatt.files.places import open_store
from vatt.files.whole_file import temporary_folder
from vatt.prepare import writer
from vatt.prepare.plan import Shard
from vatt.prepare.spool import Spooled
from vatt.prepare.unfinished import FOLDER, SPOOL, Unfinished


@contextlib.contextmanager
def opened_spool(unfinished: Unfinished) -> Iterator["Spool"]:
    """A new one, with the set that is being made; it is gone behind the block, and what workers have made is
    known.
    """
    if unfinished.address is None:
        with unfinished.spool() as folder:
            yield Spool(directory=str(unfinished.directory), folder=str(folder))
        return
    spool = StoredSpool(directory=unfinished.address, folder=f"{SPOOL}-{uuid.uuid4().hex}")
    try:
        yield spool
    finally:
        store = open_store(unfinished.address)
        store.delete(store.entries(spool.folder))
        unfinished.pull()


@dataclasses.dataclass(frozen=True)
class Spool:
    """A folder that the launcher and all workers see."""

    directory: str  # of the set
    folder: str  # of what is left for others

    def put(self, name: str, content: bytes) -> None:
        """Leaves bytes."""
        Path(self.folder, name).write_bytes(content)

    def get(self, name: str) -> bytes:
        """What was left."""
        return Path(self.folder, name).read_bytes()

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A folder that clips are decoded into."""
        return contextlib.nullcontext(Path(self.folder))

    def sent(self, spooled: Spooled) -> Spooled:
        """Leaves the records of a clip."""
        return spooled

    def fetched(self, spooled: Spooled, unfinished: Unfinished) -> Spooled:
        """The records that were left, as a file of this machine."""
        return spooled

    def unfinished(self, shard: Shard) -> contextlib.AbstractContextManager[Unfinished]:
        """Where a shard is made."""
        return contextlib.nullcontext(Unfinished(Path(self.directory)))


class StoredSpool(Spool):
    """Objects below the address of the set, which is all that launcher and workers share."""

    def put(self, name: str, content: bytes) -> None:
        """See `Spool`."""
        open_store(self.directory).write(f"{self.folder}/{name}", content)

    def get(self, name: str) -> bytes:
        """See `Spool`."""
        return open_store(self.directory).read(f"{self.folder}/{name}")

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """See `Spool`."""
        return temporary_folder(name="spool")

    def sent(self, spooled: Spooled) -> Spooled:
        """See `Spool`."""
        path = Path(spooled.path)
        open_store(self.directory).write(f"{self.folder}/{path.name}", path)
        spooled.discard()
        return dataclasses.replace(spooled, path=path.name)

    def fetched(self, spooled: Spooled, unfinished: Unfinished) -> Spooled:
        """See `Spool`."""
        path = unfinished.directory.parent / spooled.path  # not in what is sent
        name = f"{self.folder}/{spooled.path}"
        open_store(self.directory).download(name, path, sum(spooled.lengths))
        return dataclasses.replace(spooled, path=str(path))

    @contextlib.contextmanager
    def unfinished(self, shard: Shard) -> Iterator[Unfinished]:
        """See `Spool`."""
        known = (f"{FOLDER}/{shard.file}.json", writer.offsets_path(Path(shard.file)).name)
        with temporary_folder(name="shard") as parent:
            (folder := parent / "set").mkdir()
            (folder / FOLDER).mkdir()
            mirror = Mirror(self.directory, folder)
            mirror.pull(known.__contains__)
            yield Unfinished(folder, mirror)
