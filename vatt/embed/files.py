"""Media files -> embeddings of their windows, file after file; a bad file is skipped and reported with its
reason.

Files are decoded in worker processes, so a file that crashes FFmpeg takes nothing else with it, and while one
batch is in the model the next ones are being decoded.
"""

import collections
import contextlib
import dataclasses
import hashlib
import json
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from vatt import spec
from vatt.embed.batches import Batches, Embedded, FileRows
from vatt.embed.file_windows import MODALITIES, End, Window, windows_of
from vatt.prepare.pool import Failure, WorkerPool

LEAST_STRIDE_SECONDS = 0.001  # closer than the frames of any file
_HANG_SECONDS = 600.0  # a decoder that gives nothing for so long hangs
_MEMORY_BYTES = 4 << 30  # of a decoding process: two 8K frames and FFmpeg's own, with room
Outcome = Embedded | Failure


def open_embedder(load: Callable, path: str | Path) -> Any:
    """The model of `path`, opened by `vatt.load`, if it embeds media at all.

    Raises:
        ValueError: it is a classifier, or nobody knows what clips it takes.
    """
    embedder = load(path)
    if not hasattr(embedder, "embed_video"):
        raise ValueError(
            f"A model must have the common spaces of video, audio and text. Received: "
            f"{type(embedder).__name__} from {path}. Name the run of a pre-training."
        )
    if embedder.clip is None:
        raise ValueError(
            f"A model must come with the clips that it takes. Received: {path}, which does not say. Name a "
            f"run directory or a `.keras` file of ours."
        )
    return embedder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How files are cut and embedded."""

    stride_seconds: float | None = None  # from one window to the next; None: the length of a clip
    modalities: Sequence[str] = MODALITIES  # of "video" and "audio", those wanted
    batch_size: int = 16  # windows of a call of the model
    processes: int | None = None  # that decode; None: one per core
    keeps_frames: bool = False  # small frames and cuts, see `vatt.embed.looks`
    file_seconds: float | None = None  # a file that takes longer in all is given up; None: no limit

    def __post_init__(self):
        if self.stride_seconds is not None and not self.stride_seconds >= LEAST_STRIDE_SECONDS:
            raise ValueError(
                f"`stride_seconds` must be positive, and {LEAST_STRIDE_SECONDS:g} at least. Received: "
                f"{self.stride_seconds}."
            )

    def signature(self, embedder: Any) -> str:
        """Changes with everything but the files that decides what the embeddings are."""
        content = {
            "fingerprint": embedder.fingerprint,
            "clip": dataclasses.asdict(embedder.clip),
            "stride_seconds": self.stride_seconds,
            "modalities": sorted(self.modalities),
            "keeps_frames": self.keeps_frames,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def embed_files(
    embedder: Any,
    paths: Sequence[Path],
    options: Options,
    *,
    on_window: Callable[[Path, Window], None] = lambda path, window: None,
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
    pool: WorkerPool | None = None,
) -> Iterator[tuple[Path, Outcome]]:
    """(path, embeddings or the reason why there are none) of each file, in the order of `paths`.

    Args:
        on_window: called with each window as it comes.
        start_seconds, end_seconds: the part to read of each, as in `windows_of`.
        pool: processes that decode, which stay; None: some of its own, as `options` says.
    """
    batches = Batches(embedder, options.batch_size)
    frame_rate_hz = embedder.clip.frame_rate_hz if options.keeps_frames else 0.0
    waiting: collections.deque[FileRows] = collections.deque()
    part = (options.stride_seconds, tuple(options.modalities), start_seconds, end_seconds)
    tasks = ((str(path), embedder.clip, *part, options.file_seconds) for path in paths)
    processes = min(options.processes, len(paths)) if options.processes else None
    with contextlib.nullcontext(pool) if pool is not None else decoding_pool(processes) as pool:
        for (name, *_), item in pool.run(decode, tasks):
            if not waiting or waiting[-1].end is not None:
                waiting.append(FileRows(Path(name), frame_rate_hz))
            file = waiting[-1]
            if isinstance(item, Window):
                batches.add(file, item)
                on_window(file.path, item)
            else:
                file.end = item
            while waiting and waiting[0].end is not None and not waiting[0].waiting:
                file = waiting.popleft()
                yield file.path, file.outcome()
        batches.flush()
        yield from ((file.path, file.outcome()) for file in waiting)


def decoding_pool(processes: int | None, hang_seconds: float = _HANG_SECONDS) -> WorkerPool:
    """Processes that decode files, each with a limit on its memory."""
    return WorkerPool(workers=processes, timeout_seconds=hang_seconds, memory_bytes=_MEMORY_BYTES)


def decode(
    name: str,
    clip: spec.ClipSpec,
    stride_seconds: float | None,
    modalities: Sequence[str],
    start_seconds: float,
    end_seconds: float | None,
    file_seconds: float | None,
) -> Iterator[Window | End]:
    """What a worker process does: the windows of one file."""
    with _given_up_after(file_seconds):
        yield from windows_of(
            name,
            clip,
            stride_seconds=stride_seconds,
            modalities=modalities,
            start_seconds=start_seconds,
            end_seconds=end_seconds,
        )


@contextlib.contextmanager
def _given_up_after(seconds: float | None):
    """Raises TimeoutError in what takes longer; only in the main thread of a process, which a worker is."""
    if seconds is None:
        yield
        return

    def give_up(*_):
        raise TimeoutError(f"it took longer than {seconds:g} s and was given up")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
