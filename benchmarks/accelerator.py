"""The paper's training step and its blocks on one GPU or TPU, without TensorFlow and without data:

    pip install "jax[cuda13]" keras gin-config        # torch besides, for the comparison
    python benchmarks/accelerator.py --peak_tflops 989 --out accelerator.jsonl     # an H100 in bfloat16
    JAX_PLATFORMS=cpu python benchmarks/accelerator.py --sizes tiny                # that it runs

Parts, each in processes of its own with a limit of time, the most telling first; none begins when the whole
has had its minutes, and what was left out is said. "step": forward, loss, gradients, Adam and clipping of
the modality-specific VATT (video medium, audio base, text small) by the JAX engine, DropToken at 50 %, on
clips of noise, 32 × 224 × 224. "tower": the video tower of ViT-L alone, on 785 tokens. "blocks": a stack of
blocks with gradients next to PyTorch's modules around `scaled_dot_product_attention`, as they are and through
`torch.compile`, each alone on the device (transformer_steps.py). "losses": the first losses in float32 and
in bfloat16.

A row is a line of JSON: seconds of a step (the median), clips per second, memory in GiB that the program asks
for, MFU: the rate of the products of the model, forward and backward, none counted twice where they are
computed again, as a share of --peak_tflops.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCKS = Path(__file__).with_name("transformer_steps.py")
STEPS = 5
BLOCK_SIZES = {
    "large": {"depth": 24, "width": 1024, "hidden_width": 4096},
    "base": {"depth": 12, "width": 768, "hidden_width": 3072},
}
TINY_BLOCK = {"depth": 1, "width": 64, "hidden_width": 64}
SHAPES = {"paper": {"tokens": 785, "batch": 32}, "tiny": {"tokens": 9, "batch": 2}}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A training step that is measured."""

    rows: int
    dropout: float = 0.0
    precision: str = "bfloat16"
    recompute: bool = False
    tower: bool = False  # the video tower alone, of size "large"
    drop_probabilities: bool = False
    seconds: int = 120  # limit


PARTS: dict[str, list] = {
    "step": [Step(rows=32)],
    "blocks": [("large", 150), ("base", 100)],
    "tower": [Step(rows=32, tower=True)],
    "steps": [
        Step(rows=64),
        Step(rows=32, dropout=0.1),
        Step(rows=128, recompute=True),
        Step(rows=32, dropout=0.1, drop_probabilities=True),
    ],
    "losses": [Step(rows=8), Step(rows=8, precision="float32")],
}


def sizes_of(options, step):
    """Modality -> `Size`, and the clip."""
    from vatt.layers.architecture import size_of
    from vatt.spec import ClipSpec

    names = {"video": "large" if step.tower else "medium", "audio": "base", "text": "small"}
    sizes = {
        name: dataclasses.replace(size_of(each), recompute=step.recompute) for name, each in names.items()
    }
    if options.sizes == "paper":
        return sizes, ClipSpec()
    small = {"depth": 1, "width": 16, "hidden_width": 32, "heads": 2, "head_width": 8}
    sizes = {name: dataclasses.replace(each, **small) for name, each in sizes.items()}
    return sizes, ClipSpec(frames=4, frame_size=32, audio_seconds=384 / 48_000)


def model_of(options, step):
    """The model, its loss, and the clip."""
    from keras import ops

    from vatt.layers.drop_token import DropToken
    from vatt.layers.text_encoder import TextEncoder
    from vatt.layers.transformer_encoder import TransformerEncoder
    from vatt.layers.voxel_tokenizer import VoxelTokenizer
    from vatt.layers.waveform_tokenizer import WaveformTokenizer
    from vatt.layers.word_tokenizer import WordTokenizer
    from vatt.losses.contrastive import ContrastiveLoss
    from vatt.models.classifier import Classifier
    from vatt.models.common_spaces import CommonSpaces
    from vatt.models.tower import Tower
    from vatt.models.vatt import VATT

    sizes, clip = sizes_of(options, step)
    drops = {"dropout_rate": step.dropout}
    block = drops | {"drop_probabilities": step.drop_probabilities}

    def signal(kind, modality, rate=0.5):
        tokenizer = kind(sizes=clip.sizes(modality), drop_token=DropToken(rate=rate), **drops)
        return Tower(tokenizer=tokenizer, encoder=TransformerEncoder(size=sizes[modality], **block))

    if step.tower:  # 4 × 14 × 14 tokens and AGG: every other one of the paper's 8 × 14 × 14
        model = Classifier(tower=signal(VoxelTokenizer, "video"), classes=400)
        return model, lambda outputs, batch, gather: {"loss": ops.mean(ops.square(outputs["logits"]))}, clip
    text = Tower(tokenizer=WordTokenizer(**drops), encoder=TextEncoder(size=sizes["text"], **block))
    towers = {"video": signal(VoxelTokenizer, "video"), "audio": signal(WaveformTokenizer, "audio")}
    return VATT(**towers, text=text, spaces=CommonSpaces()), ContrastiveLoss(), clip


def noise(clip, rows):
    """A batch of clips."""
    import numpy as np

    draw = np.random.default_rng(0)
    return {
        "video": draw.integers(0, 256, (rows, clip.frames, clip.frame_size, clip.frame_size, 3), "uint8"),
        "audio": draw.uniform(-1, 1, (rows, clip.samples)).astype("float32"),
        "text": draw.integers(2, 30_000, (rows, clip.candidates, clip.words), "int32"),
        "video_mask": np.ones(rows, "float32"),
        "audio_mask": np.ones(rows, "float32"),
        "text_mask": np.ones((rows, clip.candidates), "float32"),
        "example_index": np.arange(rows, dtype="int64"),
    }


