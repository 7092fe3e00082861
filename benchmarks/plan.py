"""What `vatt plan` predicts of a step's memory, beside what the step takes.

    python benchmarks/plan.py
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
WARM_UP_ROWS = 1
PRETRAIN = ["experiments/pretrain.gin"]
CONFIGURATIONS = {
    "whole": (PRETRAIN, ["run.precision = 'float32'", "BATCH_SIZE = 64"]),
    "recompute": (PRETRAIN, ["run.precision = 'float32'", "BATCH_SIZE = 128", "Size.recompute = True"]),
    "cached": (PRETRAIN, ["run.precision = 'float32'", "BATCH_SIZE = 128", "train.cached_chunk = 32"]),
    "half": (PRETRAIN, ["BATCH_SIZE = 64", "VATT.dropout_rate = 0.1"]),
    "deep": (PRETRAIN, ["run.precision = 'float32'", "BATCH_SIZE = 32", "video/Size.depth = 8", "VATT.dropout_rate = 0.1"]),
    "classifier": (
        ["experiments/finetune_kinetics400.gin", "experiments/overlay/from_scratch.gin"],
        ["run.precision = 'float32'", "BATCH_SIZE = 8", "SIZE = 'small'", "ClipSpec.frame_size = 112", "ClipSpec.frames = 16"],
    ),
}


def measure(name: str) -> dict:
    """In a fresh process: bytes that a step adds to what was resident before it."""
    sys.path.insert(0, str(ROOT))
    import keras
    import tensorflow as tf

    from vatt.plan.configuration import Source, read
    from vatt.train.job import _way
    from vatt.train.step import TrainStep
    from vatt.train.update import Update

    gin_files, bindings = CONFIGURATIONS[name]
    configuration = read(gin_files, bindings)
    keras.config.set_dtype_policy(configuration.precision)
    keras.utils.set_random_seed(0)
    model = configuration.model(Source())
    job, clip = configuration.job, configuration.clip
    optimizer = job.argument("optimizer")
    optimizer.build(model.trainable_variables)
    way = _way(model, job.argument("loss"), job.argument("device_inputs"), configuration.number("cached_chunk"), configuration.number("accumulate"))
    step = TrainStep(
        strategy=tf.distribute.get_strategy(),
        model=model,
        gradients=way,
        update=Update(optimizer=optimizer, variables=model.trainable_variables),
        seed=0,
    )
    rows = configuration.number("batch_size")
    draw = tf.random.stateless_uniform
    picture = (rows, clip.frames, clip.frame_size, clip.frame_size, 3)
    batch = {"example_index": tf.range(rows, dtype=tf.int64)}
    if "video" in clip.modalities:
        batch["video"] = tf.cast(draw(picture, (0, 0), 0, 256, tf.int32), tf.uint8)
    if "audio" in clip.modalities:
        batch["audio"] = draw((rows, clip.samples), (1, 0), -1, 1)
    if "text" in clip.modalities:
        batch["text"] = draw((rows, clip.candidates, clip.words), (2, 0), 2, 256, tf.int32)
    if hasattr(model, "classes"):
        batch["label"] = tf.one_hot(tf.range(rows), model.classes)
    step({name: value[:2] for name, value in batch.items()})  # libraries take what they keep
    step.concrete_step(batch)
    resident = resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    found = []
    for _ in range(3):
        start = time.process_time()
        float(step(batch)["loss"])
        found.append((resident_bytes("VmHWM") - resident, time.process_time() - start))
    return {"bytes": [a for a, _ in found], "seconds": [b for _, b in found]}


def resident_bytes(field: str) -> int:
    """Resident memory of this process: "VmRSS" now, "VmHWM" at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure")
    flags = parser.parse_args()
    print(json.dumps(measure(flags.measure)))
