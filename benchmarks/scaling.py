"""How a training step's time and memory grow with tokens, batch, depth and replicas, with fitted exponents;
and what the host spends on a clip to feed it to more and more devices.

    python benchmarks/scaling.py --plots plots/scaling
    python benchmarks/scaling.py --axes tokens depth --width 768

A stack of our Transformer's blocks on random tokens, forward and backward; for replicas, the same rows per
replica under `MultiWorkerMirroredStrategy`, whose processes add up their gradients over the network of this
machine. Every point is a process (or as many as there are replicas) of its own with one thread each.

"feeding" is another matter: uint8 clips of 32 frames of 112 pixels, 64 a batch, go from a dataset to the
logical CPU devices of `MirroredStrategy`, `feed` against batches that the step cuts (`split_batch`). Time is
that of one batch, and should not grow with the devices.

Time is the processor's, user and system, of the fastest step after the first, for replicas of all processes
together; memory the peak of resident memory during the steps above what the process held before them. The
exponent e of cost ~ sizeᵉ is the slope of a straight line through the logarithms; what does not grow with the
axis, such as gradients, flattens it at small sizes. What to expect: tokens between 1 and 2, the products of
weights grow with N and attention's with N²; memory 1, since no matrix of N × N is kept; batch, depth and
replicas 1. `--plots` writes PATH.png and PATH.svg.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
AXES = {
    "tokens": (196, 392, 784, 1568),
    "batch": (1, 2, 4, 8),
    "depth": (1, 2, 4, 8),
    "replicas": (1, 2, 3, 4),
    "feeding": (1, 2, 4, 8),
    "cutting": (1, 2, 4, 8),
}
_BATCH, _CLIP, _BATCHES = 64, (32, 112, 112, 3), 12


def measure(point: dict) -> dict:
    """In a fresh process: seconds of processor time of a step, and bytes."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    sys.path.insert(0, str(ROOT))
    from vatt import resident_memory
    from vatt.engines.tensorflow.strategy import make_strategy
    from vatt.layers.architecture import Size
    from vatt.layers.transformer_encoder import TransformerEncoder

    strategy = make_strategy("multi_worker" if point["replicas"] > 1 else "one_device")
    with strategy.scope():
        width = point["width"]
        encoder = TransformerEncoder(
            size=Size(depth=point["depth"], width=width, hidden_width=4 * width, heads=max(1, width // 64)),
            dropout_rate=0.0,
        )
        encoder.build()
    tokens = tf.random.stateless_normal((point["batch"], point["tokens"], width), (0, 0))
    weights = [weight.value for weight in encoder.trainable_weights]

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(encoder(tokens, training=True)))
        found = tape.gradient(loss, weights)
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            found = context.all_reduce(tf.distribute.ReduceOp.SUM, found)
        return loss, [tf.reduce_sum(each) for each in found]

    step = tf.function(lambda: strategy.run(gradients), autograph=False)
    step.get_concrete_function()
    resident = resident_memory.now()
    resident_memory.forget_peak()
    seconds = []
    for _ in range(4):
        start = time.process_time()
        float(strategy.experimental_local_results(step()[0])[0])
        seconds.append(time.process_time() - start)
    return {"seconds": min(seconds[1:]), "bytes": resident_memory.peak() - resident}


def feeding(devices: int, *, cut: bool) -> dict:
    """In a fresh process: seconds of processor time of a batch on its way to this number of devices."""
    import tensorflow as tf

    logical = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], logical)
    sys.path.insert(0, str(ROOT))
    from vatt import resident_memory
    from vatt.engines.tensorflow.strategy import feed, make_strategy, split_batch

    strategy = make_strategy("mirrored" if devices > 1 else "one_device")
    clips = tf.data.Dataset.from_tensors({"video": tf.zeros(_CLIP, tf.uint8)}).repeat()
    batches = clips.batch(_BATCH, drop_remainder=True).prefetch(2)

    def take(iterator):
        batch = split_batch(strategy, iterator.get_next())
        return strategy.run(lambda part: part["video"][0, 0, 0, 0, 0], args=(batch,))

    step, resident = tf.function(take, autograph=False), resident_memory.now()
    iterator = iter(batches) if cut else feed(strategy, batches)
    resident_memory.forget_peak()
    step(iterator)
    start = time.process_time()
    for _ in range(_BATCHES):
        strategy.experimental_local_results(step(iterator))[-1].numpy()
    spent = (time.process_time() - start) / _BATCHES
    return {"seconds": spent, "bytes": max(1, resident_memory.peak() - resident)}


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def run(point: dict) -> dict:
    """`measure` in a process per replica: the seconds of all together, the bytes of the largest."""
    count = point["replicas"]
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    workers = []
    for index in range(count):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        if count > 1:
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment["TF_CONFIG"] = json.dumps(task)
        command = [sys.executable, __file__, "--measure", json.dumps(point)]
        workers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    outputs = [worker.communicate()[0] for worker in workers]
    if any(worker.returncode for worker in workers):
        sys.exit(f"A process failed at {point}.")
    results = [json.loads(output.splitlines()[-1]) for output in outputs]
    return {
        "seconds": sum(each["seconds"] for each in results),
        "bytes": max(each["bytes"] for each in results),
    }


