"""The streamed loss against the one of whole matrices: numbers, gradients, replicas, XLA, memory."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.devices import mirrored
from vatt.engines.tensorflow.gather import all_gather
from vatt.engines.tensorflow.strategy import split_batch
from vatt.losses import log_sums
from vatt.losses.contrastive import FORMS, ContrastiveLoss, contrast

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "contrastive.py"
B, K, D = 12, 3, 8
_random = np.random.default_rng(5)
LEFT = _random.normal(size=(B, D)).astype("float32")
# Near their clips, as after some training: sums in which one term rules are the hard ones.
RIGHT = (LEFT[:, None] + _random.normal(size=(B, K, D))).astype("float32")
INDEX = 1000 + _random.permutation(B)


def mask(*shape, missing=()):
    result = np.ones(shape, "float32")
    for place in missing:
        result[place] = 0
    return result


MASKS = {  # [B], [B, K]
    "nothing missing": (mask(B), mask(B, K)),
    "candidates": (mask(B), mask(B, K, missing=[(0, 0), (1, slice(1, 3)), (7, 2)])),
    "clips": (mask(B, missing=[2, 11]), mask(B, K, missing=[0, (5, 1), 11])),
    "a replica's": (mask(B), mask(B, K, missing=[slice(0, 6)])),
    "all but one": (mask(B, missing=[slice(1, B)]), mask(B, K)),
    "everything": (mask(B), mask(B, K, missing=[slice(0, B)])),
}


def loss_and_gradients(left=LEFT, right=RIGHT, masks=MASKS["nothing missing"], **options):
    left, right = tf.convert_to_tensor(left), tf.convert_to_tensor(right)
    with tf.GradientTape() as tape:
        tape.watch([left, right])
        loss = contrast(left, right, *masks, index=INDEX[: len(left)], **options)
    return loss, *tape.gradient(loss, [left, right])


def assert_same(got, wanted):
    """Loss to 1e-6, every gradient to 1e-5 of its largest entry."""
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-6, atol=1e-6)
    for one, other in zip(got[1:], wanted[1:], strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * scale + 1e-12)


@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("widest", [log_sums.WIDEST, 0], ids=["one shift", "maxima"])
@pytest.mark.parametrize("form", FORMS)
def test_streamed_equals_whole(form, widest, masks, monkeypatch):
    monkeypatch.setattr(log_sums, "WIDEST", widest)
    wanted = loss_and_gradients(masks=masks, form=form)
    for block_rows in (5, 6, 4 * B):
        assert_same(loss_and_gradients(masks=masks, form=form, block_rows=block_rows), wanted)


def test_all_masked_is_zero_with_zero_gradients():
    for form in FORMS:
        results = loss_and_gradients(masks=MASKS["everything"], form=form, block_rows=5)
        assert not any(np.any(each) for each in results)


@pytest.mark.parametrize("form", FORMS)
def test_a_small_temperature(form):
    options = {"form": form, "temperature": 0.01, "masks": MASKS["clips"]}
    wanted = loss_and_gradients(**options)
    assert all(np.isfinite(each).all() for each in wanted)
    assert_same(loss_and_gradients(**options, block_rows=5), wanted)


@pytest.mark.parametrize(
    "widest", [log_sums.WIDEST, pytest.param(0, marks=pytest.mark.slow)], ids=["one shift", "maxima"]
)
def test_it_compiles_under_xla(widest, monkeypatch):
    monkeypatch.setattr(log_sums, "WIDEST", widest)

    @tf.function(jit_compile=True)
    def compiled(left, right):
        return loss_and_gradients(left, right, MASKS["candidates"], block_rows=5)

    wanted = loss_and_gradients(masks=MASKS["candidates"])
    assert_same(compiled(tf.constant(LEFT), tf.constant(RIGHT)), wanted)


@pytest.mark.parametrize("widest", [log_sums.WIDEST, 0], ids=["one shift", "maxima"])
def test_a_nan_is_seen(widest, monkeypatch):
    monkeypatch.setattr(log_sums, "WIDEST", widest)
    left = LEFT.copy()
    left[3, 0] = np.nan
    assert np.isnan(loss_and_gradients(left, block_rows=5)[0])


def step_on_devices(replicas, **options):
    """`step(masks)`: the global loss and the gradients of all rows, from as many logical devices."""
    strategy = mirrored(replicas)

    def share(batch):
        rows = [batch["left"], batch["right"]]
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = contrast(**batch, **options, gather=all_gather)
        return loss, *tape.gradient(loss, rows)

    compiled = tf.function(lambda batch: strategy.run(share, args=(batch,)), autograph=False)

    def step(masks):
        batch = {"left": LEFT, "right": RIGHT, "left_mask": masks[0], "right_mask": masks[1], "index": INDEX}
        batch = split_batch(strategy, {name: tf.constant(value) for name, value in batch.items()})
        loss, *gradients = (strategy.experimental_local_results(each) for each in compiled(batch))
        return sum(loss), *(tf.concat(each, axis=0) for each in gradients)

    return step


SLOW_4 = pytest.param(4, "paper", marks=pytest.mark.slow)


@pytest.mark.parametrize(("replicas", "form"), [(1, "paper"), (2, "symmetric"), SLOW_4])
def test_any_number_of_replicas(replicas, form):
    step = step_on_devices(replicas, form=form, block_rows=2)
    for masks in MASKS.values():
        assert_same(step(masks), loss_and_gradients(masks=masks, form=form))


def test_the_released_form_on_replicas():  # averages per replica, so the twin runs on as many
    streamed = step_on_devices(2, form="released", block_rows=4)
    whole = step_on_devices(2, form="released")
    for masks in MASKS.values():
        assert_same(streamed(masks), whole(masks))


def largest_tensor(block_rows):
    """Entries of the largest tensor of the traced loss and gradients, loops' bodies included."""
    rows, candidates, width = 64, 3, 4

    @tf.function(autograph=False)
    def step(left, right):
        with tf.GradientTape() as tape:
            tape.watch([left, right])
            loss = contrast(left, right, block_rows=block_rows)
        return loss, *tape.gradient(loss, [left, right])

    traced = step.get_concrete_function(
        tf.TensorSpec((rows, width)), tf.TensorSpec((rows, candidates, width))
    )
    frozen = traced.graph.as_graph_def(add_shapes=True)
    nodes = [*frozen.node, *(node for function in frozen.library.function for node in function.node_def)]
    shapes = [shape for node in nodes for shape in node.attr["_output_shapes"].list.shape]
    return max(math.prod(dim.size for dim in shape.dim) for shape in shapes)


