"""Windows of many files -> batches of one size: a short clip costs no call of its own, and no shape is new.

Every call of the model has the same number of rows, the last ones filled up with zeros. A compiled model is
then compiled once, and the rows of a file do not depend on how many other files come with it.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from vatt import spec
from vatt.embed import looks
from vatt.embed.file_windows import MODALITIES, End, Window
from vatt.evals.records import refuse_broken
from vatt.prepare.pool import Failure

# What an embedder gives of each modality: the spaces of the paper's Eq. 3. Audio reaches the video-text space
# via the video-audio space.
OUTPUTS = tuple(
    f"{modality}/{space}" for modality in MODALITIES for space in (spec.VIDEO_AUDIO, spec.VIDEO_TEXT)
)


@dataclasses.dataclass(kw_only=True)
class Embedded:
    """The windows of one file."""

    start_seconds: np.ndarray  # float64 [N]
    end_seconds: np.ndarray
    has: dict[str, np.ndarray]  # modality -> bool [N], which windows have it
    # "modality/space" -> float32 [N, D], of unit length; zeros where the window lacks the modality
    vectors: dict[str, np.ndarray]
    warnings: tuple[str, ...] = ()  # what was lost of the file, in words
    # of the video, where it was asked for, see `vatt.embed.looks`; zeros where a window has none
    frames: np.ndarray | None = None  # uint8 [N, F, SIDE, SIDE]
    cuts: np.ndarray | None = None  # float64 [C], seconds of the file

    def __len__(self) -> int:
        return len(self.start_seconds)


class FileRows:
    """The windows of one file on their way through the model.

    Attributes:
        end: what came after its last window; None: more may come.
        waiting: inputs that the model has not seen yet.
        small: window -> small frames of its video, where they are kept.
    """

    def __init__(self, path: Path, frame_rate_hz: float = 0.0):
        self.path = path
        self.frame_rate_hz = frame_rate_hz  # 0: small frames are not kept
        self.small: dict[int, np.ndarray] = {}
        self.end: End | Failure | None = None
        self.waiting = 0
        self.times: list[tuple[float, float]] = []
        self.found: dict[str, dict[int, np.ndarray]] = {}  # "modality/space" -> window -> vector

    def outcome(self) -> Embedded | Failure:
        """The embeddings, or the reason why there are none."""
        if isinstance(self.end, Failure):
            return Failure(self.end.reason.removeprefix(f"{self.path}: "), self.end.error)
        count = len(self.times)
        has, vectors = {modality: np.zeros(count, bool) for modality in MODALITIES}, {}
        for output in OUTPUTS:
            if rows := self.found.get(output):
                vectors[output] = np.zeros((count, len(next(iter(rows.values())))), np.float32)
                vectors[output][list(rows)] = list(rows.values())
                has[output.split("/")[0]][list(rows)] = True
        times = np.array(self.times, np.float64).reshape(-1, 2)
        warnings = self.end.warnings if self.end is not None else ()
        frames, cuts = self._looks(times[:, 0]) if self.frame_rate_hz else (None, None)
        return Embedded(
            start_seconds=times[:, 0],
            end_seconds=times[:, 1],
            has=has,
            vectors=vectors,
            warnings=warnings,
            frames=frames,
            cuts=cuts,
        )

    def _looks(self, starts: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        """(small frames of each window, times of cuts)."""
        if not self.small:
            return None, np.zeros(0)
        count, step = len(next(iter(self.small.values()))), looks.kept_step(self.frame_rate_hz)
        kept = np.zeros((len(starts), len(range(0, count, step)), looks.SIDE, looks.SIDE), np.uint8)
        kept[list(self.small)] = [frames[::step] for frames in self.small.values()]
        within = np.arange(count) / self.frame_rate_hz
        seconds = np.concatenate([starts[place] + within for place in self.small])
        frames = np.concatenate(list(self.small.values()))
        order = np.argsort(seconds, kind="stable")
        return kept, np.unique(looks.cuts(frames[order], seconds[order], 1.5 / self.frame_rate_hz))


class Batches:
    """Collects inputs, and runs the model whenever a batch is full."""

    def __init__(self, embedder: Any, batch_size: int):
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}.")
        self._batch_size = batch_size
        self._encode = {spec.VIDEO: embedder.embed_video, spec.AUDIO: embedder.embed_audio}
        self._queues: dict[str, list[tuple[FileRows, int, np.ndarray]]] = {each: [] for each in MODALITIES}

    def add(self, rows: FileRows, window: Window) -> None:
        """Takes the next window of a file."""
        place = len(rows.times)
        rows.times.append((window.start_seconds, window.end_seconds))
        if rows.frame_rate_hz and window.video is not None:
            rows.small[place] = looks.small_frames(window.video)
        for modality, content in ((spec.VIDEO, window.video), (spec.AUDIO, window.audio)):
            if content is not None:
                rows.waiting += 1
                self._queues[modality].append((rows, place, content))
                if len(self._queues[modality]) == self._batch_size:
                    self._run(modality)

    def flush(self) -> None:
        """Runs what is left."""
        for modality, queue in self._queues.items():
            if queue:
                self._run(modality)

    def _run(self, modality: str) -> None:
        queue, self._queues[modality] = self._queues[modality], []
        inputs = np.stack([content for _, _, content in queue])
        inputs = np.pad(inputs, [(0, self._batch_size - len(queue)), *[(0, 0)] * (inputs.ndim - 1)])
        if modality == spec.AUDIO:
            inputs = inputs.astype(np.float32) / 32768.0
        for space, values in self._encode[modality](inputs).items():
            output, values = f"{modality}/{space}", np.asarray(values, np.float32)[: len(queue)]
            refuse_broken(values, output, [rows.path.name for rows, *_ in queue])
            for (rows, place, _), vector in zip(queue, values, strict=True):
                rows.found.setdefault(output, {})[place] = vector
        for rows, *_ in queue:
            rows.waiting -= 1
