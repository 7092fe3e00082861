"""The demo's training step (pretrain.gin, 32 clips) on our engines and in PyTorch, eager and compiled.

    python benchmarks/demo_step.py --torch_python TORCH_VENV/bin/python
    python benchmarks/demo_step.py --variants ours jax --threads 1

"ours" is the engine of TensorFlow, "jax" that of JAX.
The same sizes, colour jitter, DropToken, losses and Adam, see demo_step_torch.py. PyTorch's blocks make all
outputs of their last block, as usual; ours make AGG's row there, which is all that the losses read. Every
variant has a process of its own, which need not have the other's packages, and they take turns. Time is the
processor's, user and system, of a step; printed are the median, the range, and the median of the ratios to
ours of turns that followed each other.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import from_gin

OURS, TORCH = "ours", Path(__file__).with_name("demo_step_torch.py")
ENGINES = {OURS: "tensorflow", "jax": "jax"}
VARIANTS = (*ENGINES, "eager", "compiled")
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
CLIPS = 32


def our_step(precision: str, threads: int):
    """Runs one step of the trainer's on the engine of KERAS_BACKEND."""
    sys.path.insert(0, str(from_gin.ROOT))
    from vatt.main import configure_terminal, import_tensorflow

    configure_terminal()
    import_tensorflow()
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    configuration = from_gin.read(bindings=["DeviceInputs.colour = @ColourJitter()"])  # as PyTorch's
    keras.config.set_dtype_policy(from_gin.engine().precision(PRECISIONS[precision]))
    from vatt.optimizers.factories import adam

    step = from_gin.train_step(from_gin.task_of(configuration), adam(learning_rate=1e-4))
    iterator = iter(tf.data.Dataset.from_tensors(from_gin.random_batch(configuration.clip, CLIPS)).repeat())
    return lambda: float(step.run(iterator, 1)["loss"])


def answer(step, steps: int) -> None:
    """Warms up, then writes the seconds of a step for every line that comes in."""
    for _ in range(2):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        for _ in range(steps):
            step()
        print(json.dumps((time.process_time() - start) / steps), flush=True)


def processor() -> str:
    """Its name."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def compare(arguments, precision: str, threads: int) -> None:
    """Prints the rows of one precision and number of threads."""
    options = ["--precisions", precision, "--threads", str(threads), "--steps", str(arguments.steps)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'false' if threads == 1 else 'true'}"
    environment["XLA_FLAGS"] += f" intra_op_parallelism_threads={threads}"
    processes = {}
    for name in arguments.variants:
        command = [sys.executable, __file__, "--worker"] if name in ENGINES else []
        command = command or [arguments.torch_python, str(TORCH), name]
        pipe = subprocess.PIPE
        engine = {"KERAS_BACKEND": ENGINES.get(name, "tensorflow")}
        processes[name] = subprocess.Popen(
            [*command, *options], stdin=pipe, stdout=pipe, text=True, env=environment | engine
        )
        if processes[name].stdout.readline().strip() != "ready":
            sys.exit(f"{name}: the process ended before it was ready.")
    seconds = {name: [] for name in processes}
    for _ in range(arguments.rounds):
        for name, process in processes.items():
            process.stdin.write("\n")
            process.stdin.flush()
            seconds[name].append(json.loads(process.stdout.readline()))
    for name, process in processes.items():
        process.stdin.close()
        process.wait()
        values = seconds[name]
        row = f"{precision:9s} {threads:7d}  {name:9s} {statistics.median(values):.3f}"
        row += f" ({min(values):.3f} – {max(values):.3f})"
        if OURS in seconds:
            ratios = [ours / value for ours, value in zip(seconds[OURS], values)]
            row += f"   {statistics.median(ratios):.2f}"
        print(row, flush=True)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--torch_python", default=sys.executable, help="an interpreter that has PyTorch")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7, help="turns (default: 7)")
    parser.add_argument("--steps", type=int, default=3, help="steps of a turn (default: 3)")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        answer(our_step(arguments.precisions[0], arguments.threads[0]), arguments.steps)
        return
    print(f"{processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print("precision threads  variant   CPU-s per step (from – to)   ours over it")
    for precision in arguments.precisions:
        for threads in arguments.threads:
            compare(arguments, precision, threads)


if __name__ == "__main__":
    main()