def test_the_block_is_the_largest_tensor():
    assert largest_tensor(None) == 64 * 64 * 3
    assert largest_tensor(4) == 4 * 64 * 3


@pytest.mark.slow
def test_memory_and_loss_of_a_batch_of_4096():
    def measure(variant):
        command = [sys.executable, BENCHMARK, "--batch", "4096", "--steps", "1", "--measure", variant]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])

    whole, streamed = measure("whole"), measure("128")
    assert streamed["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert streamed["norms"] == pytest.approx(whole["norms"], rel=1e-5)
    # Mostly embeddings and gradients are left, which grow with the batch and not with its square: a sixth or
    # a seventh here, a fifteenth at 8192 (benchmarks/contrastive.py).
    assert streamed["bytes"] < whole["bytes"] / 5


def test_a_batch_of_unknown_size_is_refused():
    @tf.function(input_signature=[tf.TensorSpec((None, D)), tf.TensorSpec((None, K, D))])
    def step(left, right):
        return contrast(left, right, block_rows=2)

    with pytest.raises(ValueError, match="whose size is known when the graph is made"):
        step(LEFT, RIGHT)


def test_the_whole_loss_streams_by_one_option():
    outputs = {
        "video/video_audio": LEFT,
        "audio/video_audio": RIGHT[:, 0],
        "video/video_text": LEFT[:, ::-1],
        "text/video_text": RIGHT.reshape(B * K, D),
    }
    batch = {"text_mask": MASKS["candidates"][1], "audio_mask": MASKS["clips"][0]}
    wanted, *others = (ContrastiveLoss(block_rows=rows)(outputs, batch) for rows in (None, 5, "auto"))
    for got in others:
        for name, value in wanted.items():
            np.testing.assert_allclose(got[name], value, rtol=1e-6)


def test_blocks_that_are_fast():
    assert [log_sums.fast_rows(rows) for rows in (4096, 8192, 2**21)] == [256, 128, 1]
    assert [ContrastiveLoss(block_rows=rows).rows_at_once(4096) for rows in (None, 64, "auto")] == [
        4096,
        64,
        256,
    ]


def test_auto_is_as_many_rows_as_are_fast(monkeypatch):
    monkeypatch.setattr(log_sums, "BLOCK_PAIRS", 4 * 64)
    assert largest_tensor("auto") == 4 * 64 * 3
