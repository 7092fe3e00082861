"""Steps of the main job's demo on the engine of KERAS_BACKEND, from weights that are the same on each:

    python -m tests.engines.jax.demo_steps OUT.npz INITIAL.npz DATA_DIR STEPS PRECISION

writes the losses, the weights at the end by path, and the processor's seconds of a step after the first few.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np

from tests.miniature_runs import gin_file
from vatt import config
from vatt.engines.start import start_engine
from vatt.main import configure_terminal
from vatt.train.training_data import rows_like

COMPILING = 3  # steps that compile, or fill buffers


def share_beginning(model, path: Path):
    """Gives a model the initial weights of the process that came first; the first one keeps its own."""
    if path.exists():
        with np.load(path) as arrays:
            for variable in model.variables:
                variable.assign(arrays[variable.path])
        return
    partly = path.with_suffix(".part.npz")
    np.savez(partly, **values_of(model))
    partly.rename(path)


def values_of(model):
    """Path -> value."""
    return {each.path: keras.ops.convert_to_numpy(each.value) for each in model.variables}


def main(out: str, initial: str, data_dir: str, steps: str, precision: str) -> None:
    configure_terminal()
    keras.utils.set_random_seed(0)
    config.load([str(gin_file("pretrain"))], [f"DATA_DIR = '{data_dir}'"])
    engine = start_engine("one_device")
    keras.config.set_dtype_policy(engine.precision(precision))
    trainer = config.root_call().calls("job")[0].make()
    batches = trainer.dataset.train_batches(batch_size=trainer.batch_size, first_step=0, seed=0)
    engine.build(trainer.task, rows_like(batches))
    share_beginning(trainer.model, Path(initial))
    state = engine.place(trainer.task, trainer.optimizer, trainer.optimization)
    step = engine.make_step(
        trainer.task, state, optimization=trainer.optimization, execution=trainer.execution, seed=0
    )
    iterator, losses, began = iter(batches), [], 0.0
    for number in range(int(steps)):
        if number == COMPILING:
            began = time.process_time()
        losses.append(float(step.run(iterator, 1)["loss"]))
    seconds = (time.process_time() - began) / (int(steps) - COMPILING)
    np.savez(out, losses=losses, seconds=seconds, **values_of(state.model))


if __name__ == "__main__":
    main(*sys.argv[1:])
