"""The summary of one training batch for TensorBoard: its frames, and how similar the model finds what belongs
together and what does not.

The batch is made again, as in `vatt/train/bad_batch.py`, so that the compiled steps need not bring it out.
"""

import numpy as np

from vatt import spec
from vatt.engines.protocol import Task
from vatt.protocols import Batch
from vatt.train.events import Events

_CLIPS = 8  # shown
_PAIRS = (
    ("video_audio", "video/video_audio", "audio/video_audio"),
    ("video_text", "video/video_text", "text/video_text"),
)


def summarize(batch: Batch, *, task: Task, events: Events, step: int) -> None:
    """Writes frames and similarities of a batch after `step` steps.

    Args:
        batch: as made by `train_batches`.
        task: its model is called without dropping tokens, in inference mode.
        events: where to.
        step: number of steps done.
    """
    outputs = task.model(task.device_inputs(batch, training=False), training=False)
    with events.summary(step):
        if spec.VIDEO in batch:
            clips = np.asarray(batch[spec.VIDEO][:_CLIPS])
            shown = np.linspace(0, clips.shape[1] - 1, 4).astype(int)  # first to last, side by side
            events.write_images("batch/video", np.concatenate(np.moveaxis(clips[:, shown], 1, 0), axis=2))
        for name, left, right in _PAIRS:
            if left in outputs and right in outputs:
                own, others = similarities(np.asarray(outputs[left]), np.asarray(outputs[right]))
                events.write_histogram(f"similarity/{name}/own", own)
                events.write_histogram(f"similarity/{name}/others", others)


def similarities(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine similarities of rows that belong together, and of those that do not.

    Args:
        left: `[B, D]`.
        right: `[B · K, D]`, the K candidates of a row following one another.

    Returns:
        float32 `[B · K]` and `[B · (B − 1) · K]`.
    """
    scores = _unit(left) @ _unit(right).T
    owner = np.arange(len(right)) // (len(right) // len(left))
    own = owner[None] == np.arange(len(left))[:, None]
    return scores[own], scores[~own]


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
