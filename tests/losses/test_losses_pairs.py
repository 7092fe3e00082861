"""Which pairs are compared, with what weights, and a temperature that each trains for itself."""

import numpy as np
import pytest
import tensorflow as tf

from tests.losses.replicas import on_replicas
from vatt.losses.contrastive import ContrastiveLoss, contrast
from vatt.losses.pairs import PairWeights, pairs_of
from vatt.losses.temperature import LearnedTemperature

ROWS, CANDIDATES, WIDTH = 4, 2, 6
DRAW = np.random.default_rng(2)
ALL = PairWeights(audio_text=0.5, audio_visual_text=2.0)
SIDES = {
    "video_audio": ("video/video_audio", "audio/video_audio"),
    "video_text": ("video/video_text", "text/video_text"),
    "audio_text": ("audio/video_text", "text/video_text"),
    "audio_visual_text": ("audio_visual/video_text", "text/video_text"),
}
OUTPUTS = {
    name: DRAW.normal(size=((CANDIDATES if name[0] == "t" else 1) * ROWS, WIDTH)).astype("float32")
    for name in dict.fromkeys(name for both in SIDES.values() for name in both)
}
BATCH = {
    "video_mask": np.array([1, 1, 0, 1], "float32"),
    "audio_mask": np.array([1, 0, 1, 1], "float32"),
    "text_mask": np.array([[1, 1], [1, 0], [1, 1], [1, 1]], "float32"),
    "example_index": np.arange(50, 50 + ROWS),
}
EXISTS = {"video": [1, 1, 0, 1], "audio": [1, 0, 1, 1], "audio_visual": [1, 1, 1, 1]}


def part_of(batch, outputs, rows):
    """The rows of a replica."""
    width = {name: len(value) // ROWS for name, value in outputs.items()}
    taken = {
        name: value[rows.start * width[name] : rows.stop * width[name]] for name, value in outputs.items()
    }
    return taken, {name: value[rows] for name, value in batch.items()}


@pytest.mark.parametrize("block_rows", [None, 1])
@pytest.mark.parametrize("cuts", [[4], [2, 4], [1, 2, 3, 4]])
def test_the_loss_is_the_weighted_sum_of_all_pairs_on_any_number_of_replicas(cuts, block_rows):
    wanted = 0.0
    for name, weight in ALL.positive.items():
        left, right = (OUTPUTS[each] for each in SIDES[name])
        right = right.reshape(ROWS, -1, WIDTH)
        exists = BATCH["text_mask"] if name.endswith("text") else BATCH["audio_mask"][:, None]
        there = np.array(EXISTS[SIDES[name][0].split("/")[0]], "float32")
        wanted += weight * float(contrast(left, right, there, exists, temperature=0.1))

    def share(rows, gather):
        loss = ContrastiveLoss(temperature=0.1, lowest_temperature=0.02, weights=ALL, block_rows=block_rows)
        return loss(*part_of(BATCH, OUTPUTS, rows), gather)["loss"]

    rows = [slice(first, last) for first, last in zip([0, *cuts], cuts)]
    assert sum(on_replicas(share, rows)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("block_rows", [None, 3])
def test_each_pair_s_temperature_has_the_gradient_of_its_own_loss(block_rows):
    loss = ContrastiveLoss(temperature=0.1, lowest_temperature=0.02, weights=ALL, block_rows=block_rows)
    with tf.GradientTape() as tape:
        total = loss(OUTPUTS, BATCH)["loss"]
    gradients = tape.gradient(total, [each.value for each in loss.trainable_variables])
    for (name, weight), gradient in zip(ALL.positive.items(), gradients, strict=True):
        pair = pairs_of(OUTPUTS, BATCH, ALL)[name]

        def at(step, pair=pair):  # τ = 0.02 + exp(p), p = log 0.08 at first
            temperature = 0.02 + 0.08 * np.exp(step)
            return float(contrast(pair.left, pair.right, *pair.masks, temperature=temperature))

        slope = weight * (at(1e-2) - at(-1e-2)) / 2e-2
        assert float(gradient) == pytest.approx(slope, rel=1e-2, abs=1e-4)


def test_a_learned_temperature_starts_where_it_should_and_stays_above_its_bound():
    learned = LearnedTemperature(0.07, 0.02, name="temperature")
    assert float(learned()) == pytest.approx(0.07)
    learned.variable.assign(-50.0)
    assert float(learned()) == pytest.approx(0.02)
    for start, lowest in ((0.07, 0.07), (0.07, 0.0)):
        with pytest.raises(ValueError, match="`lowest_temperature` must be above 0 and below `temperature`"):
            LearnedTemperature(start, lowest, name="temperature")


def test_a_joint_pair_without_a_joint_embedding_says_what_makes_one():
    without = {name: value for name, value in OUTPUTS.items() if not name.startswith("audio_visual")}
    with pytest.raises(ValueError, match="Set `CommonSpaces.all_pairs = True`"):
        pairs_of(without, BATCH, ALL)
    assert "audio_text" in pairs_of({k: v for k, v in without.items() if k[0] != "v"}, BATCH, ALL)


@pytest.mark.parametrize("weights", [{"video_audio": 0.0, "video_text": 0.0}, {"audio_text": -1.0}])
def test_weights_that_are_negative_or_all_zero_are_refused(weights):
    with pytest.raises(ValueError, match="must not be negative nor all zero"):
        PairWeights(**weights)
