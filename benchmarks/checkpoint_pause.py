"""How long training stands still for a checkpoint, of a model of 300 million weights with Adam's two slots.

    python benchmarks/checkpoint_pause.py

Steps on one device change every weight and slot in place. A save at once, as it was until now: values,
files, digests, while training waits. A save in the background: the copy to memory, and the start of the
thread, which then shares the processor with the steps. The first copy of a run takes its memory from the
system, and longer. What is asked for: a pause of at most 10 % of the save at once, in processor time where
other work runs too. It takes 15 GB of memory.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import tensorflow as tf  # noqa: E402

from vatt.engines.tensorflow.state import Snapshot, State  # noqa: E402
from vatt.train.background import Background  # noqa: E402
from vatt.train.checkpoint_folder import CheckpointFolder  # noqa: E402

ALLOWED = 0.10


def timed(function, *arguments) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    function(*arguments)
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=int, default=300_000_000)
    parser.add_argument("--variables", type=int, default=300, help="of equal size (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    size = arguments.weights // arguments.variables
    holder = tf.Module()
    holder.values = [tf.Variable(tf.ones([size])) for _ in range(3 * arguments.variables)]
    state = State(model=holder)

    @tf.function(autograph=False)
    def step():
        for value in holder.values:
            value.assign_add(tf.fill([size], 1e-3))

    step()
    found: dict[str, list[tuple[float, float]]] = {}

    def note(name, *call):
        found.setdefault(name, []).append(timed(*call))

    with tempfile.TemporaryDirectory() as folder:
        checkpoints, background = CheckpointFolder(Path(folder) / "checkpoints", keep=1), Background()
        for number in range(arguments.repeats):
            note("a step", step)
            note(
                "a save at once", lambda n=number: checkpoints.save(2 * n, Snapshot(state._checkpoint(), {}))
            )
            held = []
            note("a snapshot", lambda held=held: held.append(state.snapshot()))
            note(
                "starting its save",
                background.start,
                lambda n=number, h=held: checkpoints.save(2 * n + 1, h[0]),
            )
            background.wait()
    for name, values in found.items():
        shown = ", ".join(f"{wall:.3f} s and {processor:.3f} CPU-s" for wall, processor in values)
        print(f"{name}: {shown}")
    for kind, unit in enumerate(("s", "CPU-s")):
        median = {
            name: statistics.median(each[kind] for each in values[1:]) for name, values in found.items()
        }
        pause, whole = median["a snapshot"] + median["starting its save"], median["a save at once"]
        verdict = "met" if pause <= ALLOWED * whole else "MISSED"
        print(
            f"tensorflow {tf.__version__}, {arguments.weights:,} weights, after the first: a pause of "
            f"{pause:.3f} {unit} for a save of {whole:.3f}: {pause / whole:.1%}, at most {ALLOWED:.0%}: "
            f"{verdict}"
        )


if __name__ == "__main__":
    main()
