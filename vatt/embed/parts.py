"""What is known of each finished file, on the disk, so that a killed job resumes where it was.

Each file's embeddings are one small npz, which takes its name only when it is whole. The name is a digest of
the file's path, size and time of change and of all that decides the embeddings; whatever is different has
another name, so nothing stale is ever taken.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import filelock
import numpy as np

from vatt.embed.batches import OUTPUTS, Embedded
from vatt.embed.file_windows import MODALITIES
from vatt.files.array_file import read_npz
from vatt.files.json_file import parse_json
from vatt.files.whole_file import lock_file, own_folder, remove_leftovers, whole_file


class BusyError(OSError):
    """Another process writes to the same place."""


class Parts:
    """A folder of finished files' embeddings.

    Args:
        folder: made if it is not there.
        signature: of the model and the options.
    """

    def __init__(self, folder: Path, signature: str):
        self.folder, self._signature = folder, signature
        own_folder(folder)

    def get(self, path: Path, state: tuple[int, int]) -> Embedded | None:
        """The embeddings of a file in a certain state; None if they have to be made (again)."""
        try:
            return unpacked(read_npz(self._place(path, state)))
        except (OSError, ValueError, KeyError):
            return None

    def put(self, path: Path, state: tuple[int, int], embedded: Embedded) -> None:
        """Keeps the embeddings of a file."""
        place = self._place(path, state)
        with whole_file(place) as file:
            np.savez(file, allow_pickle=False, **packed(embedded))

    def remove(self) -> None:
        """Removes the folder and what is in it, when all is done."""
        for path in self.folder.glob("*.npz"):
            path.unlink(missing_ok=True)
        remove_leftovers(self.folder)
        with contextlib.suppress(OSError):  # somebody else's file in it: theirs to remove
            self.folder.rmdir()

    def _place(self, path: Path, state: tuple[int, int]) -> Path:
        content = json.dumps([str(path.absolute()), *state, self._signature])
        return self.folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.npz"


def state_of(path: Path) -> tuple[int, int]:
    """(bytes, time of the last change in ns) of a file."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@contextlib.contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Only one process at a time may be in here.

    Raises:
        BusyError: another one is.
    """
    lock = lock_file(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise BusyError(f"Another process is writing {what} at this moment. Wait for it to end.") from None
    try:
        yield
    finally:
        lock.release()


def packed(embedded: Embedded) -> dict[str, np.ndarray]:
    """Plain arrays by name."""
    return {
        "start_seconds": embedded.start_seconds,
        "end_seconds": embedded.end_seconds,
        **{f"has_{modality}": flags for modality, flags in embedded.has.items()},
        **embedded.vectors,
        "warnings": np.array(json.dumps(embedded.warnings)),
        **{name: value for name in ("frames", "cuts") if (value := getattr(embedded, name)) is not None},
    }


def unpacked(stored: Mapping[str, np.ndarray]) -> Embedded:
    """The opposite of `packed`."""
    return Embedded(
        start_seconds=stored["start_seconds"],
        end_seconds=stored["end_seconds"],
        has={modality: stored[f"has_{modality}"] for modality in MODALITIES},
        vectors={name: stored[name] for name in OUTPUTS if name in stored},
        warnings=tuple(parse_json(str(stored["warnings"]), "warnings")),
        frames=stored.get("frames"),
        cuts=stored.get("cuts"),
    )
