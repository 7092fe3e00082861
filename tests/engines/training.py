"""Trains a few steps on that many replicas: what the tests of this folder compare."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tests import toys
from tests.devices import mirrored
from tests.small_models import small_vatt
from vatt.data import kept_patches
from vatt.engines.execution import Execution
from vatt.engines.optimization import Optimization
from vatt.engines.protocol import Task
from vatt.engines.tensorflow.engine import TensorFlowEngine
from vatt.layers.architecture import Size
from vatt.layers.pixels import DeviceInputs
from vatt.losses.contrastive import ContrastiveLoss
from vatt.losses.latent_prediction import LatentPredictionLoss
from vatt.models.latent_prediction import LatentPrediction
from vatt.spec import ClipSpec

SEED = 3
CLIP = ClipSpec(frames=4, frame_size=16, sample_rate_hz=640, words=4, candidates=2)

# Of the norm of all gradients in float32: sums in another order were seen to differ by 2e-5 of it, at a loss
# that agrees to 1e-5 and gradients that agree to 1e-5 of the norm.
NORM_TOLERANCE = 5e-5


def strategy_of(replicas: int) -> tf.distribute.Strategy:
    """The default strategy for one replica, logical CPU devices for more."""
    return mirrored(replicas) if replicas > 1 else tf.distribute.get_strategy()


def toy_batch(number, rows=8, **options):
    batch = toys.ToyData(**options)._batch(rows, number, SEED)
    return {name: tf.constant(value) for name, value in batch.items()}


def toy_model():
    return toys.ToyModel(), toys.ToyLoss(), toys.toy_inputs()


def clip_batch(number, rows=8, missing=()):
    """Random clips of `CLIP`; `missing` holds (mask's name, rows without)."""
    draw = np.random.default_rng([SEED, number])
    batch = {
        "video": draw.integers(0, 256, (rows, CLIP.frames, CLIP.frame_size, CLIP.frame_size, 3), "uint8"),
        "audio": draw.uniform(-1, 1, (rows, CLIP.samples)).astype("float32"),
        "text": draw.integers(2, 30, (rows, CLIP.candidates, CLIP.words), "int32"),
        "video_mask": np.ones(rows, "float32"),
        "audio_mask": np.ones(rows, "float32"),
        "text_mask": np.ones((rows, CLIP.candidates), "float32"),
        "example_index": np.arange(number * rows, (number + 1) * rows, dtype="int64"),
    }
    for name, without in missing:
        batch[f"{name}_mask"][list(without)] = 0
        batch[name][list(without)] = 0
    return {name: tf.constant(value) for name, value in batch.items()}


def kept_clip_batch(number):
    """`clip_batch` of the patches alone that `clip_model` reads."""
    reads, batch = clip_model()[0].patches_read(), clip_batch(number)
    rows = [
        kept_patches.keep(dict(zip(batch, row, strict=True)), reads, seed=SEED, position=index)
        for index, *row in zip(batch["example_index"], *batch.values(), strict=True)
    ]
    return {name: tf.stack([row[name] for row in rows]) for name in rows[0]}


def clip_model(depth=1, recompute=False, form="paper", **options):
    """The real model, tiny, with every kind of draw switched on."""
    size = Size(depth=depth, width=16, hidden_width=32, heads=2, head_width=8, recompute=recompute)
    model = small_vatt(size, clip=CLIP, audio_patch=(32,), vocabulary_size=30, widths=(8, 8), **options)
    return model, ContrastiveLoss(form=form), DeviceInputs()


def predicting_model():
    """The real model with a teacher, and a Transformer that predicts what it makes of dropped tokens."""
    size = Size(depth=1, width=8, hidden_width=16, heads=2, head_width=4)
    model, loss, inputs = clip_model(video_patch=(2, 8, 8), prediction=LatentPrediction(size=size, decay=0.1))
    return model, LatentPredictionLoss(loss=loss), inputs


class Training:
    """A step and what it trains, from the same initial weights every time.

    Args:
        make: () -> model, loss, device inputs.
        batch_of: number -> global batch.
        make_optimizer: () -> optimizer.
        replicas: logical CPU devices.
        strategy: replicas -> strategy.
        execution: see `Execution`.
        loss_scale: () -> `LossScale`, or None.
        options: of `Optimization`.
    """

    def __init__(
        self,
        *,
        make=toy_model,
        batch_of=toy_batch,
        make_optimizer,
        replicas=1,
        execution=Execution(),  # noqa: B008 (frozen)
        loss_scale=None,
        strategy=strategy_of,
        **options,
    ):
        keras.utils.set_random_seed(0)
        self.batch_of = batch_of
        engine = TensorFlowEngine(strategy(replicas))
        optimization = Optimization(**options)
        with engine.scope():
            self.model, loss, inputs = make()
            task = Task(model=self.model, loss=loss, device_inputs=inputs)
            self.model(inputs(batch_of(0), training=False))
            self.optimizer = make_optimizer()
            state = engine.place(task, self.optimizer, optimization)
            if loss_scale is not None:
                state = dataclasses.replace(state, loss_scale=loss_scale())
            self.average = state.average
            self.step = engine.make_step(
                task, state, optimization=optimization, execution=execution, seed=SEED
            )
        self._variables = [*self.model.variables, *self.optimizer.variables]
        self._initial = [variable.numpy() for variable in self._variables]

    def restart(self):
        for variable, value in zip(self._variables, self._initial, strict=True):
            variable.assign(value)

    def weights(self):
        return {variable.path: variable.numpy() for variable in self.model.variables}

    def run(self, steps, batch_of=None):
        """The results of each step."""
        return [_as_numpy(self.step((batch_of or self.batch_of)(number))) for number in range(steps)]

    def run_in_one_call(self, steps):
        """The results of all steps together."""
        batches = dataset_of([self.batch_of(number) for number in range(steps)]).repeat()
        return _as_numpy(self.step.run(self.step.feed(batches), steps))


def train(*, steps=3, in_one_call=False, **options):
    """Weights by path, the results of each step (of all together, `in_one_call`), the optimizer."""
    training = Training(**options)
    results = [training.run_in_one_call(steps)] if in_one_call else training.run(steps)
    return training.weights(), results, training.optimizer


def _as_numpy(results):
    return {name: value.numpy() for name, value in results.items()}


def dataset_of(batches) -> tf.data.Dataset:
    """Batches of equal shapes as an endless dataset that ends."""
    return tf.data.Dataset.from_tensor_slices(
        {name: tf.stack([batch[name] for batch in batches]) for name in batches[0]}
    )


def assert_same(one, other, rtol=1e-5, atol=1e-6):
    """Equal up to rounding, by name."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, other[name], rtol=rtol, atol=atol, err_msg=name)
