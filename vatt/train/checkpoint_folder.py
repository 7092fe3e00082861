"""Checkpoints at `checkpoints/ckpt-STEP.*`, files or folders: written whole or not at all, and checked before
they are believed.

A save goes to a folder of its own, is hashed, and is renamed into place; `ckpt-STEP.json`, with the SHA-256
of each file, comes last. The newest checkpoint is found by scanning for these, never through the
`checkpoint` state file, which a crash can leave empty. What fails the check is moved aside, and the one
before is used. In addition to the digests the `.json` holds facts about the run at that step, for a run that
resumes from it.
"""

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from vatt.engines.protocol import Snapshot, State
from vatt.errors import RunError, reason_of
from vatt.files.json_file import JsonError, read_object
from vatt.files.whole_file import own_folder, remove_leftovers, temporary_folder

_log = logging.getLogger(__name__)

_DAMAGED = "damaged"
_SEAL = "sha256"  # of all else in a summary


class CheckpointFolder:
    """The checkpoints of one run.

    Args:
        directory: of the checkpoints; created when the first one is saved.
        keep: how many of the newest to keep.
        keep_every: those at multiples of this many steps are kept permanently; None disables it.
        scores: gives step -> value of what was evaluated so far. The checkpoint of the highest stays; of two
            equal ones, the earlier.
        on_corrupt: called with the step of a checkpoint that was moved aside, and why; optional.
    """

    def __init__(
        self,
        directory: Path,
        keep: int = 3,
        keep_every: int | None = None,
        scores: Callable[[], Mapping[int, float]] = dict,
        on_corrupt: Callable[[int, str], None] | None = None,
    ):
        for name, number in (("keep", keep), ("keep_every", keep_every)):
            if number is not None and number < 1:
                raise ValueError(f"`Checkpoints.{name}` must be at least 1. Received: {number}.")
        self._directory = Path(directory)
        self._keep = keep
        self._keep_every = keep_every
        self._scores = scores
        self._on_corrupt = on_corrupt

    def steps(self) -> list[int]:
        """Steps of which any file is there, rising."""
        found = (re.fullmatch(r"ckpt-(\d+)\..+", path.name) for path in self._directory.glob("ckpt-*"))
        return sorted({int(match.group(1)) for match in found if match})

    def prefix(self, step: int) -> Path:
        """What TensorFlow calls the path of the checkpoint at `step`."""
        return self._directory / f"ckpt-{step}"

    def files(self, step: int) -> list[Path]:
        """All files of the checkpoint at `step`."""
        return [file for path in self._entries(step) for file in _files_in(path)]

    def newest(self) -> int | None:
        """Step of the newest whole checkpoint, or None; damaged and unfinished ones are moved aside."""
        if os.path.lexists(self._directory):
            own_folder(self._directory)  # through a link, others' files would be moved
        remove_leftovers(self._directory)
        for step in reversed(self.steps()):
            fault = self._fault(step)
            if fault is None:
                return step
            aside = own_folder(self._directory / _DAMAGED)
            for path in self._entries(step):
                os.replace(path, aside / path.name)
            _log.warning("Checkpoint ckpt-%d is damaged (%s); moved to %s.", step, fault, aside)
            if self._on_corrupt is not None:
                self._on_corrupt(step, f"ckpt-{step} is damaged ({fault}); moved to checkpoints/{_DAMAGED}.")
        return None

    def is_whole(self, step: int) -> bool:
        """For readers during the run: nothing is moved, and one that is being written is not whole yet."""
        return self._fault(step) is None

    def best(self) -> int | None:
        """Step of the checkpoint with the highest score; None where none was evaluated."""
        scores = self._scores()
        return max((step for step in self.steps() if step in scores), key=scores.__getitem__, default=None)

    def facts(self, step: int) -> dict:
        """What was handed to `save` as `facts`."""
        return read_object(self._summary(step)).get("facts", {})

    def restore(self, step: int, state: State, *, partly: bool = False) -> None:
        """Reads the checkpoint at `step` into the state; nothing may be missing.

        Args:
            step: of the checkpoint.
            state: what it is read into.
            partly: the checkpoint may hold more, such as an optimizer that an evaluation does not need.
        """
        state.read(str(self.prefix(step)), partly=partly)

    def save(self, step: int, snapshot: Snapshot, *, facts: Mapping | None = None) -> None:
        """Writes the checkpoint of `step`; on failure the ones before it are as they were.

        Args:
            step: number of steps done.
            snapshot: what is saved.
            facts: what JSON can hold, about the run at that step.
        """
        try:
            directory = own_folder(self._directory)
        except OSError as error:
            raise RunError(f"Checkpoints can not be written to {self._directory}: {error}") from error
        try:
            with temporary_folder(directory, f"ckpt-{step}") as saving:
                self._write(step, saving, snapshot, dict(facts or {}))
        except OSError as error:
            for path in self._entries(step):
                _remove(path)
            reason = reason_of(error).rstrip(".")
            before = self.newest()
            kept = "none was saved before" if before is None else f"ckpt-{before} is whole"
            raise RunError(
                f"The checkpoint of step {step} could not be written to {self._directory}: {reason}. "
                f"Of the earlier ones, {kept}. Make room (see `df`), then run the same command again."
            ) from error
        self._delete_old()

    def save_share(self, step: int, snapshot: Snapshot) -> None:
        """Writes this worker's part of the checkpoint that the chief saves at the same time."""
        try:
            snapshot.write(str(self.prefix(step)))
        except OSError as error:
            raise RunError(
                f"A worker's part of a checkpoint could not be written to {self._directory}: "
                f"{reason_of(error).rstrip('.')}. All workers must be able to write there."
            ) from error

    def _write(self, step: int, saving: Path, snapshot: Snapshot, facts: dict) -> None:
        """Writes the files into the folder `saving`, and moves them from there to their places."""
        snapshot.write(str(saving / f"ckpt-{step}"))
        # The index comes last but one: TensorFlow takes a checkpoint with an index for a whole one.
        written = sorted(saving.glob("ckpt-*"), key=lambda path: path.suffix == ".index")
        files = [file for path in written for file in _files_in(path)]
        digests = {file.relative_to(saving).as_posix(): _digest(file) for file in files}
        summary = saving / self._summary(step).name
        summary.write_text(_sealed({"step": step, "files": digests, "facts": facts}), encoding="utf-8")
        for file in [*files, summary]:
            _flush(file)
        for path in [*written, summary]:
            os.replace(path, self._directory / path.name)

    def _summary(self, step: int) -> Path:
        return self._directory / f"ckpt-{step}.json"

    def _entries(self, step: int) -> list[Path]:
        return sorted(self._directory.glob(f"ckpt-{step}.*"))

    def _fault(self, step: int) -> str | None:
        """What is wrong with a checkpoint, or None."""
        try:
            record = read_object(self._summary(step))
            seal = str(record.pop(_SEAL))
            if _sealed(record).encode() != self._summary(step).read_bytes():
                return f"its .json was changed after it was written (seal {seal[:12]})"
            digests = dict(record["files"])
        except FileNotFoundError:
            return "its save was not finished"
        except JsonError as error:
            return f"its .json can not be read: {error.problem}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"its .json can not be read: {error}"
        for name, digest in digests.items():
            path = self._directory / name
            if not path.is_file():
                return f"{name} is missing"
            if _digest(path) != digest:
                return f"{name} was changed after it was written"
        return None

    def _delete_old(self) -> None:
        best = self.best()
        for step in self.steps()[: -self._keep]:
            if step == best or (self._keep_every is not None and step % self._keep_every == 0):
                continue
            # The summary first: a partial deletion must invalidate the checkpoint.
            for path in sorted(self._entries(step), key=lambda path: path.suffix != ".json"):
                try:
                    _remove(path)
                except OSError as error:
                    _log.warning("An old checkpoint could not be deleted: %s", error)


def _sealed(record: dict) -> str:
    """The record as JSON, with a digest of itself."""
    seal = hashlib.sha256(json.dumps(record).encode()).hexdigest()
    return json.dumps({**record, _SEAL: seal}, indent=1) + "\n"


def _files_in(path: Path) -> list[Path]:
    """The files of an entry, which is a file or a folder of them."""
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Makes sure that the bytes are on the disk before the name is."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
