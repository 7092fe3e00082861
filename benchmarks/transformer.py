"""A training step of our Transformer against PyTorch's attention: time, memory, share of the machine's limit.

    python benchmarks/transformer.py
    python benchmarks/transformer.py --torch_python other/venv/bin/python --precisions bfloat16

A stack of ViT-Base's blocks on random tokens, forward and backward, once as `vatt.layers.transformer.Encoder`
under `tf.function`, once as PyTorch modules around `scaled_dot_product_attention` (one q·k·v product,
LayerNorm, exact gelu, autocast for bfloat16). Every variant has a process of its own with one thread, and the
processes take turns step by step.

Time is the processor's, user and system, the median over steps; "of PyTorch" is the median of the ratios of
steps that followed each other, since what else runs on the machine slows both. Memory is the peak of resident
memory during the steps above what the process held before them, gradients among that. "of matmul peak" is the
rate of a step, its products counted once and not again where they are recomputed, in the rate of a product of
2,048² matrices measured beside it in the same process and precision.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
VARIANTS = ("tensorflow", "tensorflow_xla", "pytorch")
PRECISIONS = ("float32", "bfloat16")
NORM_EPSILON = 1e-6
SIZES = ("batch", "depth", "tokens", "width", "hidden_width")
PRODUCT_FLOPS = 2 * 2048**3


def step_flops(batch, depth, tokens, width, hidden_width) -> float:
    """Of the products of one step: two per weight and token forward, four backward, and attention's."""
    per_token = 2 * (4 * width**2 + 2 * width * hidden_width) + 4 * tokens * width
    return 3.0 * batch * depth * tokens * per_token


