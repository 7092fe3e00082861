"""Memory and time of a training step: the batch encoded at once, in cached chunks, with recomputed blocks.

    python benchmarks/batch_memory.py --batch 128 --chunk 16

The demo's VATT (experiments/pretrain.gin) on clips of 16 frames of 64² and 1.6 s of audio at 8 kHz, float32,
SGD. Variants, each in a process of its own:

    whole       one forward and one backward pass
    recompute   `Size.recompute`: the backward pass computes each block again
    cached      `Cached`: GradCache
    both        the two together

Memory is the peak of resident memory during the steps above what the process held before them, its batch
among that. Time is the processor's, user and system, of the faster of two steps after the first.
"""

import argparse
import json
import subprocess
import sys
import time

import from_gin

BINDINGS = ["run.precision = 'float32'", "ClipSpec.frames = 16"]
VARIANTS = ("whole", "recompute", "cached", "both")


def measure(variant: str, batch_size: int, chunk: int) -> dict:
    """In a fresh process: the losses, seconds of processor time and bytes of memory."""
    recompute = f"Size.recompute = {variant in ('recompute', 'both')}"
    configuration = from_gin.read(bindings=[*BINDINGS, recompute])
    import keras
    import tensorflow as tf

    from vatt import resident_memory
    from vatt.engines.execution import Cached
    from vatt.optimizers.factories import sgd

    keras.utils.set_random_seed(0)
    gradients = Cached(rows=chunk) if variant in ("cached", "both") else None
    step = from_gin.train_step(from_gin.task_of(configuration), sgd(learning_rate=0.01), gradients)
    batch = from_gin.random_batch(configuration.clip, batch_size)
    step.concrete_step(batch)
    resident = resident_memory.now()
    resident_memory.forget_peak()
    losses, seconds = [], []
    for _ in range(3):
        start = time.process_time()
        losses.append(float(step(batch)["loss"]))
        seconds.append(time.process_time() - start)
    return {
        "losses": losses,
        "seconds": min(seconds[1:]),
        "bytes": resident_memory.peak() - resident,
        "versions": f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--chunk", type=int, default=16)
    parser.add_argument("--measure", choices=VARIANTS, help="only this variant, in this process")
    flags = parser.parse_args()
    if flags.measure:
        print(json.dumps(measure(flags.measure, flags.batch, flags.chunk)))
        return
    whole = None
    for variant in VARIANTS:
        command = [sys.executable, __file__, "--batch", str(flags.batch), "--chunk", str(flags.chunk)]
        command += ["--measure", variant]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found = json.loads(output.splitlines()[-1])
        if whole is None:
            whole = found
            print(f"{found['versions']}; batch {flags.batch}, chunks of {flags.chunk}")
        print(
            f"{variant:10} {found['bytes'] / 2**20:6.0f} MiB ({found['bytes'] / whole['bytes']:.2f})  "
            f"{found['seconds']:6.2f} s ({found['seconds'] / whole['seconds']:.2f})  "
            f"loss {' '.join(f'{loss:.5f}' for loss in found['losses'])}",
            flush=True,
        )


if __name__ == "__main__":
    main()
