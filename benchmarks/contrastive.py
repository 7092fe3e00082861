"""The contrastive loss of a large batch: whole matrices against blocks, in memory and in time.

    python benchmarks/contrastive.py --batch 8192
    python benchmarks/contrastive.py --batch 4096 --block_rows 64 128 256

NCE (512 features) and MIL-NCE (256 features, five captions) of one batch and their gradients, as one compiled
step. Variants, each in a process of its own:

    whole       `ContrastiveLoss()`: a matrix for each direction, as the definition reads
    one_matrix  the plain form at its best on one device: both directions from one matrix, written here
    streamed    `ContrastiveLoss(block_rows=…)`

Rounds alternate between the variants. Memory is the peak of resident memory during the steps above what the
process held before them, its inputs among that. Time is the processor's, user and system: "first" of the
first step, which also asks the system for its memory, "later" the median of the others.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
WIDTHS = {"video_audio": 512, "video_text": 256}  # paper A.2.5
CANDIDATES = 5
PLAIN = ("whole", "one_matrix")


def one_matrix_loss(outputs, temperature=0.07):
    """The paper's form without masks, from one matrix per pair of modalities."""
    import tensorflow as tf

    def contrast(left, right):
        left, right = (tf.math.l2_normalize(each, axis=-1) for each in (left, right))
        rows, candidates = left.shape[0], right.shape[0] // left.shape[0]
        scores = tf.matmul(right, left / temperature, transpose_b=True)
        scores = tf.reshape(scores, (rows, candidates, rows)) - 1e9 * tf.eye(rows)[:, None]
        own = tf.reshape(right, (rows, candidates, -1)) * left[:, None] / temperature
        positives = tf.reduce_logsumexp(tf.reduce_sum(own, axis=-1), axis=1)
        forth = tf.reduce_logsumexp(scores, axis=(0, 1))
        back = tf.reduce_logsumexp(scores, axis=(1, 2))
        negatives = tf.reduce_logsumexp(tf.stack([forth, back]), axis=0)
        everything = tf.reduce_logsumexp(tf.stack([positives, negatives]), axis=0)
        return tf.reduce_mean(everything - positives)

    return contrast(outputs["video/video_audio"], outputs["audio/video_audio"]) + contrast(
        outputs["video/video_text"], outputs["text/video_text"]
    )


def block_rows_of(variant: str):
    """Of `ContrastiveLoss`."""
    return int(variant) if variant.isdecimal() else {"whole": None, "auto": "auto"}[variant]


def measure(variant: str, batch: int, steps: int) -> dict:
    """In a fresh process: the loss, seconds of processor time of each step, and bytes of memory."""
    import keras
    import tensorflow as tf

    sys.path.insert(0, str(ROOT))
    from vatt import resident_memory
    from vatt.losses.contrastive import ContrastiveLoss

    if variant == "one_matrix":
        loss_of = one_matrix_loss
    else:
        loss = ContrastiveLoss(block_rows=block_rows_of(variant))

        def loss_of(outputs):
            return loss(outputs, {})["loss"]

    rows = {
        "video/video_audio": batch,
        "audio/video_audio": batch,
        "video/video_text": batch,
        "text/video_text": batch * CANDIDATES,
    }
    outputs = {
        name: tf.random.stateless_normal((count, WIDTHS[name.split("/")[1]]), (number, 0))
        for number, (name, count) in enumerate(rows.items())
    }

    @tf.function(autograph=False)
    def step(outputs):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = loss_of(outputs)
        return value, tape.gradient(value, outputs)

    step.get_concrete_function(outputs)
    tf.linalg.matmul(tf.ones((512, 512)), tf.ones((512, 512))).numpy()  # wakes threads and their buffers
    resident = resident_memory.now()
    resident_memory.forget_peak()
    seconds = []
    for _ in range(steps):
        start = time.process_time()
        value, gradients = step(outputs)
        value = float(value)
        norms = [float(tf.norm(each)) for each in gradients.values()]
        seconds.append(time.process_time() - start)
        del gradients
    return {
        "loss": value,
        "norms": norms,
        "first": seconds[0],
        "seconds": statistics.median(seconds[1:] or seconds),
        "bytes": resident_memory.peak() - resident,
        "versions": f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
    }


def compare(batch: int, variants: list[str], rounds: int, steps: int) -> dict[str, dict]:
    """Medians of each variant over rounds that alternate between them."""
    runs = {variant: [] for variant in variants}
    for _ in range(rounds):
        for variant in variants:
            command = [
                sys.executable,
                __file__,
                "--batch",
                str(batch),
                "--steps",
                str(steps),
                "--measure",
                variant,
            ]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            runs[variant].append(json.loads(output.splitlines()[-1]))
    return {
        variant: results[0]
        | {key: statistics.median(each[key] for each in results) for key in ("first", "seconds", "bytes")}
        for variant, results in runs.items()
    }


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=8192, help="clips of the batch (default: 8192)")
    parser.add_argument("--block_rows", nargs="+", default=["auto"], help="sizes of blocks (default: auto)")
    parser.add_argument("--rounds", type=int, default=3, help="processes per variant (default: 3)")
    parser.add_argument("--steps", type=int, default=3, help="steps per process (default: 3)")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.batch, arguments.steps)))
        return
    results = compare(arguments.batch, [*PLAIN, *arguments.block_rows], arguments.rounds, arguments.steps)
    whole = results["whole"]
    print(
        f"{whole['versions']}; {os.cpu_count()} processors; batch {arguments.batch} × {CANDIDATES} captions"
    )
    print("variant       peak memory  of whole  first step  later steps  of whole  of one_matrix  loss")
    for variant, result in results.items():
        name = variant if variant in PLAIN else f"streamed {variant}"
        memory, seconds = result["bytes"], result["seconds"]
        print(
            f"{name:13s} {memory / 1e6:8.0f} MB {memory / whole['bytes']:9.3f} {result['first']:9.2f} s "
            f"{seconds:10.2f} s {seconds / whole['seconds']:9.3f} "
            f"{seconds / results['one_matrix']['seconds']:14.3f}  {result['loss']:.6f}"
        )


if __name__ == "__main__":
    main()
