"""One step of a Transformer in a process of its own, for benchmarks/transformer.py: a stack of ViT's blocks,
forward alone or with gradients, as our `Encoder` on one of Keras' backends or as PyTorch modules.

The process builds, runs a step, says what it is, and measures one more for each line that comes in. Whatever
the backend, a step is one compiled call where the backend compiles, and ends when its numbers are there.
"""

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NORM_EPSILON = 1e-6
MATRIX = {"cpu": 2048, "gpu": 8192}  # rows and columns of the factors that the limit is measured with


class TensorFlow:
    """Our encoder under `tf.function`; jit: compiled by XLA."""

    def __init__(self, options, jit=False):
        import keras
        import tensorflow as tf

        if options.device == "cpu":
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        self._tf = tf
        self.versions = f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
        encoder = keras_encoder(options)
        weights = [weight.value for weight in encoder.trainable_weights]
        tokens = tf.random.stateless_normal((options.batch, options.tokens, options.width), (0, 0))
        if options.low:
            tokens = tf.cast(tokens, tf.bfloat16)

        @tf.function(autograph=False, jit_compile=jit)
        def forward(tokens):
            return energy(encoder(tokens, training=options.trains))

        @tf.function(autograph=False, jit_compile=jit)
        def training(tokens):
            with tf.GradientTape() as tape:
                loss = energy(encoder(tokens, training=True))
            return loss, tape.gradient(loss, weights)

        step = training if options.trains else forward
        step.get_concrete_function(tokens)
        matrix = tf.cast(tf.random.stateless_normal((options.matrix,) * 2, (1, 0)), options.precision)
        product = tf.function(lambda: tf.matmul(matrix, matrix)[0, 0], autograph=False)
        self.step = lambda: float(step(tokens)[0] if options.trains else step(tokens))
        self.product = lambda: float(product())

    def has_gpu(self):
        return bool(self._tf.config.list_physical_devices("GPU"))

    def device_name(self):
        gpu = self._tf.config.list_physical_devices("GPU")[0]
        return self._tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")

    def device_bytes(self):
        """(now, the most so far) on the GPU."""
        found = self._tf.config.experimental.get_memory_info("GPU:0")
        return found["current"], found["peak"]


class Jax:
    """Our encoder on Keras' JAX backend, under `jax.jit`."""

    def __init__(self, options):
        import jax
        import keras

        self._jax = jax
        self.versions = f"JAX {jax.__version__}, Keras {keras.__version__}"
        encoder = keras_encoder(options)
        weights = [weight.value for weight in encoder.trainable_weights]
        others = [weight.value for weight in encoder.non_trainable_weights]
        key = jax.random.key(0)
        kind = "bfloat16" if options.low else "float32"
        tokens = jax.random.normal(key, (options.batch, options.tokens, options.width), kind)

        def loss(weights, tokens):
            output, _ = encoder.stateless_call(weights, others, tokens, training=options.trains)
            return energy(output)

        step = jax.jit(jax.value_and_grad(loss) if options.trains else loss).lower(weights, tokens).compile()
        matrix = jax.random.normal(key, (options.matrix,) * 2, options.precision)
        product = jax.jit(lambda matrix: (matrix @ matrix)[0, 0])
        self.step = lambda: jax.block_until_ready(step(weights, tokens))
        self.product = lambda: jax.block_until_ready(product(matrix))

    def has_gpu(self):
        return self._jax.default_backend() == "gpu"

    def device_name(self):
        return self._jax.devices()[0].device_kind

    def device_bytes(self):
        found = self._jax.devices()[0].memory_stats()
        return found["bytes_in_use"], found["peak_bytes_in_use"]