def exponent(sizes, costs) -> float:
    """Slope of the logarithm of the costs over that of the sizes."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def plot(path: Path, found: dict[str, dict], labels=("step time (CPU seconds)", "peak memory (MB)")) -> None:
    """Time and memory over each axis, both scales logarithmic, with the fitted exponents."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(2, len(found), figsize=(3.2 * len(found), 5.4), squeeze=False)
    units = {"seconds": (labels[0], 1.0), "bytes": (labels[1], 1e6)}
    for row, (name, (label, unit)) in zip(rows, units.items()):
        for panel, (axis, costs) in zip(row, found.items()):
            sizes, values = costs["sizes"], np.array(costs[name]) / unit
            slope, start = np.polyfit(np.log(sizes), np.log(values), 1)
            panel.loglog(sizes, np.exp(start) * np.array(sizes) ** slope, color="#9aa5b1", linewidth=1)
            panel.loglog(sizes, values, "o", color="#1f5fa8")
            panel.set_title(f"{axis}: exponent {slope:.2f}", fontsize=10)
            panel.set_xticks(sizes, [str(size) for size in sizes])
            panel.set_yticks(values, [f"{value:.3g}" for value in values])
            panel.minorticks_off()
            panel.set_xlabel(axis)
        row[0].set_ylabel(label)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    for kind in (".png", ".svg"):
        figure.savefig(path.with_name(path.name + kind), dpi=90)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--axes", nargs="+", default=list(AXES), choices=AXES)
    parser.add_argument("--width", type=int, default=256, help="features of a token (default: 256)")
    parser.add_argument("--tokens", type=int, default=392, help="on the other axes (default: 392)")
    parser.add_argument("--batch", type=int, default=1, help="on the other axes (default: 1)")
    parser.add_argument("--depth", type=int, default=2, help="on the other axes (default: 2)")
    parser.add_argument("--plots", type=Path, help="where to write PATH.png and PATH.svg")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        point = json.loads(arguments.measure)
        devices = point["feeding"] or point["cutting"]
        print(json.dumps(feeding(devices, cut=bool(point["cutting"])) if devices else measure(point)))
        return
    base = {name: getattr(arguments, name) for name in ("width", "tokens", "batch", "depth")}
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; on the other axes {base}")
    found = {}
    for axis in arguments.axes:
        results = [
            run({"replicas": 1, "feeding": 0, "cutting": 0} | base | {axis: size}) for size in AXES[axis]
        ]
        found[axis] = {"sizes": AXES[axis]}
        for name, unit in (("seconds", 1.0), ("bytes", 1e6)):
            costs = [result[name] for result in results]
            found[axis][name] = costs
            shown = "  ".join(
                f"{size}: {cost / unit:.3g}" for size, cost in zip(AXES[axis], costs, strict=True)
            )
            label = "CPU seconds" if name == "seconds" else "MB"
            print(f"{axis:9s} {label:12s} {shown}   exponent {exponent(AXES[axis], costs):.2f}", flush=True)
    if arguments.plots:
        plot(arguments.plots, found)


if __name__ == "__main__":
    main()
