"""A step of our Transformer against PyTorch's attention: time, memory, share of the machine's limit.

    python benchmarks/transformer.py
    python benchmarks/transformer.py --backends tensorflow jax torch --python other/venv/bin/python
    python benchmarks/transformer.py --device gpu --backends tensorflow jax torch --sizes base medium large \\
        --tokens 785 1569 --passes forward training --precisions bfloat16 --batch 16

A stack of ViT's blocks on random tokens, forward alone or with gradients: the `Encoder` of vatt/layers on
Keras' backends (under `tf.function`, under `jax.jit`, eagerly on PyTorch), and next to it PyTorch modules
around `scaled_dot_product_attention` (one q·k·v product, LayerNorm, exact gelu, autocast for bfloat16), the
row "pytorch". Attention goes by our blocks on TensorFlow and on JAX without a GPU, else through the backend's
fused kernel. Every row has a process of its own, see transformer_steps.py, and they take turns step by step.

On a CPU, with one thread: time is the processor's, user and system, the median over steps; memory the peak of
resident memory during the steps above what the process held before them, gradients among that. On a GPU: time
is the clock's, of a step whose numbers are there, memory the most that the backend's allocator gave out above
what it had given before. "of pytorch" is the median of the ratios of steps that followed each other, since
what else runs on the machine slows both. "MFU" is the rate of a step, its products counted once and not again
where they are recomputed, in the rate of a product of 2,048² matrices (8,192² on a GPU) measured next to it
in the same process and precision; with --peak_tflops, in that of the data sheet.

Tried on a CPU with one thread, and left: Adam of ViT-Base's weights by TensorFlow's fused kernel, 0.07 s
instead of 0.18, about 4 % of a float32 step of one clip and 6 % in bfloat16, less of any larger batch: it
takes 1 − β₂ in float32, so second moments differ by 1e-5 of them. One vector of all weights, by count of
operations alone: as many to join and to cut as it saves. Casting all weights to bfloat16 takes 0.02 s, about
1 % of a step of one clip: all that casting once per step rather than per use could save where blocks are
recomputed.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
STEPS = Path(__file__).with_name("transformer_steps.py")
BACKENDS = ("tensorflow", "tensorflow_xla", "jax", "torch")
REFERENCE = "pytorch"
MODULES = {"tensorflow": "tensorflow", "tensorflow_xla": "tensorflow", "jax": "jax"}  # others: torch
PRECISIONS = ("float32", "bfloat16")
PASSES = ("forward", "training")
PRODUCT_FLOPS = {"cpu": 2 * 2048**3, "gpu": 2 * 8192**3}


def forward_flops(size, batch: int, tokens: int) -> float:
    """Of the products of a forward pass: two per weight and token, and attention's."""
    per_token = 2 * (4 * size.width**2 + 2 * size.width * size.hidden_width) + 4 * tokens * size.width
    return float(batch * size.depth * tokens * per_token)


def environment_of(variant: str, device: str) -> dict[str, str]:
    """Variables of a process that computes on one backend and one device."""
    found = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    found["KERAS_BACKEND"] = MODULES.get(variant, "torch")
    if device == "cpu":
        one_thread = f"{found.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
        found |= {"OMP_NUM_THREADS": "1", "NPROC": "1", "XLA_FLAGS": one_thread}
        found |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    return found


def is_there(variant: str, python: str) -> bool:
    """Whether that interpreter has what the variant runs on."""
    name = MODULES.get(variant, "torch")
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([python, "-c", look], check=False).returncode == 0