class Torch:
    """Our encoder on Keras' PyTorch backend; reference: PyTorch's own modules around
    `scaled_dot_product_attention`; compiled: these through `torch.compile`.
    """

    def __init__(self, options, reference=False, compiled=False):
        import torch

        if options.device == "cpu":
            torch.set_num_threads(1)
        torch.manual_seed(0)
        self._torch = torch
        device = "cuda" if options.device == "gpu" and torch.cuda.is_available() else "cpu"
        self.versions = f"PyTorch {torch.__version__}"
        tokens = torch.randn(options.batch, options.tokens, options.width, device=device)
        if reference:
            encoder = pytorch_encoder(options).to(device)
            weights = list(encoder.parameters())
            encoder = torch.compile(encoder) if compiled else encoder
            cast = torch.autocast(device, torch.bfloat16, enabled=options.low)
        else:
            import keras

            self.versions += f", Keras {keras.__version__}"
            encoder = keras_encoder(options)
            weights = [weight.value for weight in encoder.trainable_weights]
            cast = contextlib.nullcontext()
            tokens = tokens.to(torch.bfloat16) if options.low else tokens

        def forward():
            with torch.inference_mode(), cast:
                return float(encoder(tokens).float().square().sum())

        def training():
            for weight in weights:
                weight.grad = None
            with cast:
                output = encoder(tokens) if reference else encoder(tokens, training=True)
            loss = output.float().square().sum()
            loss.backward()
            self._wait()
            return float(loss.detach())

        matrix = torch.randn(options.matrix, options.matrix, device=device)
        matrix = matrix.to(getattr(torch, options.precision))
        self.step = training if options.trains else forward
        self.product = lambda: float((matrix @ matrix)[0, 0])

    def _wait(self):
        if self.has_gpu():
            self._torch.cuda.synchronize()

    def has_gpu(self):
        return self._torch.cuda.is_available()

    def device_name(self):
        return self._torch.cuda.get_device_name()

    def device_bytes(self):
        return self._torch.cuda.memory_allocated(), self._torch.cuda.max_memory_allocated()


def energy(output):
    """A loss: Σ x² in float32."""
    from keras import ops

    return ops.sum(ops.square(ops.cast(output, "float32")))


def keras_encoder(options):
    """`vatt.layers.transformer_encoder.TransformerEncoder`, built, in the precision asked for."""
    import keras

    from vatt.layers.architecture import Size
    from vatt.layers.transformer_encoder import TransformerEncoder

    if options.low:
        keras.config.set_dtype_policy("mixed_bfloat16")
    encoder = TransformerEncoder(
        size=Size(
            depth=options.depth,
            width=options.width,
            hidden_width=options.hidden_width,
            heads=options.width // 64,
        ),
        dropout_rate=0.0,
    )
    encoder.build()
    return encoder


def pytorch_encoder(options):
    """The same shape in PyTorch: one q·k·v product, LayerNorm, exact gelu."""
    import torch
    from torch.nn import functional

    width, hidden_width, heads = options.width, options.hidden_width, options.width // 64

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

    blocks = [Block() for _ in range(options.depth)]
    return torch.nn.Sequential(*blocks, torch.nn.LayerNorm(width, eps=NORM_EPSILON))


VARIANTS = {
    "tensorflow": TensorFlow,
    "tensorflow_xla": lambda options: TensorFlow(options, jit=True),
    "jax": Jax,
    "torch": Torch,
    "pytorch": lambda options: Torch(options, reference=True),
    "pytorch_compiled": lambda options: Torch(options, reference=True, compiled=True),
}
SIZES = ("batch", "depth", "tokens", "width", "hidden_width")


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=VARIANTS)
    parser.add_argument("--device", choices=MATRIX, default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--forward", action="store_true", help="no gradients")
    for name, usual in zip(SIZES, (1, 12, 785, 768, 3072), strict=True):
        parser.add_argument(f"--{name}", type=int, default=usual)
    options = parser.parse_args()
    options.trains, options.low = not options.forward, options.precision == "bfloat16"
    options.matrix = MATRIX[options.device]
    sys.path.insert(0, str(ROOT))
    from vatt import resident_memory

    variant = VARIANTS[options.variant](options)
    on_gpu = options.device == "gpu"
    if on_gpu and not variant.has_gpu():
        sys.exit(f"{variant.versions} finds no GPU.")
    clock = time.perf_counter if on_gpu else time.process_time

    def seconds_of(function):
        start = clock()
        function()
        return clock() - start

    variant.product()
    before = variant.device_bytes()[0] if on_gpu else resident_memory.now()
    if not on_gpu:
        resident_memory.forget_peak()
    variant.step()
    device = variant.device_name() if on_gpu else "cpu"
    print(json.dumps({"versions": variant.versions, "device": device}), flush=True)
    for _ in sys.stdin:
        result = {"seconds": seconds_of(variant.step)}
        result["product"] = min(seconds_of(variant.product) for _ in range(3))
        result["bytes"] = (variant.device_bytes()[1] if on_gpu else resident_memory.peak()) - before
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
