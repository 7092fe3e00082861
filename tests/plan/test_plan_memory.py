"""Memory of a step: what a block keeps, against what TensorFlow's gradients take; and how ways compare."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import gin
import pytest
import tensorflow as tf

from vatt.layers import draws
from vatt.layers.transformer import Block
from vatt.plan.configuration import Source, read
from vatt.plan.memory import StepMemory, Way, block_kept
from vatt.plan.plan import Circumstances, make_plan

ROOT = Path(__file__).parents[2]
BENCHMARK = ROOT / "benchmarks" / "plan.py"
ROWS, LENGTH = 3, 19


def live_operations(graph) -> set:
    """Those that some output needs: gradients of dropout's masks are in the graph, but never run."""
    live, pending = set(), [tensor.op for tensor in graph.outputs]
    while pending:
        operation = pending.pop()
        if operation not in live:
            live.add(operation)
            pending += [tensor.op for tensor in operation.inputs]
    return live


def bytes_taken_by_gradients(block) -> int:
    """Bytes of all that the forward pass makes and the backward pass reads, each buffer once."""
    kind = block.compute_dtype

    def gradients(tokens):
        with draws.keyed(tf.zeros((ROWS, 2), tf.int32)), tf.GradientTape() as tape:
            tape.watch(tokens)
            result = tf.reduce_sum(tf.cast(block(tokens, training=True), tf.float32))
        return tape.gradient(result, [tokens, *(variable.value for variable in block.trainable_variables)])

    call = tf.function(gradients, autograph=False)
    graph = call.get_concrete_function(tf.TensorSpec((ROWS, LENGTH, block.width), kind)).graph
    kept = {}
    for operation in live_operations(graph):
        if operation.name.startswith("gradient_tape"):
            for tensor in operation.inputs:
                source = tensor
                while source.op.type == "Reshape":  # the same buffer
                    source = source.op.inputs[0]
                if not source.op.name.startswith(("gradient_tape", "AddN")):
                    kept[source.ref()] = source
    # Weights have two axes.
    rows = [tensor for tensor in kept.values() if tensor.shape.rank in (3, 4) and tensor.shape[0] == ROWS]
    return sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in rows)


@pytest.mark.parametrize("activation", ["gelu", "relu", "gated_gelu"])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("dropout_rate", [0.0, 0.1])
def test_what_a_block_keeps_is_what_gradients_take(activation, precision, dropout_rate):
    block = Block(
        width=48,
        hidden_width=96,
        heads=2,
        head_width=20,
        activation=activation,
        dropout_rate=dropout_rate,
        dtype=precision,
    )
    block.build()
    predicted = ROWS * block_kept(block, LENGTH, Way(precision=precision).width)
    # Three numbers per token and norm are left out of the prediction.
    assert predicted == pytest.approx(bytes_taken_by_gradients(block), rel=0.03)


def needed(**changes):
    of = dict.fromkeys((field.name for field in dataclasses.fields(StepMemory)), 0)
    return StepMemory(**{**of, **changes})


def test_the_peak_is_at_one_end_of_the_backward_pass():
    assert needed(kept=10, working=2, gradients=5).step == 12 + needed(kept=10, working=2).waste
    assert needed(kept=1, working=2, gradients=50).step == 52
    assert needed(pixels=7, halves=1).step == 8
    assert needed(weights=1, optimizer=2, batch=4, gradients=8).peak == 15


def test_rows_whose_activations_lie_side_by_side():
    assert Way().rows_at_once(12) == 12
    assert Way(cached_chunk=4).rows_at_once(12) == 4
    assert Way(accumulate=3).rows_at_once(12) == 4


@pytest.fixture
def demo():
    yield read([str(ROOT / "experiments" / "pretrain.gin")], ["run.precision = 'float32'", "BATCH_SIZE = 64"])
    gin.clear_config()


def test_what_fits_is_where_the_peak_crosses_the_memory(demo):
    from vatt.plan.devices import device_of

    made = make_plan(demo, Source(), Circumstances(device=device_of(None, 1.0, None)))
    whole, half, recomputed, cached, both = made["memory"]["ways"]
    assert half["precision"] == "mixed_bfloat16" and half["step_bytes"] < whole["step_bytes"]
    assert both["step_bytes"] < min(recomputed["step_bytes"], cached["step_bytes"]) < whole["step_bytes"]
    most = whole["most_rows_per_device"]
    assert whole["fits"] == (most >= 64)
    assert cached["most_rows_per_device"] % cached["cached_chunk"] == 0
    for rows, fits in ((most, True), (most + 1, False)):
        again = read(
            [str(ROOT / "experiments" / "pretrain.gin")],
            ["run.precision = 'float32'", f"BATCH_SIZE = {rows}"],
        )
        peak = make_plan(again, Source(), Circumstances())["memory"]["peak_bytes"]
        assert (peak <= 2**30) == fits


@pytest.mark.slow
def test_predicted_peaks_are_within_a_fifth_of_measured_ones():
    names = ["three towers", "three towers, cached", "classifier"]
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--json", *names], stdout=subprocess.PIPE, text=True, check=True
    )
    for found in map(json.loads, done.stdout.splitlines()):
        assert found["predicted_bytes"] == pytest.approx(found["measured_bytes"], rel=0.2), found
