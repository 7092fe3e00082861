"""What DropToken saves of a training step: time at 50 % and 75 % against the operations that are left.

    python benchmarks/drop_token.py

Forward and backward pass of ViT-Base over the paper's 32 x 224 x 224 clip, 1,568 tokens and AGG, from
scaled pixels to the gradient of every weight: without DropToken, at 0.5 and at 0.75. CPU time on one thread,
float32, in turns, after one step of each. What is asked for: at most 1.08 times the share of operations,
0.437 and 0.203 (24 N D² + 4 N² D a layer, N tokens of width D = 768).
"""

import argparse
import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import statistics  # noqa: E402 (TensorFlow reads these when it is imported)
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))

from vatt.layers.drop_token import DropToken, tokens_kept  # noqa: E402
from vatt.layers.transformer_encoder import TransformerEncoder  # noqa: E402
from vatt.layers.voxel_tokenizer import VoxelTokenizer  # noqa: E402
from vatt.models.tower import Tower  # noqa: E402

RATES = (0.0, 0.5, 0.75)
ALLOWED = 1.08
TOKENS, WIDTH = 1568, 768


def share_of_operations(rate: float) -> float:
    """Operations of the Transformer at a rate, as a share of those without DropToken."""

    def operations(tokens):
        return 24 * tokens * WIDTH**2 + 4 * tokens**2 * WIDTH

    return operations(tokens_kept(TOKENS, rate)) / operations(TOKENS)


def step_of(rate: float):
    """A compiled forward and backward pass."""
    tower = Tower(
        tokenizer=VoxelTokenizer(drop_token=DropToken(rate=rate)),
        encoder=TransformerEncoder(size="base", dropout_rate=0.0),
        name=f"video_{round(100 * rate)}",
    )
    tower.build()

    @tf.function(autograph=False)
    def step(video):
        with tf.GradientTape() as tape:
            pooled, tokens = tower(video, training=True)
            loss = tf.reduce_mean(tf.square(pooled)) + tf.reduce_mean(tf.square(tokens))
        return tape.gradient(loss, [variable.value for variable in tower.trainable_variables])

    return step


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=1, help="clips of a step (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="steps of each (default: %(default)s)")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    video = tf.random.stateless_uniform([arguments.batch, 32, 224, 224, 3], [0, 0], -1, 1)
    steps, spent = {rate: step_of(rate) for rate in RATES}, {rate: [] for rate in RATES}
    for number in range(arguments.repeats + 1):
        for rate, step in steps.items():
            start = time.process_time()
            step(video)
            if number:
                spent[rate].append(time.process_time() - start)
    print(f"tensorflow {tf.__version__}, keras {keras.__version__}, {arguments.batch} clips a step")
    medians = {rate: statistics.median(values) for rate, values in spent.items()}
    for rate, values in spent.items():
        print(f"rate {rate}: {medians[rate]:.2f} CPU-s a step ({min(values):.2f} to {max(values):.2f})")
    for rate in RATES[1:]:
        share = share_of_operations(rate)
        ratio = medians[rate] / medians[0.0]
        verdict = "met" if ratio <= ALLOWED * share else "MISSED"
        print(
            f"rate {rate}: {ratio:.3f} of the time for {share:.3f} of the operations = {ratio / share:.2f}, "
            f"at most {ALLOWED}: {verdict}"
        )


if __name__ == "__main__":
    main()
