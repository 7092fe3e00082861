"""Clips of all three modalities whose content is a number, and a model whose embeddings are known."""

import numpy as np
import tensorflow as tf

from vatt import spec
from vatt.protocols import DatasetInfo

FRAMES, SIZE, SAMPLES, WORDS, CANDIDATES = 5, 12, 256, 3, 2


class ToyClips:
    """N clips whose content is a number: brightness, loudness and first word all say which clip it is."""

    info = DatasetInfo(name="toy")

    def __init__(self, count=10, *, without=None, clips_per_group=2, poison=None):
        rng = np.random.default_rng(0)
        number = np.arange(count)
        ramp = np.linspace(0, 20, FRAMES * SIZE * SIZE * 3).reshape(FRAMES, SIZE, SIZE, 3)
        without = without or {}
        masks = {
            m: np.isin(number, without.get(m, []), invert=True).astype(np.float32) for m in spec.MODALITIES
        }
        text = np.zeros((count, CANDIDATES, WORDS), np.int32)
        text[:, 0, 0], text[:, 1, 0] = (
            number + 2,
            rng.permutation(number) + 2,
        )  # second caption: another clip's
        self.columns = {
            spec.VIDEO: (8 * number[:, None, None, None, None] + ramp).astype(np.uint8),
            spec.AUDIO: np.repeat(number[:, None] / count, SAMPLES, axis=1).astype(np.float32),
            spec.TEXT: text,
            spec.VIDEO_MASK: masks["video"],
            spec.AUDIO_MASK: masks["audio"],
            spec.TEXT_MASK: np.stack([masks["text"], masks["text"]], axis=1),
            spec.EXAMPLE_INDEX: number.astype(np.int64),
            spec.VALID: np.ones(count, np.float32),
            spec.CLIP_ID: np.array([f"clip{i}@0.0".encode() for i in number], dtype=object),
            spec.GROUP: np.array([f"g{i // clips_per_group}".encode() for i in number], dtype=object),
            spec.CAPTION: np.array([f"caption <{i}>".encode() for i in number], dtype=object),
        }
        if poison is not None:
            self.columns[spec.AUDIO][poison] = np.nan
        self.count = count

    def eval_batches(self, *, batch_size):
        for first in range(0, self.count, batch_size):
            part = {key: column[first : first + batch_size] for key, column in self.columns.items()}
            missing = batch_size - len(part[spec.VALID])  # the padding repeats a real clip: it must not count
            part = {key: np.concatenate([c, np.repeat(c[:1], missing, axis=0)]) for key, c in part.items()}
            if missing:
                part[spec.VALID][-missing:] = 0
            yield {key: tf.convert_to_tensor(column) for key, column in part.items()}


def places(number, count=10, width=8):
    """An angle per clip: embeddings of equal numbers are equal, of near numbers near."""
    angle = (
        tf.cast(number, tf.float32)[:, None] * (np.pi / count) + tf.range(width, dtype=tf.float32)[None] / 7
    )
    return tf.concat([tf.cos(angle), tf.sin(angle)], axis=1)


class ToyModel:
    """Reads the clip's number out of each modality and embeds it; `audio_shift` makes its audio wrong."""

    def __init__(self, audio_shift=0.0):
        self.audio_shift, self.traces, self.seen = audio_shift, 0, None

    def __call__(self, inputs, training=False):
        assert training is False
        self.traces += 1
        self.seen = {key: (value.dtype.name, value.shape.rank) for key, value in inputs.items()}
        outputs = {}
        if "video" in inputs:  # undo the scaling of the first pixel
            outputs["video/video_audio"] = places((inputs["video"][:, 0, 0, 0, 0] + 1) * 127.5 / 8)
            outputs["video/video_text"] = 3 * outputs["video/video_audio"]
        if "audio" in inputs:
            outputs["audio/video_audio"] = places(inputs["audio"][:, 0] * 10 + self.audio_shift)
            outputs["audio/video_text"] = outputs["audio/video_audio"]
        if "text" in inputs:
            outputs["text/video_text"] = places(inputs["text"][:, 0] - 2)
        return outputs | {"video/pooled": tf.zeros((1, 1))}
