"""Runs a job again and again with a link at one of the names that it writes, and sees what that leads to."""

import contextlib
import os
import shutil
import sys
from pathlib import Path

_WRITES = os.O_WRONLY | os.O_RDWR
_OWN = os.O_EXCL | os.O_NOFOLLOW
_UNFINISHED = ".vatt-"  # in the names that nobody can guess
# As files of ours are called: what is removed by a pattern would be among them.
_DECOYS = (
    "a.npz", "a.json", "a.tfrecord.json", ".a.part", "ckpt-1.index", "ckpt-1.json", "events.out.tfevents.1.x",
    "start_seconds.npy", "facts.json", "lock", "spool-1", "a.srt", "a.mp4", "config.gin", "inner/a.npz",
)  # fmt: skip
_watched: list[tuple[Path, list]] = []


def _watch(event, arguments):
    if _watched:
        root, seen = _watched[-1]
        path = {"open": 0, "os.mkdir": 0, "os.rename": 1}.get(event)
        if path is not None and isinstance(arguments[path], str | bytes | os.PathLike):
            place = Path(os.path.abspath(os.fsdecode(arguments[path])))
            if place.is_relative_to(root) and place != root:
                flags = arguments[2] if event == "open" else 0
                seen.append((event, place.relative_to(root), flags or 0))


sys.addaudithook(_watch)


def written(job, root: Path) -> set[Path]:
    """All names below `root` that a job writes, files and folders, also those that are gone in the end.

    No file is opened for writing under a name that somebody else can know, unless links are refused there.
    """
    seen = []
    _watched.append((root, seen))
    try:
        job(root)
    finally:
        _watched.pop()
    for event, path, flags in seen:
        if event == "open" and flags & _WRITES and _UNFINISHED not in str(path):
            assert flags & _OWN, f"{path} is written where a link may lie"
    names = {path for event, path, flags in seen if event != "open" or flags & _WRITES}
    names |= {path.relative_to(root) for path in root.rglob("*")}
    return {path for path in names if _UNFINISHED not in str(path)}


def assert_nothing_is_followed(
    job, tmp_path: Path, least: int, errors=(OSError, ValueError), begin=lambda root: None
) -> None:
    """With a link at any one of the names, what it leads to stays as it was; the job may refuse.

    Args:
        job: called with the folder to write to.
        tmp_path: of the test.
        least: names that it writes at least, so that none is overlooked.
        errors: that it may refuse with.
        begin: called with each folder before, for what is there already.
    """
    clean = tmp_path / "clean"
    clean.mkdir()
    begin(clean)
    names = sorted(written(job, clean))
    assert len(names) >= least, names
    folders = {
        name for name in names if (clean / name).is_dir() or any(name in other.parents for other in names)
    }
    for number, name in enumerate(names):
        root, victim = tmp_path / f"{number}", tmp_path / f"victim{number}"
        for decoy in _DECOYS:
            (victim / decoy).parent.mkdir(parents=True, exist_ok=True)
            (victim / decoy).write_text("theirs")
        root.mkdir()
        begin(root)
        if (root / name).is_dir():
            shutil.rmtree(root / name)
        (root / name).unlink(missing_ok=True)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(victim if name in folders else victim / "a.npz")
        with contextlib.suppress(*errors):
            job(root)
        found = {
            str(path.relative_to(victim)): path.read_bytes() for path in victim.rglob("*") if path.is_file()
        }
        assert found == dict.fromkeys(_DECOYS, b"theirs"), f"a link at {name} was followed"