def compare(arguments, size, tokens: int, direction: str, precision: str, variants) -> dict[str, dict]:
    """Versions and the measured steps of each variant, one step of each in turn."""
    command = [arguments.python, str(STEPS)]
    options = ["--device", arguments.device, "--precision", precision]
    options += ["--forward"] if direction == "forward" else []
    sizes = {"batch": arguments.batch, "tokens": tokens, "depth": arguments.depth or size.depth}
    sizes |= {"width": size.width, "hidden_width": size.hidden_width}
    options += [part for name, value in sizes.items() for part in (f"--{name}", str(value))]
    with contextlib.ExitStack() as stack:
        workers, results = {}, {}
        for variant in variants:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            worker = subprocess.Popen(
                [*command, variant, *options], env=environment_of(variant, arguments.device), **pipes
            )
            workers[variant] = stack.enter_context(worker)
            first = worker.stdout.readline()
            if not first:
                sys.exit(f"{variant} did not start, see above.")
            results[variant] = json.loads(first) | {"steps": []}
        for _ in range(arguments.steps):
            for variant, worker in workers.items():
                worker.stdin.write("step\n")
                worker.stdin.flush()
                results[variant]["steps"].append(json.loads(worker.stdout.readline()))
        for worker in workers.values():
            worker.stdin.close()
    return results


def print_table(results: dict[str, dict], flops: float, product_flops: float, peak_tflops) -> None:
    """One line per variant."""
    found = [result["device"] for result in results.values()]
    print("; ".join(dict.fromkeys(found + [result["versions"] for result in results.values()])))
    print("                  seconds (from – to)       of pytorch   memory  of pytorch            MFU")
    for variant, result in results.items():
        steps = result["steps"]
        seconds = [step["seconds"] for step in steps]
        rates = [product_flops / step["product"] for step in steps]
        if peak_tflops:
            rates = [peak_tflops * 1e12] * len(steps)
        share = statistics.median(flops / step["seconds"] / rate for step, rate in zip(steps, rates))
        of_time = of_bytes = ""
        if REFERENCE in results:
            others = results[REFERENCE]["steps"]
            of_time = statistics.median(a["seconds"] / b["seconds"] for a, b in zip(steps, others))
            of_time, of_bytes = f"{of_time:.3f}", f"{steps[-1]['bytes'] / max(1, others[-1]['bytes']):.3f}"
        print(
            f"{variant:16s} {statistics.median(seconds):8.3f} ({min(seconds):.3f} – {max(seconds):.3f}) "
            f"{of_time:>12s} {steps[-1]['bytes'] / 1e6:6.0f} MB {of_bytes:>9s}   {share:6.1%} of "
            f"{statistics.median(rates) / 1e9:.0f} GFLOP/s",
            flush=True,
        )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backends", nargs="*", default=["tensorflow"], choices=BACKENDS)
    parser.add_argument("--sizes", nargs="+", default=["base"], help="of vatt/models (default: base)")
    parser.add_argument("--tokens", nargs="+", type=int, default=[785], help="of a clip (default: 785)")
    parser.add_argument("--passes", nargs="+", default=["training"], choices=PASSES)
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--batch", type=int, default=1, help="clips (default: 1)")
    parser.add_argument("--depth", type=int, help="blocks (default: those of the size)")
    parser.add_argument("--steps", type=int, default=7, help="steps after the first (default: 7)")
    parser.add_argument("--device", default="cpu", choices=PRODUCT_FLOPS)
    parser.add_argument("--peak_tflops", type=float, help="the device's limit, 10^12 operations per second")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has the backends")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from vatt.layers.architecture import size_of

    variants = [*arguments.backends, REFERENCE]
    for variant in [each for each in variants if not is_there(each, arguments.python)]:
        variants.remove(variant)
        print(f"{variant}: its package is not installed, the row is left out. Install it, or give --python.")
    where = "one thread" if arguments.device == "cpu" else "GPU"
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start; {where}")
    for name in arguments.sizes:
        size = size_of(name)
        for tokens in arguments.tokens:
            for direction in arguments.passes:
                for precision in arguments.precisions:
                    flops = forward_flops(size, arguments.batch, tokens)
                    flops *= 3 if direction == "training" else 1
                    flops *= (arguments.depth or size.depth) / size.depth
                    print(f"\nViT {name}, {arguments.batch} × {tokens} tokens, {direction}, {precision}")
                    results = compare(arguments, size, tokens, direction, precision, variants)
                    print_table(results, flops, PRODUCT_FLOPS[arguments.device], arguments.peak_tflops)


if __name__ == "__main__":
    main()
