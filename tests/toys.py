"""Ten-line towers, datasets and losses with the manners of the real ones, for tests of whatever trains
them."""

import gin
import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vatt import spec
from vatt.layers import draws
from vatt.protocols import DatasetInfo
from vatt.report.document import write_whole

FRAMES, SIZE, SAMPLES, CANDIDATES, WORDS = 2, 4, 16, 2, 3


@gin.register(module="toys")
class ToyModel(keras.Model):
    """Pooled pixels and samples through a dense layer each, words through a table."""

    def __init__(self, *, width=8, name="toy_model"):
        super().__init__(name=name)
        self.video = keras.layers.Dense(width, name="video")
        self.audio = keras.layers.Dense(width, use_bias=False, name="audio")
        self.text = keras.layers.Embedding(11, width, name="text")
        self.moving_mean = self.add_weight(name="moving_mean", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training=False):
        video = ops.reshape(inputs["video"], (-1, FRAMES * SIZE * SIZE * 3))
        draw = inputs.get("draw_key")
        if draw is not None:  # as DropToken does: noise that is a function of the draw key alone
            with draws.keyed(draw):
                noise = draws.uniform(ops.shape(video), salt=1, after=video)
            video = video * ops.cast(noise > 0.5, video.dtype)
        if training:
            own_rows = keras.backend.backend() == "tensorflow"  # elsewhere arrays are global
            mean, _ = ops.moments(inputs["audio"], axes=(0, 1), synchronized=own_rows)
            self.moving_mean.assign(0.9 * self.moving_mean + 0.1 * mean)
        return {
            "video/video_audio": self.video(video),
            "audio/video_audio": self.audio(inputs["audio"]),
            "text/video_text": ops.mean(self.text(inputs["text"]), axis=1),
        }


@gin.register(module="toys")
class ToyData:
    """Random clips; batch n is a pure function of (seed, n)."""

    facts = {}  # of `DatasetInfo`, for tests to change

    def __init__(self, *, name="toys", poisoned_step=None):
        self.info = DatasetInfo(name=name, **self.facts)
        self.poisoned_step = poisoned_step
        self.asked_first_steps = []

    def train_batches(self, *, batch_size, first_step, seed, shard_index=0, shard_count=1):
        self.asked_first_steps.append(first_step)
        share = batch_size // shard_count

        def rows(step):
            batch = self._batch(batch_size, step, seed)
            return {name: v[shard_index * share : (shard_index + 1) * share] for name, v in batch.items()}

        def batches():
            step = first_step
            while True:
                yield rows(step)
                step += 1

        kinds = {name: tf.TensorSpec(v.shape, v.dtype) for name, v in rows(0).items()}
        return tf.data.Dataset.from_generator(batches, output_signature=kinds)

    def _batch(self, rows, step, seed):
        draw = np.random.default_rng([seed, step])
        audio = draw.normal(size=(rows, SAMPLES)).astype("float32")
        if step == self.poisoned_step:
            audio[0, 0] = np.nan
        return {
            spec.VIDEO: draw.integers(0, 256, (rows, FRAMES, SIZE, SIZE, 3), "uint8"),
            spec.AUDIO: audio,
            spec.TEXT: draw.integers(0, 11, (rows, CANDIDATES, WORDS), "int32"),
            spec.EXAMPLE_INDEX: np.arange(step * rows, (step + 1) * rows, dtype="int64"),
        }


@gin.register(module="toys")
def toy_inputs():
    """Pixels to [-1, 1], captions to rows."""

    def inputs(batch, training):
        made = {
            "video": ops.cast(batch[spec.VIDEO], "float32") / 127.5 - 1.0,
            "audio": batch[spec.AUDIO],
            "text": ops.reshape(batch[spec.TEXT], (-1, WORDS)),
        }
        return {**made, "draw_key": batch["draw_key"]} if training else made

    return inputs


@gin.register(module="toys")
class ToyLoss:
    """Cross-entropy of each local row against the rows of all replicas; each replica's share of the global
    mean."""

    def __call__(self, outputs, batch, gather):
        video = outputs["video/video_audio"]
        audio = gather(outputs["audio/video_audio"])
        index = gather(batch[spec.EXAMPLE_INDEX])
        scores = ops.matmul(video, ops.transpose(audio))
        target = ops.cast(batch[spec.EXAMPLE_INDEX][:, None] == index[None], scores.dtype)
        rows = ops.cast(ops.shape(audio)[0], scores.dtype)
        paired = -ops.sum(target * ops.log_softmax(scores)) / rows
        text = ops.sum(ops.square(outputs["text/video_text"])) / rows
        return {"loss": paired + text, "loss/video_audio": paired, "loss/video_text": text}


@gin.register(module="toys")
class LearnedToyLoss(ToyLoss):
    """`ToyLoss` with a scale of the scores that is learnt with the model."""

    def __init__(self, *, scale=2.0):
        self.scale = keras.Variable(scale, name="scale")
        self.trainable_variables = [self.scale]

    def __call__(self, outputs, batch, gather):
        scaled = outputs["video/video_audio"] * ops.convert_to_tensor(self.scale)
        return super().__call__({**outputs, "video/video_audio": scaled}, batch, gather)


@gin.register(module="toys")
class ToyEvaluator:
    """One number: the mean of the audio weights."""

    def __init__(self, *, name="toy_evaluation"):
        self.name = name

    def evaluate(self, model):
        return {f"{self.name}/mean_weight": float(ops.mean(model.audio.kernel))}

    def artifact(self):
        return {"note": "shown in the report"}

    def table(self):
        return "Toys", ("direction", "R@1"), [("text to video", "1.0")]


@gin.register(module="toys")
def toy_report():
    """A report that says it was written."""

    def write(model_dir):
        return write_whole("<p>toys</p>", model_dir / "report.html")

    return write
