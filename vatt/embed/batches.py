"""Windows of many files -> batches of one size: a short clip costs no call of its own, and no shape is new.

Every call of the model has the same number of rows, the last ones filled up with zeros. A compiled model is
then compiled once, and the rows of a file do not depend on how many other files come with it.
"""

import dataclasses

import numpy as np

from vatt import spec
from vatt.embed.file_windows import Window
from vatt.evals.records import refuse_broken

# What an embedder gives of each modality: the spaces of the paper's Eq. 3. Audio reaches the video-text space
# via the video-audio space.
OUTPUTS = tuple(
    f"{modality}/{space}"
    for modality in (spec.VIDEO, spec.AUDIO)
    for space in (spec.VIDEO_AUDIO, spec.VIDEO_TEXT)
)


@dataclasses.dataclass(kw_only=True)
class Embedded:
    """The windows of one file.

    Attributes:
        start_seconds, end_seconds: float64 [N].
        has: modality -> bool [N], which windows have it.
        vectors: "modality/space" -> float32 [N, D], of unit length; zeros where the window lacks the
            modality.
        warnings: what was lost of the file, in words.
    """

    start_seconds: np.ndarray
    end_seconds: np.ndarray
    has: dict[str, np.ndarray]
    vectors: dict[str, np.ndarray]
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start_seconds)


class Rows:
    """The windows of one file, by its name, on their way through the model."""

    def __init__(self, name: str):
        self.name = name
        self.times: list[tuple[float, float]] = []
        self.found: dict[str, dict[int, dict[str, np.ndarray]]] = {spec.VIDEO: {}, spec.AUDIO: {}}
        self.waiting = 0  # inputs that the model has not seen yet

    def embedded(self, warnings: tuple[str, ...]) -> Embedded:
        """All of it, as arrays."""
        has, vectors = {}, {}
        for modality, rows in self.found.items():
            has[modality] = np.zeros(len(self.times), bool)
            has[modality][list(rows)] = True
            for place, outputs in rows.items():
                for space, vector in outputs.items():
                    name = f"{modality}/{space}"
                    if name not in vectors:
                        vectors[name] = np.zeros((len(self.times), len(vector)), np.float32)
                    vectors[name][place] = vector
        times = np.array(self.times, np.float64).reshape(-1, 2)
        return Embedded(
            start_seconds=times[:, 0], end_seconds=times[:, 1], has=has, vectors=vectors, warnings=warnings
        )


class Batches:
    """Collects inputs, and runs the model whenever a batch is full.

    Args:
        embedder: `vatt.load`'s.
        batch_size: rows of a call.
    """

    def __init__(self, embedder, batch_size: int):
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}.")
        self._batch_size = batch_size
        self._encode = {spec.VIDEO: embedder.embed_video, spec.AUDIO: embedder.embed_audio}
        self._queues = {spec.VIDEO: [], spec.AUDIO: []}  # (rows, place, input)

    def add(self, rows: Rows, window: Window) -> None:
        """Takes the next window of a file."""
        place = len(rows.times)
        rows.times.append((window.start_seconds, window.end_seconds))
        for modality, content in ((spec.VIDEO, window.video), (spec.AUDIO, window.audio)):
            if content is None:
                continue
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
        if len(queue) < self._batch_size:
            inputs = np.pad(inputs, [(0, self._batch_size - len(queue)), *[(0, 0)] * (inputs.ndim - 1)])
        if modality == spec.AUDIO:
            inputs = inputs.astype(np.float32) / 32768.0
        outputs = {
            space: np.asarray(values, np.float32)[: len(queue)]
            for space, values in self._encode[modality](inputs).items()
        }
        for space, values in outputs.items():
            refuse_broken(values, f"{modality}/{space}", [rows.name for rows, *_ in queue])
        for number, (rows, place, _) in enumerate(queue):
            rows.found[modality][place] = {space: values[number] for space, values in outputs.items()}
            rows.waiting -= 1
