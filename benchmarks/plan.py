"""Memory of a training step: what `vatt plan` predicts, and what the step takes.

    python benchmarks/plan.py

Each configuration runs in a process of its own, on one CPU device, in float32 unless its name says otherwise,
one operation at a time (TF_NUM_INTEROP_THREADS=1): where two threads take operations, what two towers need at
once depends on timing.
Predicted is `step_bytes`: what a step adds to weights, optimizer and batch. Measured is the most that
TensorFlow's allocator has given out during three steps, less what it had before them. Next to it stands by
how much the resident memory of the process (VmRSS) has grown from the first step's beginning, when the graph
was there, to the end of the last, after what compilers freed is given back: what the allocator keeps and
can not use again is in it, and so are XLA's programs.
The exit status is 1 if a prediction misses by more than 15 %.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import from_gin

ROOT = Path(__file__).parents[1]
MOST = 0.15  # share by which a prediction may miss
FLOAT32 = "run.precision = 'float32'"
PRETRAIN = [from_gin.PRETRAIN]
FINE_TUNE = ["experiments/finetune_kinetics400.gin", "experiments/overlay/from_scratch.gin"]
SMALL = ["SIZE = 'small'", "ClipSpec.frame_size = 112", "ClipSpec.frames = 16"]
CACHED = ["Execution.gradients = @Cached()", "Cached.rows = 64"]
IN_PARTS = ["Execution.gradients = @Accumulated()", "Accumulated.parts = 4"]
# name -> (gin files, bindings)
CONFIGURATIONS = {
    "three towers": (PRETRAIN, [FLOAT32, "BATCH_SIZE = 64"]),
    "three towers, recomputed": (PRETRAIN, [FLOAT32, "BATCH_SIZE = 128", "Size.recompute = True"]),
    "three towers, cached": (PRETRAIN, [FLOAT32, "BATCH_SIZE = 128", *CACHED]),
    "three towers, bfloat16, dropout": (PRETRAIN, ["BATCH_SIZE = 64", "DROPOUT_RATE = 0.1"]),
    "deep video, dropout": (
        PRETRAIN,
        [FLOAT32, "BATCH_SIZE = 32", "video/Size.depth = 8", "DROPOUT_RATE = 0.1"],
    ),
    "classifier": (FINE_TUNE, [FLOAT32, "BATCH_SIZE = 8", *SMALL]),
    "classifier, in parts": (FINE_TUNE, [FLOAT32, "BATCH_SIZE = 16", *IN_PARTS, *SMALL]),
}


def measure(name: str) -> dict:
    """In a fresh process: bytes that steps add to what was there before them."""
    configuration = from_gin.read(*CONFIGURATIONS[name])
    import keras
    import tensorflow as tf

    from vatt import resident_memory
    from vatt.engines.execution import Execution

    keras.config.set_dtype_policy(configuration.precision)
    keras.utils.set_random_seed(0)
    task, optimizer = from_gin.task_of(configuration), configuration.job.argument("optimizer")
    gradients = configuration.job.argument("execution", Execution()).gradients
    rows, classes = configuration.numbers()["batch_size"], getattr(task.model, "classes", 0)
    batch = from_gin.random_batch(configuration.clip, rows, classes)
    step = from_gin.train_step(task, optimizer, gradients)
    step.concrete_step(batch)
    resident = resident_memory.now()
    float(step(batch)["loss"])  # compiles
    allocator = tf.config.experimental
    allocator.reset_memory_stats("CPU:0")
    before = allocator.get_memory_info("CPU:0")["current"]
    for _ in range(3):
        float(step(batch)["loss"])
    ctypes.CDLL(None).malloc_trim(0)  # gives back what is free: glibc
    return {
        "bytes": allocator.get_memory_info("CPU:0")["peak"] - before,
        "resident_bytes": resident_memory.now() - resident,
        "versions": f"TensorFlow {tf.__version__}",
    }


def predict(name: str) -> dict:
    """In this process: the plan."""
    sys.path.insert(0, str(ROOT))
    from vatt.plan.configuration import Source, read
    from vatt.plan.plan import Circumstances, make_plan

    return make_plan(read(*CONFIGURATIONS[name]), Source(), Circumstances())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CONFIGURATIONS)} (all)")
    parser.add_argument("--measure", choices=CONFIGURATIONS, help="only this one, in this process")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each")
    flags = parser.parse_args()
    if flags.measure:
        print(json.dumps(measure(flags.measure)))
        return 0
    missed = 0
    for name in flags.names or CONFIGURATIONS:
        command = [sys.executable, __file__, "--measure", name]
        alone = {**os.environ, "TF_NUM_INTEROP_THREADS": "1"}
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=alone).stdout
        found = json.loads(output.splitlines()[-1])
        predicted = predict(name)["memory"]["step_bytes"]
        share = predicted / found["bytes"] - 1
        missed += abs(share) > MOST
        if flags.json:
            facts = {"name": name, "predicted_bytes": predicted, "measured_bytes": found["bytes"]}
            print(json.dumps(facts | {"resident_bytes": found["resident_bytes"]}), flush=True)
            continue
        print(
            f"{name:32} predicted {predicted / 2**20:6.0f} MiB  measured {found['bytes'] / 2**20:6.0f} MiB  "
            f"{share:+.0%}  resident {found['resident_bytes'] / 2**20:6.0f} MiB  ({found['versions']})",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
