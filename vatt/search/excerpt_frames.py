"""Small frames of media files and of an index, for `vatt.search.copies`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from vatt import spec
from vatt.embed.file_windows import Window
from vatt.embed.files import decode, decoding_pool
from vatt.embed.looks import SIDE, small_frames
from vatt.prepare.container import MediaError
from vatt.prepare.pool import Failure
from vatt.search.copies import RATE_HZ, Frames
from vatt.search.index import Index
from vatt.search.layout import FRAMES, BadIndexError

_CLIP = spec.ClipSpec(frames=16, frame_rate_hz=RATE_HZ, frame_size=64, modalities=(spec.VIDEO,))
MAX_SECONDS = 30.0  # of an excerpt


def frames_of_index(index: Index) -> Frames:
    """The small frames that an index keeps.

    Raises:
        BadIndexError: it keeps none.
    """
    if FRAMES not in index.columns:
        raise BadIndexError(
            f"Copies are found by the frames that an index keeps. Received: {index.directory}, which "
            f"keeps none. Make it again, of a folder with video: `vatt index` with --rebuild."
        )
    kept, has = index.columns[FRAMES], np.asarray(index.has(spec.VIDEO))
    within = np.arange(kept.shape[1]) * index.facts["frame_seconds"]
    seconds = np.asarray(index.columns["start_seconds"])[has][:, None] + within
    numbers = np.repeat(index.file_numbers()[has], kept.shape[1])
    return _in_order(np.asarray(kept[has]).reshape(-1, SIDE, SIDE), seconds.ravel(), numbers)


def frames_of_excerpt(path: Path, start_seconds: float) -> tuple[Frames, list[str]]:
    """(the frames of a file, from a place on, of at most `MAX_SECONDS`; what to say about it).

    Raises:
        MediaError: it has no video.
    """
    ((_, outcome),) = frames_of_files([path], start_seconds, start_seconds + MAX_SECONDS)
    if isinstance(outcome, Failure):
        raise MediaError(path.name, outcome.reason.removeprefix(f"{path}: "))
    notes = []
    if outcome.seconds[-1] > start_seconds + MAX_SECONDS - 1:
        notes.append(f"of {path.name} at most {MAX_SECONDS:g} s count, from {start_seconds:g} s on")
    return outcome, notes


def frames_of_files(
    paths: Iterable[Path],
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
    processes: int | None = 1,
) -> Iterator[tuple[Path, Frames | Failure]]:
    """(path, its frames at `RATE_HZ`) of each file."""
    tasks = ((str(path), _CLIP, None, (spec.VIDEO,), start_seconds, end_seconds, None) for path in paths)
    with decoding_pool(processes) as pool:
        windows: list[Window] = []
        for (name, *_), item in pool.run(decode, tasks):
            if isinstance(item, Window):
                windows.append(item)
                continue
            yield Path(name), item if isinstance(item, Failure) else _joined(windows)
            windows = []


def _joined(windows: list[Window]) -> Frames:
    """The frames of windows, without those that pad a file's end."""
    frames, seconds = [], []
    for window in windows:
        assert window.video is not None, "no other modality was asked for"
        times = window.start_seconds + np.arange(len(window.video)) / RATE_HZ
        is_real = times < window.end_seconds - 1e-6
        frames.append(small_frames(window.video)[is_real])
        seconds.append(times[is_real])
    every, times = np.concatenate(frames), np.concatenate(seconds)
    return _in_order(every, times, np.zeros(len(every), np.int64))


def _in_order(frames: np.ndarray, seconds: np.ndarray, numbers: np.ndarray) -> Frames:
    """Each time of a file once: windows may overlap."""
    places = np.stack([numbers, np.round(seconds * 1000).astype(np.int64)], axis=1)
    _, first = np.unique(places, axis=0, return_index=True)
    return Frames(frames=frames[first], seconds=seconds[first], numbers=numbers[first])