def measure_step(options, step) -> dict:
    """The row of a step, in this process."""
    import jax
    import keras
    import numpy as np

    from vatt.engines.execution import Execution
    from vatt.engines.jax.devices import Devices
    from vatt.engines.jax.engine import JaxEngine
    from vatt.engines.optimization import Optimization
    from vatt.engines.protocol import Task
    from vatt.engines.workers import Workers
    from vatt.layers.pixels import ColourJitter, DeviceInputs
    from vatt.optimizers.factories import adam

    keras.config.set_dtype_policy("mixed_bfloat16" if step.precision == "bfloat16" else "float32")
    keras.utils.set_random_seed(0)
    model, loss, clip = model_of(options, step)
    rows = 4 if options.sizes == "tiny" else step.rows
    batch = noise(clip, rows)
    if step.tower:
        batch = {name: value for name, value in batch.items() if not name.startswith(("audio", "text"))}
    engine = JaxEngine(Devices("one_device"), Workers())
    task = Task(model=model, loss=loss, device_inputs=DeviceInputs(colour=ColourJitter()))
    engine.build(task, {name: value[:2] for name, value in batch.items()})
    optimization = Optimization(clip_global_norm=1.0)
    state = engine.place(task, adam(learning_rate=1e-4), optimization)
    made = engine.make_step(task, state, optimization=optimization, execution=Execution(), seed=0)
    values, placed = made.values(), made.rows(batch)
    began = time.perf_counter()
    compiled = made.compiled.lower(values, placed).compile()
    row = {"device": jax.devices()[0].device_kind, "compile_seconds": round(time.perf_counter() - began, 1)}
    memory = compiled.memory_analysis()
    if memory is not None:
        row["memory_gib"] = round((memory.temp_size_in_bytes + memory.argument_size_in_bytes) / 2**30, 2)
    seconds, losses = [], []
    for _ in range(STEPS):
        began = time.perf_counter()
        values, results = compiled(values, placed)
        losses.append(float(results["loss"]))  # waits for the device
        seconds.append(time.perf_counter() - began)
    rate = rows / statistics.median(seconds[1:])
    flops = engine.telemetry(task, {name: value[:2] for name, value in batch.items()}, None).clip_flops
    row |= {"seconds": round(rows / rate, 4), "clips_per_second": round(rate, 1), "losses": losses}
    row |= {"weights": int(sum(np.prod(each.shape) for each in state.variables))}
    row |= {"gflop_per_clip": round(flops / 1e9, 3), "tflops": round(rate * flops / 1e12, 3)}
    return row | ({"mfu": round(rate * flops / 1e12 / options.peak_tflops, 3)} if options.peak_tflops else {})


def asked(command, text, seconds, **environment):
    """(lines of JSON that a process printed, what went wrong or None)."""
    try:
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            input=text,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return [], f"took longer than {seconds} s"
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return found, None if done.returncode == 0 and found else f"exit status {done.returncode}: {last[:300]}"


def measure_blocks(options, size, seconds):
    """Rows of a stack of blocks: ours, PyTorch's, PyTorch's compiled."""
    shape = SHAPES[options.sizes] | (BLOCK_SIZES[size] if options.sizes == "paper" else TINY_BLOCK)
    device = "cpu" if options.on_cpu else "gpu"
    given = [word for name, number in shape.items() for word in (f"--{name}", number)]
    for variant, backend in (("jax", "jax"), ("pytorch", "torch"), ("pytorch_compiled", "torch")):
        command = (BLOCKS, variant, "--device", device, "--precision", "bfloat16", *given)
        found, fault = asked(command, "\n" * STEPS, seconds, KERAS_BACKEND=backend)
        row = {"part": "blocks", "size": size, "variant": variant, **shape}
        if fault is None:
            times = sorted(each["seconds"] for each in found[1:])
            row |= found[0] | {"seconds": statistics.median(times), "memory_gib": found[-1]["bytes"] / 2**30}
        yield row | ({"error": fault} if fault else {})


def rows_of(options, name, one):
    """The rows of one entry of a part."""
    if name == "blocks":
        yield from measure_blocks(options, *one)
        return
    described = json.dumps(dataclasses.asdict(one))
    command = [__file__, "--one", described, "--sizes", options.sizes, "--peak_tflops", options.peak_tflops]
    seconds = one.seconds * (10 if options.sizes == "tiny" else 1)  # of a CPU that has more to do
    found, fault = asked(command, "", seconds, KERAS_BACKEND="jax")
    row = {"part": name, **dataclasses.asdict(one)}
    yield row | (found[-1] if fault is None else {"error": fault})


def show(rows):
    """The table."""
    columns = ("part", "size", "variant", "rows", "tower", "dropout", "precision", "recompute")
    columns += ("seconds", "clips_per_second", "memory_gib", "mfu", "error")
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(row.get(name, "")) for name in columns) + " |")


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", choices=SHAPES, default="paper")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peak_tflops", type=float, default=0.0, help="of the device in bfloat16; 0: no MFU")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the whole")
    parser.add_argument("--out", type=Path, help="a file for the lines of JSON")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a step, in this process
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.one:
        print(json.dumps(measure_step(options, Step(**json.loads(options.one)))))
        return 0
    options.on_cpu = os.environ.get("JAX_PLATFORMS") == "cpu"
    began, rows = time.monotonic(), []
    for name, one in [(part, one) for part in options.parts for one in PARTS[part]]:
        if time.monotonic() - began > options.minutes * 60:
            rows.append({"part": name, "error": f"left out: {options.minutes:g} minutes are over"})
            continue
        for row in rows_of(options, name, one):
            rows.append(row)
            print(json.dumps(row), flush=True)
    show(rows)
    if options.out:
        options.out.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
