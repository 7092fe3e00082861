"""What the trainer costs over the bare compiled step, for a model as small as the demo's.

    python benchmarks/trainer_overhead.py
    python benchmarks/trainer_overhead.py --start

The demo's VATT (experiments/pretrain.gin) on one batch that stays in memory. "bare" is the least that trains:
forward, backward, Keras's Adam on each variable, under one `tf.function`, nothing checked, nothing reported.
Variants compared with it:

    bare, fused    the same with TensorFlow's kernel of Adam, one operation per variable instead of some ten;
                   not used elsewhere: it takes 1 − β₂ in float32, which moves second moments by 1e-5 of them
    trainer        `TrainStep.run` from an iterator and the host's bookkeeping around it, a line every ten
    steps

All live in one process with one thread and take turns; "over bare" is the median of the ratios of neighbours.
Time is the processor's, user and system.

`--start` runs experiments/pretrain.gin itself for a few steps, as a user would start it, and prints the
processor and wall time from the command to the end of the first step, and the share of waiting for data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import from_gin

ROOT = Path(__file__).parents[1]


def bare_steps(configuration, make_optimizer, batch):
    """Runs a number of the least steps that train."""
    import tensorflow as tf

    from vatt import spec
    from vatt.engines.tensorflow.step import draw_keys

    task = from_gin.task_of(configuration)
    model, loss_of, device_inputs = task.model, task.loss, task.device_inputs
    optimizer = make_optimizer(learning_rate=1e-4)
    optimizer.build(model.trainable_variables)
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function(autograph=False)
    def step(batch):
        batch = dict(batch, draw_key=draw_keys(0, batch[spec.EXAMPLE_INDEX]))
        with tf.GradientTape() as tape:
            loss = loss_of(model(device_inputs(batch, training=True), training=True), batch)["loss"]
        gradients = [tf.convert_to_tensor(each) for each in tape.gradient(loss, variables)]
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    def run(count):
        for _ in range(count):
            float(step(batch))

    return run


def fused_adam(learning_rate):
    """Keras's Adam, slots and all, by `ResourceApplyAdam`."""
    import keras
    import tensorflow as tf

    class FusedAdam(keras.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            index = self._get_variable_index(variable)
            step = tf.cast(self.iterations.value + 1, tf.float32)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[index].value.handle,
                v=self._velocities[index].value.handle,
                beta1_power=self.beta_1**step,
                beta2_power=self.beta_2**step,
                lr=learning_rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=gradient,
            )

    return FusedAdam(learning_rate=learning_rate)


def trainer_steps(configuration, batch, batch_size):
    """Runs a number of steps as `Trainer` does."""
    import tensorflow as tf

    from vatt.optimizers.factories import adam
    from vatt.train.meter import Meter
    from vatt.train.progress import ProgressDisplay
    from vatt.train.settings import is_every

    task = from_gin.task_of(configuration)
    step = from_gin.train_step(task, adam(learning_rate=1e-4))
    iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
    names = [variable.path for variable in task.model.trainable_variables]

    def run(count):
        meter = Meter(first_step=0, batch_size=batch_size, variable_names=names)
        with ProgressDisplay(0, count) as progress:
            for number in range(count):
                meter.add(number, step.run(iterator, 1))
                line = None
                if is_every(10, number + 1):
                    meter.sync()
                    line = meter.line(number + 1)
                    json.dumps(line)
                progress.show(number + 1, line)
            meter.sync()

    return run


def compare(arguments) -> None:
    """Prints the table of variants."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    configuration = from_gin.read()
    keras.config.set_dtype_policy(configuration.precision)
    batch = from_gin.random_batch(configuration.clip, arguments.batch)
    variants = {
        "bare": bare_steps(configuration, keras.optimizers.Adam, batch),
        "bare, fused": bare_steps(configuration, fused_adam, batch),
        "trainer": trainer_steps(configuration, batch, arguments.batch),
    }
    seconds = {name: [] for name in variants}
    for run in variants.values():
        run(2)
    for _ in range(arguments.rounds):
        for name, run in variants.items():
            start = time.process_time()
            run(arguments.steps)
            seconds[name].append((time.process_time() - start) / arguments.steps)
    print(
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}; {os.cpu_count()} processors, load "
        f"{os.getloadavg()[0]:.1f}; batch {arguments.batch}, {configuration.precision}, one thread"
    )
    print("variant       ms per step (from – to)   over bare   over bare, fused")
    for name, values in seconds.items():
        over = [
            statistics.median(a / b - 1 for a, b in zip(values, seconds[other]))
            for other in ("bare", "bare, fused")
        ]
        print(
            f"{name:12s} {1e3 * statistics.median(values):8.1f} ({1e3 * min(values):.1f} – "
            f"{1e3 * max(values):.1f}) {over[0]:12.1%} {over[1]:12.1%}"
        )


def start(arguments) -> None:
    """Prints what the real command takes to its first step and how long it waits for data."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "run" / "journal.jsonl"
        command = [
            *(sys.executable, "-m", "vatt.main", "--gin_file=experiments/pretrain.gin"),
            *(f"--gin.MODEL_DIR='{journal.parent}'", f"--gin.DATA_DIR='{arguments.data_dir}'"),
            *(f"--gin.TRAIN_STEPS={arguments.start_steps}", "--gin.CHECKPOINT_EVERY=1000000"),
            *("--gin_bindings=Evaluation.evaluators = []", "--gin_bindings=Evaluation.report = None"),
        ]
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT)
        while not (journal.is_file() and journal.read_text().count("\n")):
            if process.poll() is not None:
                sys.exit("The run ended before its first step.")
            time.sleep(0.05)
        wall = time.monotonic() - began
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        processor = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        process.wait()
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
    shares = [line["data_wait_share"] for line in lines[1:]]
    print(
        f"first step after {wall:.1f} s on the wall, {processor:.1f} s of processor time; "
        f"data wait {statistics.median(shares):.1%} (largest of {len(shares)} lines {max(shares):.1%})"
    )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=32, help="clips of a batch (default: 32)")
    parser.add_argument("--rounds", type=int, default=9, help="turns (default: 9)")
    parser.add_argument("--steps", type=int, default=5, help="steps of a turn (default: 5)")
    parser.add_argument("--start", action="store_true", help="measure the start of the real command")
    parser.add_argument("--start_steps", type=int, default=60, help="its steps (default: 60)")
    parser.add_argument("--data_dir", default="", help="its DATA_DIR; default: the user's cache")
    arguments = parser.parse_args()
    start(arguments) if arguments.start else compare(arguments)


if __name__ == "__main__":
    main()
