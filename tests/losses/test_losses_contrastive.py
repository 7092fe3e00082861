"""NCE and MIL-NCE against the release's numbers, against naive twins, and across replicas."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tests.goldens import assert_near
from tests.losses.replicas import on_replicas
from vatt.losses.contrastive import FORMS, ContrastiveLoss, contrast
from vatt.losses.pairs import PairWeights

RELEASES = {"asym": "released", "sym": "symmetric"}
# case -> (video, other) in losses.npz
PAIRS = {
    "milnce_L3": ("video_totxt", "text_tovid"),
    "nce_L1_text": ("video_totxt", "text1_tovid"),
    "nce_audio": ("video_toaud", "audio_tovid"),
}
MASKS = ("none", "ones", "m1011", "m0010", "zeros")
GOLDEN = goldens.arrays("losses")

OUTPUTS = {
    "video/video_audio": GOLDEN["in/video_toaud"],
    "audio/video_audio": GOLDEN["in/audio_tovid"],
    "video/video_text": GOLDEN["in/video_totxt"],
    "text/video_text": GOLDEN["in/text_tovid"],
}


def embeddings(case):
    left, right = (GOLDEN[f"in/{name}"] for name in PAIRS[case])
    return left, right.reshape(left.shape[0], -1, right.shape[-1])


def candidate_mask(mask, candidates):
    return None if mask == "none" else np.repeat(GOLDEN[f"in/mask_{mask}"][:, None], candidates, axis=1)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("case", PAIRS)
@pytest.mark.parametrize("form", RELEASES)
def test_the_release_s_losses_and_gradients(form, case, mask):
    left, right = map(tf.constant, embeddings(case))
    key = f"{form}/{case}/mask_{mask}"
    with tf.GradientTape() as tape:
        tape.watch([left, right])
        loss = contrast(left, right, None, candidate_mask(mask, right.shape[1]), form=RELEASES[form])
    assert_near(loss, GOLDEN[key], 1e-5)
    left_gradient, right_gradient = tape.gradient(loss, [left, right])
    assert_near(left_gradient, GOLDEN[f"{key}/grad_video"], 1e-5)
    assert_near(tf.reshape(right_gradient, (-1, right.shape[-1])), GOLDEN[f"{key}/grad_other"], 1e-5)


@pytest.mark.parametrize("weights", ["vt1_va1", "vt1_va0", "vt0_va1", "vt2_va1"])
@pytest.mark.parametrize("form", RELEASES)
def test_the_release_s_totals(form, weights):
    text, audio = (float(part[2:]) for part in weights.split("_"))
    loss = ContrastiveLoss(form=RELEASES[form], weights=PairWeights(video_text=text, video_audio=audio))
    got = loss(OUTPUTS, {"text_mask": candidate_mask("m1011", 3)})
    key = f"{form}/total/w_{weights}"
    # The release logs each part times its weight, and takes the weighted mean in either form.
    divisor = 1.0 if form == "asym" else text + audio
    assert_near(got["loss"] / divisor, GOLDEN[key], 1e-5)
    for part, weight, name in (("video_text", text, "vidtxt_loss"), ("video_audio", audio, "vidaud_loss")):
        if f"{key}/{name}" in GOLDEN and weight:
            assert_near(got[f"loss/{part}"] * weight, GOLDEN[f"{key}/{name}"], 1e-5)


@pytest.mark.parametrize("mask", ["none", "m1011"])
def test_the_release_on_two_replicas(mask):
    left, right = embeddings("milnce_L3")
    exists = candidate_mask(mask, 3)

    def share(rows, gather):
        there = None if exists is None else exists[rows]
        index = np.arange(4)[rows]
        return contrast(left[rows], right[rows], None, there, index=index, form="released", gather=gather)

    shares = on_replicas(share, [slice(0, 2), slice(2, 4)])
    key = f"asym/two_replicas/milnce_L3/mask_{mask}"
    # A share is a replica's mean over the number of replicas, as gradients are summed.
    assert_near(2 * shares[0], GOLDEN[f"{key}/replica0"], 1e-5)
    assert_near(2 * shares[1], GOLDEN[f"{key}/replica1"], 1e-5)
    assert_near(sum(shares), GOLDEN[f"{key}/mean"], 1e-5)


def naive_loss(left, right, exists, form="paper", temperature=0.07):
    """Eq. 4 and 5, as MIL-NCE reads them or word for word, on the clips that have a candidate, in float64."""
    left, right = left.astype("float64"), right.astype("float64")
    left = left / np.linalg.norm(left, axis=-1, keepdims=True)
    right = right / np.linalg.norm(right, axis=-1, keepdims=True)
    clips = [i for i in range(len(left)) if exists[i].any()]

    def term(i, j, k):
        return np.exp(left[i] @ right[j, k] / temperature) if exists[j, k] else 0.0

    candidates = range(right.shape[1])
    losses = []
    for i in clips:
        positive = sum(term(i, i, k) for k in candidates)
        if form == "literal":
            negative = sum(term(m, j, k) for m in clips for j in clips if m != j for k in candidates)
        else:
            others = [j for j in clips if j != i]
            negative = sum(term(i, j, k) + term(j, i, k) for j in others for k in candidates)
        losses.append(-np.log(positive / (positive + negative)))
    return np.mean(losses) if losses else 0.0


MISSING = {
    "nothing": np.ones((4, 3)),
    "a_clip": np.array([[1, 1, 1], [0, 0, 0], [1, 1, 1], [1, 1, 1]]),
    "candidates": np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]]),
    "all_but_one": np.array([[0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]]),
    "everything": np.zeros((4, 3)),
}


@pytest.mark.parametrize("block_rows", [None, 1])
@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("form", ["paper", "literal"])
def test_the_paper_s_forms_are_the_naive_ones_however_the_batch_is_split(form, missing, block_rows):
    left, right = embeddings("milnce_L3")
    exists = MISSING[missing].astype("float32")
    wanted = naive_loss(left, right, exists, form)

    def share(rows, gather):
        index = np.arange(4)[rows]
        options = {"index": index, "gather": gather, "block_rows": block_rows, "form": form}
        return contrast(left[rows], right[rows], None, exists[rows], **options)

    for split in ([slice(0, 4)], [slice(0, 2), slice(2, 4)], [slice(i, i + 1) for i in range(4)]):
        assert sum(on_replicas(share, split)) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("form", ["paper", "literal"])
def test_the_paper_s_forms_equal_the_dense_loss_of_the_remaining_clips(form):
    left, right = embeddings("milnce_L3")
    keep = [0, 2, 3]
    masked = contrast(left, right, None, candidate_mask("m1011", 3), form=form)
    assert_near(masked, contrast(left[keep], right[keep], form=form), 1e-6)


# At temperature 1 positive pairs score 1, 1, 0; of the six others those of clip 2 with audio 3 and of clip 3
# with audio 1 score -1, the rest 0.
THREE_CLIPS = np.array([[2, 0], [0, 3], [-1, 0]], "float32")
THREE_SOUNDS = np.array([[1, 0], [0, 1], [0, -5]], "float32")


def test_eq_4_by_hand():
    e, sounds = math.e, THREE_SOUNDS[:, None]
    every_pair = 4 + 2 / e
    literal = (2 * math.log(1 + every_pair / e) + math.log(1 + every_pair)) / 3
    assert_near(contrast(THREE_CLIPS, sounds, temperature=1.0, form="literal"), literal, 1e-6)
    rows_and_columns = (3 + 1 / e, 3 + 1 / e, 2 + 2 / e)
    paper = sum(math.log(1 + rest / own) for rest, own in zip(rows_and_columns, (e, e, 1))) / 3
    assert_near(contrast(THREE_CLIPS, sounds, temperature=1.0, form="paper"), paper, 1e-6)


@pytest.mark.parametrize("missing", ["nothing", "candidates"])
@pytest.mark.parametrize("block_rows", [None, 1, "auto"])
def test_the_literal_form_s_gradient_is_that_of_the_naive_one(block_rows, missing):
    left, right = embeddings("milnce_L3")
    exists = MISSING[missing].astype("float32")
    inputs = [tf.constant(left), tf.constant(right)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = contrast(*inputs, None, exists, form="literal", block_rows=block_rows)
    found = tape.gradient(loss, inputs)
    for number, gradient in enumerate(found):
        direction = np.random.default_rng(number).normal(size=gradient.shape)

        def moved(by, number=number, direction=direction):
            parts = [left.astype("float64"), right.astype("float64")]
            parts[number] = parts[number] + by * direction
            return naive_loss(*parts, exists, "literal")

        slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
        assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("absent", "pair"), [("text", "video_audio"), ("audio", "video_text")])
def test_a_pair_of_an_absent_modality_is_left_out(absent, pair, form):
    there = {name: value for name, value in OUTPUTS.items() if not name.startswith(absent)}
    if absent == "text":
        there["audio/video_text"] = OUTPUTS["video/video_text"]  # the model makes it, and nothing trains it
    got = ContrastiveLoss(form=form)(there, {})
    assert set(got) == {"loss", f"loss/{pair}"}
    assert_near(got["loss"], ContrastiveLoss(form=form)(OUTPUTS, {})[f"loss/{pair}"], 1e-6)
    weights = PairWeights(**{f"video_{absent}": 0.0})
    assert set(ContrastiveLoss(form=form, weights=weights)(OUTPUTS, {})) == {"loss", f"loss/{pair}"}


@pytest.mark.parametrize(
    ("modalities", "weights"),
    [(("audio", "text"), {}), (("video",), {}), (("video", "audio"), {"video_audio": 0.0})],
)
def test_without_any_pair_it_says_what_would_be_one(modalities, weights):
    there = {name: value for name, value in OUTPUTS.items() if name.startswith(modalities)}
    with pytest.raises(ValueError, match="must have a pair to compare.*'video' and one more"):
        ContrastiveLoss(weights=PairWeights(**weights))(there, {})


def test_the_paper_s_total_is_the_sum():
    got = ContrastiveLoss(weights=PairWeights(video_text=0.5))(OUTPUTS, {})
    assert_near(got["loss"], got["loss/video_audio"] + 0.5 * got["loss/video_text"], 1e-6)


@pytest.mark.parametrize("block_rows", [None, 3])
@pytest.mark.parametrize("form", FORMS)
def test_no_overflow_and_no_nan_at_the_extremes(form, block_rows):
    left = np.eye(4, 8, dtype="float32") * 1e4
    left[3] = 0  # a zero vector has no direction, yet a loss and a gradient
    x = tf.constant(left)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = contrast(x, x[:, None], temperature=1e-3, form=form, block_rows=block_rows)
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, x)).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"form": "both"}, "`form` must be one of"),
        ({"temperature": 0.0}, "`temperature` must be positive"),
        ({"block_rows": 0}, "`block_rows` must be a positive number of clips"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ContrastiveLoss(**options)
