"""Fine-tuning losses against naive twins and across replicas; the release's numbers are in
test_convert_restore.
"""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from vatt.losses.classification import MultiLabelLoss, SoftmaxLoss

_random = np.random.default_rng(3)
LOGITS = _random.normal(size=(4, 5)).astype("float32")
ONE_HOT = np.eye(5, dtype="float32")[[0, 2, 2, 4]]
MULTI_HOT = np.array([[1, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 0, 0, 1]], "float32")


def test_softmax_loss_with_smoothing():
    got = SoftmaxLoss(label_smoothing=0.1)({"logits": LOGITS}, {"label": ONE_HOT})["loss"]
    targets = 0.9 * ONE_HOT + 0.1 / 5
    wanted = -(targets * scipy.special.log_softmax(LOGITS, axis=-1)).sum(axis=-1).mean()
    assert float(got) == pytest.approx(wanted, abs=1e-6)


def test_rare_labels_weigh_more():
    # Counts in the batch: 2, 3, 0, 0, 1.
    wanted = [(1 / 2 + 1 / 3) / 2, 1 / 3, 0, (1 / 2 + 1 / 3 + 1) / 3]
    np.testing.assert_allclose(MultiLabelLoss.weights(tf.constant(MULTI_HOT)), wanted, rtol=1e-6)
    probability = scipy.special.expit(LOGITS.astype("float64"))
    losses = -(MULTI_HOT * np.log(probability) + (1 - MULTI_HOT) * np.log1p(-probability)).sum(axis=-1)
    got = MultiLabelLoss()({"logits": LOGITS}, {"label": MULTI_HOT})["loss"]
    assert float(got) == pytest.approx((losses * wanted).mean(), abs=1e-5)
    got = MultiLabelLoss(weighting="uniform")({"logits": LOGITS}, {"label": MULTI_HOT})["loss"]
    assert float(got) == pytest.approx(losses.mean(), abs=1e-5)


@pytest.mark.parametrize("loss", [SoftmaxLoss(), MultiLabelLoss()])
def test_shares_of_replicas_add_up(loss):
    whole = float(loss({"logits": LOGITS}, {"label": MULTI_HOT})["loss"])

    def gather(rows):  # of two replicas: targets are [2, 5], losses are [2]
        return tf.constant(MULTI_HOT) if len(rows.shape) == 2 else tf.zeros(4)

    halves = [slice(0, 2), slice(2, 4)]
    shares = [loss({"logits": LOGITS[half]}, {"label": MULTI_HOT[half]}, gather)["loss"] for half in halves]
    assert float(sum(shares)) == pytest.approx(whole, abs=1e-6)


def test_large_logits_do_not_overflow():
    logits = np.array([[1e4, -1e4]], "float32")
    for loss in (SoftmaxLoss(), MultiLabelLoss()):
        assert np.isfinite(loss({"logits": logits}, {"label": np.array([[0.0, 1.0]], "float32")})["loss"])


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="`label_smoothing` must be"):
        SoftmaxLoss(label_smoothing=1.0)
    with pytest.raises(ValueError, match="`weighting` must be"):
        MultiLabelLoss(weighting="rare")


@pytest.mark.parametrize("loss", [SoftmaxLoss(), MultiLabelLoss()])
def test_labels_that_are_missing_or_of_other_classes(loss):
    with pytest.raises(ValueError, match="must hold 'label'. .*PreparedClips.labels = True"):
        loss({"logits": LOGITS}, {"video": LOGITS})
    with pytest.raises(ValueError, match="as many classes as .* labels. Received: 5 classes, 2 labels"):
        loss({"logits": LOGITS}, {"label": ONE_HOT[:, :2]})
