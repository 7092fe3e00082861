"""A labelled set whose clips say which class they are of, and a model that reads it, for tests of evaluators
and probes."""

import numpy as np
import tensorflow as tf

from tests.padded_batches import padded_batches
from vatt import spec
from vatt.protocols import DatasetInfo

SAMPLES = 8


class LabelledToys:
    """N clips of audio in V views: a point near its class's corner, each view with noise of its own."""

    def __init__(
        self, count=12, *, classes=3, views=1, seed=0, noise=0.1, silent=(), name="toys", labels=True
    ):
        self.info = DatasetInfo(
            name=name,
            label_names=tuple(f"class {number}" for number in range(classes)) if labels else (),
            eval_facts={"dataset": name, "fingerprint": f"{count}-{classes}-{views}-{seed}-{noise}"},
        )
        rng = np.random.default_rng(seed)
        number, view = np.repeat(np.arange(count), views), np.tile(np.arange(views), count)
        self.classes = number % classes
        audio = rng.normal(scale=noise, size=(count * views, SAMPLES))
        audio[np.arange(len(number)), self.classes] += 1.0
        self.columns = {
            spec.AUDIO: audio.astype(np.float32),
            spec.AUDIO_MASK: np.isin(number, silent, invert=True).astype(np.float32),
            spec.EXAMPLE_INDEX: number.astype(np.int64),
            spec.VALID: np.ones(len(number), np.float32),
            spec.CLIP_ID: np.array([f"{name}{i}@0.0".encode() for i in number], dtype=object),
            spec.GROUP: np.array([b""] * len(number), dtype=object),
        }
        if labels:
            self.columns[spec.LABEL] = np.eye(classes, dtype=np.float32)[self.classes]
        if views > 1:
            self.columns[spec.VIEW] = view.astype(np.int32)

    def eval_batches(self, *, batch_size):
        """As the pipeline gives them."""
        return padded_batches(self.columns, batch_size)


class Ears:
    """Logits and features that are the first samples of the audio, turned a little."""

    modality = "audio"
    classes = 3

    def __init__(self, classes=3, turn=0.0):
        self.classes = classes
        self.calls = 0
        self.weights = [np.eye(SAMPLES, dtype=np.float32) + np.float32(turn)]

    def __call__(self, inputs, training=False):
        assert set(inputs) == {"audio"} and training is False
        self.calls += 1
        made = tf.matmul(inputs["audio"], self.weights[0])
        return {"logits": made[:, : self.classes], "audio/pooled": made}