def tensorflow_step(arguments, xla: bool):
    """(one step, a product of two matrices, versions)."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras

    from vatt.layers.architecture import Size
    from vatt.layers.transformer import Encoder

    if arguments.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    encoder = Encoder(
        size=Size(
            depth=arguments.depth,
            width=arguments.width,
            hidden_width=arguments.hidden_width,
            heads=arguments.width // 64,
        )
    )
    encoder.build()
    tokens = tf.random.stateless_normal((arguments.batch, arguments.tokens, arguments.width), (0, 0))
    weights = [weight.value for weight in encoder.trainable_weights]

    @tf.function(autograph=False, jit_compile=xla)
    def step(tokens):
        with tf.GradientTape() as tape:
            output = encoder(tokens, training=True)
            loss = tf.reduce_sum(tf.square(tf.cast(output, tf.float32)))
        return loss, tape.gradient(loss, weights)

    step.get_concrete_function(tokens)
    matrix = tf.cast(tf.random.stateless_normal((2048, 2048), (1, 0)), arguments.precision)
    product = tf.function(tf.matmul, autograph=False)
    return (
        lambda: float(step(tokens)[0]),
        lambda: product(matrix, matrix),
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
    )


def pytorch_step(arguments):
    """The same in PyTorch."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(0)
    width, hidden_width, heads = arguments.width, arguments.hidden_width, arguments.width // 64

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1 = torch.nn.LayerNorm(width, eps=NORM_EPSILON)
            self.norm2 = torch.nn.LayerNorm(width, eps=NORM_EPSILON)
            self.inputs = torch.nn.Linear(width, 3 * width)
            self.output = torch.nn.Linear(width, width)
            self.expand = torch.nn.Linear(width, hidden_width)
            self.contract = torch.nn.Linear(hidden_width, width)

        def forward(self, tokens):
            batch, length, _ = tokens.shape
            inputs = self.inputs(self.norm1(tokens)).view(batch, length, 3, heads, width // heads)
            query, key, value = inputs.permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(query, key, value)
            tokens = tokens + self.output(mixed.transpose(1, 2).reshape(batch, length, width))
            return tokens + self.contract(functional.gelu(self.expand(self.norm2(tokens))))

    blocks = [Block() for _ in range(arguments.depth)]
    encoder = torch.nn.Sequential(*blocks, torch.nn.LayerNorm(width, eps=NORM_EPSILON))
    tokens = torch.randn(arguments.batch, arguments.tokens, width)
    low = arguments.precision == "bfloat16"

    def step():
        encoder.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            output = encoder(tokens)
        loss = output.float().square().sum()
        loss.backward()
        return float(loss.detach())

    matrix = torch.randn(2048, 2048, dtype=getattr(torch, arguments.precision))
    return step, lambda: matrix @ matrix, f"PyTorch {torch.__version__}"


def work(arguments) -> None:
    """In a process of its own: a measured step for each line that comes in."""
    sys.path.insert(0, str(ROOT))
    from vatt.train import resident_memory

    if arguments.measure == "pytorch":
        step, product, versions = pytorch_step(arguments)
    else:
        step, product, versions = tensorflow_step(arguments, xla=arguments.measure == "tensorflow_xla")
    product()
    resident = resident_memory.now()
    resident_memory.forget_peak()
    step()
    print(json.dumps({"versions": versions}), flush=True)
    for _ in sys.stdin:
        result = {"seconds": seconds_of(step), "product": min(seconds_of(product) for _ in range(3))}
        result["bytes"] = resident_memory.peak() - resident
        print(json.dumps(result), flush=True)


def seconds_of(function) -> float:
    """Processor time of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def has_torch(python: str) -> bool:
    """Whether that interpreter can import PyTorch."""
    return (
        subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


def compare(arguments, precision: str, variants) -> dict[str, dict]:
    """Versions and the measured steps of each variant, one step of each in turn."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    sizes = [(f"--{name}", str(getattr(arguments, name))) for name in SIZES]
    with contextlib.ExitStack() as stack:
        workers, results = {}, {}
        for variant in variants:
            python = arguments.torch_python if variant == "pytorch" else sys.executable
            command = [python, __file__, "--measure", variant, "--precision", precision]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
            worker = subprocess.Popen([*command, *(part for size in sizes for part in size)], **pipes)
            workers[variant] = stack.enter_context(worker)
            results[variant] = json.loads(worker.stdout.readline()) | {"steps": []}
        for _ in range(arguments.steps):
            for variant, worker in workers.items():
                worker.stdin.write("step\n")
                worker.stdin.flush()
                results[variant]["steps"].append(json.loads(worker.stdout.readline()))
        for worker in workers.values():
            worker.stdin.close()
    return results


def print_table(arguments, precision: str, results: dict[str, dict]) -> None:
    """One line per variant."""
    flops = step_flops(*(getattr(arguments, name) for name in SIZES))
    print(f"\n{precision}; " + "; ".join(dict.fromkeys(result["versions"] for result in results.values())))
    print("variant           seconds (from – to)       of PyTorch   memory  of PyTorch  of matmul peak")
    for variant, result in results.items():
        steps = result["steps"]
        seconds = [step["seconds"] for step in steps]
        share = statistics.median(flops / s["seconds"] / (PRODUCT_FLOPS / s["product"]) for s in steps)
        peak = statistics.median(PRODUCT_FLOPS / step["product"] for step in steps)
        of_time = of_bytes = ""
        if "pytorch" in results:
            others = results["pytorch"]["steps"]
            of_time = statistics.median(a["seconds"] / b["seconds"] for a, b in zip(steps, others))
            of_time, of_bytes = f"{of_time:.3f}", f"{steps[-1]['bytes'] / others[-1]['bytes']:.3f}"
        print(
            f"{variant:16s} {statistics.median(seconds):8.3f} ({min(seconds):.3f} – {max(seconds):.3f}) "
            f"{of_time:>12s} {steps[-1]['bytes'] / 1e6:6.0f} MB {of_bytes:>9s}   {share:6.1%} of "
            f"{peak / 1e9:.0f} GFLOP/s"
        )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=1, help="clips (default: 1)")
    parser.add_argument("--depth", type=int, default=12, help="blocks (default: 12)")
    parser.add_argument("--tokens", type=int, default=785, help="tokens of a clip (default: 785)")
    parser.add_argument("--width", type=int, default=768, help="features of a token (default: 768)")
    parser.add_argument("--hidden_width", type=int, default=3072, help="between (default: 3072)")
    parser.add_argument("--steps", type=int, default=7, help="steps after the first (default: 7)")
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--variants", nargs="+", default=("tensorflow", "pytorch"), choices=VARIANTS)
    parser.add_argument("--torch_python", default=sys.executable, help="an interpreter that has PyTorch")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--precision", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        work(arguments)
        return
    variants = list(arguments.variants)
    if "pytorch" in variants and not has_torch(arguments.torch_python):
        variants.remove("pytorch")
        print("PyTorch is not installed: its rows are left out. `pip install torch`, or give --torch_python.")
    print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start; {arguments.depth} blocks, "
        f"{arguments.batch} × {arguments.tokens} tokens, one thread"
    )
    for precision in arguments.precisions:
        print_table(arguments, precision, compare(arguments, precision, variants))


if __name__ == "__main__":
    main()
