"""What benchmarks train, read from gin files as a run reads them, and batches of noise of its shapes."""

import functools
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRETRAIN = "experiments/pretrain.gin"  # the demo's


def read(gin_files=(PRETRAIN,), bindings=()):
    """`vatt.plan.configuration.Configuration`: the job's model, loss, inputs, numbers, not its data."""
    sys.path.insert(0, str(ROOT))
    from vatt.plan import configuration

    return configuration.read(list(gin_files), list(bindings))


@functools.cache
def engine():
    """That of KERAS_BACKEND, on one device."""
    from vatt.engines.start import start_engine

    return start_engine("one_device")


def new_model(configuration):
    """One more model, with variables of its own."""
    from vatt.plan.configuration import Source

    return configuration.model(Source())


def task_of(configuration):
    """A new model, the loss and the device's inputs."""
    from vatt.engines.protocol import Task

    job = configuration.job
    return Task(
        model=new_model(configuration),
        loss=job.argument("loss"),
        device_inputs=job.argument("device_inputs"),
    )


def train_step(task, optimizer, gradients=None, jit_compile=False):
    """The compiled step of `Trainer` on one device, of the engine of KERAS_BACKEND.

    Args:
        task: what is trained.
        optimizer: a Keras optimizer, built here.
        gradients: one of `vatt/engines/execution.py`; None for the whole batch.
        jit_compile: as in `Execution`.
    """
    from vatt.engines.execution import Execution, WholeBatch
    from vatt.engines.optimization import Optimization

    state = engine().place(task, optimizer, Optimization())
    execution = Execution(gradients=gradients or WholeBatch(), jit_compile=jit_compile)
    return engine().make_step(task, state, optimization=Optimization(), execution=execution, seed=0)


def random_batch(clip, rows: int, classes: int = 0) -> dict:
    """Clips of noise, feature name -> `[B, ...]`, as in `vatt.spec`."""
    import numpy as np
    import tensorflow as tf

    from vatt import spec

    draw = np.random.default_rng(0)
    frames, words = (rows, clip.frames, clip.frame_size, clip.frame_size, 3), (clip.candidates, clip.words)
    batch = {spec.EXAMPLE_INDEX: tf.range(rows, dtype=tf.int64)}
    if spec.VIDEO in clip.modalities:
        batch[spec.VIDEO] = tf.constant(draw.integers(0, 256, frames, np.uint8))
    if spec.AUDIO in clip.modalities:
        batch[spec.AUDIO] = tf.constant(2 * draw.random((rows, clip.samples), np.float32) - 1)
    if spec.TEXT in clip.modalities:
        batch[spec.TEXT] = tf.constant(draw.integers(2, 256, (rows, *words), np.int32))
    if classes:
        batch[spec.LABEL] = tf.one_hot(tf.range(rows) % classes, classes)
    return batch
