"""Memory of a step: what a block keeps, against what TensorFlow's gradients take; and how ways compare."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from vatt.layers import draws
from vatt.layers.architecture import Form, Size
from vatt.layers.attention import LONG
from vatt.layers.transformer_encoder import Block
from vatt.plan.configuration import Source, read
from vatt.plan.memory import StepMemory, Way, block_kept
from vatt.plan.plan import Circumstances, make_plan

ROOT = Path(__file__).parents[2]
BENCHMARK = ROOT / "benchmarks" / "plan.py"
ROWS = 3


def live_operations(graph) -> set:
    """Those that some output needs: gradients of dropout's masks are in the graph, but never run."""
    live, pending = set(), [tensor.op for tensor in graph.outputs]
    while pending:
        operation = pending.pop()
        if operation not in live:
            live.add(operation)
            pending += [tensor.op for tensor in operation.inputs]
    return live


def buffer_of(tensor):
    """The tensor that made the memory: these operations hand theirs on."""
    while tensor.op.type in ("Reshape", "Identity", "IdentityN"):
        tensor = tensor.op.inputs[tensor.value_index]
    return tensor


def bytes_taken_by_gradients(block, length) -> int:
    """Bytes of all that the forward pass makes and the backward pass reads, each buffer once."""
    kind, forward = block.compute_dtype, set()

    def gradients(tokens):
        with draws.keyed(tf.zeros((ROWS, 2), tf.int32)), tf.GradientTape() as tape:
            tape.watch(tokens)
            result = tf.reduce_sum(tf.cast(block(tokens, training=True), tf.float32))
        forward.update(operation.name for operation in result.graph.get_operations())
        return tape.gradient(result, [tokens, *(variable.value for variable in block.trainable_variables)])

    call = tf.function(gradients, autograph=False)
    graph = call.get_concrete_function(tf.TensorSpec((ROWS, length, block.size.width), kind)).graph
    backward = [operation for operation in live_operations(graph) if operation.name not in forward]
    read = [each for operation in backward for each in operation.inputs if each.op.name in forward]
    kept = {buffer_of(tensor).ref() for tensor in read}
    shapes = [(each.deref().shape.as_list(), each.deref().dtype.size) for each in kept]
    # Weights have other first axes.
    return sum(math.prod(shape) * size for shape, size in shapes if shape[:1] in ([ROWS], [ROWS * length]))


@pytest.mark.parametrize("activation", ["gelu", "relu", "gated_gelu"])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("dropout_rate", [0.0, 0.1])
@pytest.mark.parametrize("length", [19, LONG + 2])
def test_what_a_block_keeps_is_what_gradients_take(activation, precision, dropout_rate, length):
    block = Block(
        size=Size(depth=1, width=48, hidden_width=96, heads=2, head_width=20),
        form=Form(activation=activation),
        dropout_rate=dropout_rate,
        dtype=precision,
    )
    block.build()
    predicted = ROWS * block_kept(block, length, Way(precision=precision).width)
    # Two numbers per token and norm are left out of the prediction.
    assert predicted == pytest.approx(bytes_taken_by_gradients(block, length), rel=0.03)


PARTS = [field.name for field in dataclasses.fields(StepMemory)]
RESIDENT = {"weights", "optimizer", "batch"}  # there before the step, and after it


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=20, deadline=None)
@given(drawn=st.data(), more=st.integers(0, 100))
def test_the_peak_holds_what_is_there_at_once(part, drawn, more):
    """All that is resident adds to the peak; of what a step makes, no part more than its own bytes, and the
    peak is no less than any of them."""
    parts = {name: drawn.draw(st.integers(0, 100), name) for name in PARTS}
    memory, larger = StepMemory(**parts), StepMemory(**parts | {part: parts[part] + more})
    if part in RESIDENT:
        assert larger.peak - memory.peak == more and larger.step == memory.step
    else:
        assert 0 <= larger.peak - memory.peak <= more
        assert memory.step >= parts[part]
    assert memory.peak == memory.step + sum(parts[name] for name in RESIDENT)


def test_gradients_of_parts_before_wait_while_another_part_is_computed():
    configuration = read(
        [
            str(ROOT / "experiments" / "finetune_kinetics400.gin"),
            str(ROOT / "experiments/overlay/from_scratch.gin"),
        ],
        ["SIZE = 'small'", "BATCH_SIZE = 4", "ClipSpec.frames = 16", "ClipSpec.frame_size = 112"],
    )
    plan = make_plan(configuration, Source(), Circumstances())
    memory = plan["memory"]
    assert memory["sums_bytes"] == 0
    parted = read(
        [
            str(ROOT / "experiments" / "finetune_kinetics400.gin"),
            str(ROOT / "experiments/overlay/from_scratch.gin"),
        ],
        ["SIZE = 'small'", "BATCH_SIZE = 16", "ClipSpec.frames = 16", "ClipSpec.frame_size = 112"]
        + ["Execution.gradients = @Accumulated()", "Accumulated.parts = 4"],
    )
    found = make_plan(parted, Source(), Circumstances())["memory"]
    # Parts of four rows keep what a batch of four keeps, and one sum of gradients of all weights besides.
    assert found["sums_bytes"] == found["gradients_bytes"] == memory["gradients_bytes"]
    assert memory["signals_bytes"] == 0 < found["signals_bytes"] == found["pixels_bytes"]
    assert found["step_bytes"] == memory["step_bytes"] + found["sums_bytes"] + found["signals_bytes"]


def test_rows_whose_activations_lie_side_by_side():
    assert Way().rows_at_once(12) == 12
    assert Way(cached_rows=4).rows_at_once(12) == 4
    assert Way(parts=3).rows_at_once(12) == 4


@pytest.fixture
def demo():
    return read(
        [str(ROOT / "experiments" / "pretrain.gin")], ["run.precision = 'float32'", "BATCH_SIZE = 64"]
    )


def test_what_fits_is_where_the_peak_crosses_the_memory(demo):
    from vatt.plan.devices import device_of

    made = make_plan(demo, Source(), Circumstances(device=device_of(None, 1.0, None)))
    whole, half, recomputed, cached, both = made["memory"]["ways"]
    assert half["precision"] == "mixed_bfloat16" and half["step_bytes"] < whole["step_bytes"]
    assert both["step_bytes"] < min(recomputed["step_bytes"], cached["step_bytes"]) < whole["step_bytes"]
    most = whole["most_rows_per_device"]
    assert whole["fits"] == (most >= 64)
    assert cached["most_rows_per_device"] % cached["cached_rows"] == 0
    for rows, fits in ((most, True), (most + 1, False)):
        again = read(
            [str(ROOT / "experiments" / "pretrain.gin")],
            ["run.precision = 'float32'", f"BATCH_SIZE = {rows}"],
        )
        peak = make_plan(again, Source(), Circumstances())["memory"]["peak_bytes"]
        assert (peak <= 2**30) == fits


@pytest.mark.slow
def test_predicted_peaks_are_what_the_allocator_counts():
    """Each takes half a minute; docs/plan.md has the others, and says by how much a measurement varies."""
    names = ["three towers", "classifier", "classifier, in parts"]
    done = subprocess.run([sys.executable, BENCHMARK, "--json", *names], stdout=subprocess.PIPE, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["name"] for each in found] == names
    for each in found:
        assert each["predicted_bytes"] == pytest.approx(each["measured_bytes"], rel=0.3), each
