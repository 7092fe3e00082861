"""The size of the compiled program of a training step: what a host sends to an accelerator.

    python benchmarks/program_size.py
    python benchmarks/program_size.py --size large

Traces the whole step of the paper's run (experiments/pretrain.gin, overlay/paper.gin and, for a size, its
overlay): forward, loss, backward, Adam, in mixed_bfloat16, for a few clips on one device. The size is that of
the serialized HLO that XLA receives; nothing is compiled or run. Constants are those of the HLO's text.
"""

import argparse
import math
import os
import re
import time

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import from_gin

PAPER = "experiments/overlay/paper.gin"
LIMITS = {"medium": 50, "large": 100}  # MB
BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s64": 8, "f64": 8}  # all others: 4


def constants_of(hlo: str) -> int:
    """Bytes of the array constants in a text of HLO."""
    found = re.findall(r"= (\w+)\[([\d,]+)\]\S* constant\(", hlo)
    return sum(BYTES.get(kind, 4) * math.prod(map(int, dims.split(","))) for kind, dims in found)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=LIMITS, default="medium", help="of the video Transformer")
    parser.add_argument("--rows", type=int, default=2, help="clips of a step (default: %(default)s)")
    arguments = parser.parse_args()
    size = f"video/TransformerEncoder.size = '{arguments.size}'"
    configuration = from_gin.read([from_gin.PRETRAIN, PAPER], [size])
    import keras
    import tensorflow as tf

    from vatt.optimizers.factories import adam

    keras.config.set_dtype_policy(configuration.precision)
    step = from_gin.train_step(from_gin.task_of(configuration), adam(learning_rate=1e-4), jit_compile=True)
    batch = from_gin.random_batch(configuration.clip, arguments.rows)
    began = time.monotonic()
    program = step._step_compiled.experimental_get_compiler_ir(batch)
    size, hlo = len(program(stage="hlo_serialized")) / 1e6, program(stage="hlo")
    verdict = "met" if size <= LIMITS[arguments.size] else "MISSED"
    print(
        f"TensorFlow {tf.__version__}, video {arguments.size}, {arguments.rows} clips: {size:.1f} MB, "
        f"of these constants {constants_of(hlo) / 1e6:.1f} MB; at most {LIMITS[arguments.size]} MB: "
        f"{verdict} (traced in {time.monotonic() - began:.0f} s)"
    )


if __name__ == "__main__":
    main()
