"""The sigmoid loss against its formula pair by pair, in blocks, on replicas."""

import numpy as np
import pytest
import tensorflow as tf

from tests.losses.replicas import on_replicas
from vatt.losses.pairs import Pair, PairWeights
from vatt.losses.sigmoid import SigmoidLoss, sigmoid

CLIPS, CANDIDATES, WIDTH = 4, 2, 8
DRAW = np.random.default_rng(0)
LEFT = DRAW.normal(size=(CLIPS, WIDTH)).astype("float32")
RIGHT = DRAW.normal(size=(CLIPS, CANDIDATES, WIDTH)).astype("float32")
INDEX = 70 + DRAW.permutation(CLIPS)
MASKS = {
    "nothing missing": (np.ones(CLIPS), np.ones((CLIPS, CANDIDATES))),
    "some": (np.array([1, 1, 0, 1]), np.array([[1, 1], [1, 0], [1, 1], [0, 0]])),
    "everything": (np.zeros(CLIPS), np.zeros((CLIPS, CANDIDATES))),
}


def naive(left, right, left_exists, right_exists, scale, bias):
    total, candidates = 0.0, 0
    for i in range(CLIPS):
        for k in range(CANDIDATES):
            if not right_exists[i, k]:
                continue
            candidates += left_exists[i]
            for j in range(CLIPS):
                if left_exists[j]:
                    lengths = np.linalg.norm(left[j]) * np.linalg.norm(right[i, k])
                    logit = scale * (left[j] @ right[i, k]) / lengths + bias
                    total -= np.log(1 / (1 + np.exp(-logit if i == j else logit)))
    return total / max(candidates, 1)


def masked(masks):
    return [mask.astype("float32") for mask in MASKS[masks]]


@pytest.mark.parametrize("block_rows", [None, 1, 3])
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("cuts", [[4], [2, 4], [1, 2, 3, 4]])
def test_it_is_the_formula_on_any_number_of_replicas(cuts, masks, block_rows):
    left_mask, right_mask = masked(masks)

    def share(rows, gather):
        pair = Pair(
            left=LEFT[rows], right=RIGHT[rows], left_mask=left_mask[rows], right_mask=right_mask[rows]
        )
        return sigmoid(pair, tf.constant(INDEX[rows]), 2.0, -1.0, gather=gather, block_rows=block_rows)

    rows = [slice(first, last) for first, last in zip([0, *cuts], cuts)]
    wanted = naive(LEFT, RIGHT, left_mask, right_mask, 2.0, -1.0)
    assert sum(on_replicas(share, rows)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("block_rows", [None, 3])
def test_its_gradients_are_those_of_the_formula(block_rows):
    left_mask, right_mask = masked("some")
    inputs = [tf.constant(LEFT), tf.constant(RIGHT), tf.constant(2.0), tf.constant(-1.0)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        pair = Pair(left=inputs[0], right=inputs[1], left_mask=left_mask, right_mask=right_mask)
        loss = sigmoid(pair, tf.constant(INDEX), *inputs[2:], block_rows=block_rows)
    for number, gradient in enumerate(tape.gradient(loss, inputs)):
        direction = DRAW.normal(size=gradient.shape)

        def moved(by, number=number, direction=direction):
            parts = [np.asarray(each, "float64") for each in inputs]
            parts[number] = parts[number] + by * direction
            return naive(*parts[:2], left_mask, right_mask, *parts[2:])

        slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
        assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(slope, rel=1e-3)


def test_each_pair_trains_a_temperature_and_a_bias_of_its_own():
    loss = SigmoidLoss(weights=PairWeights(video_text=0.5))
    outputs = {f"video/video_{other}": tf.constant(LEFT) for other in ("audio", "text")}
    outputs |= {"audio/video_audio": RIGHT[:, 0], "text/video_text": RIGHT.reshape(-1, WIDTH)}
    with tf.GradientTape() as tape:
        found = loss(outputs, {"example_index": tf.constant(INDEX)})
    total = found["loss/video_audio"] + 0.5 * found["loss/video_text"]
    assert float(found["loss"]) == pytest.approx(float(total))
    assert len(loss.trainable_variables) == 4
    gradients = tape.gradient(found["loss"], [each.value for each in loss.trainable_variables])
    assert all(abs(float(gradient)) > 1e-3 for gradient in gradients)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": 0}, "`temperature` must be positive. Received: temperature=0"),
        ({"block_rows": 0}, "`block_rows` must be a positive number of clips"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        SigmoidLoss(**options)
