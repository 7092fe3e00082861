"""Mixup: how much is mixed, with whom, and that it is the same each time."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from vatt import spec
from vatt.data.mixup import mix_batch


def batch(rows, *, silent=(), first=0, samples=3):
    """Row i has audio and labels that are 1 in place i and 0 elsewhere, so that a result tells all shares."""
    mask = np.ones(rows, "float32")
    mask[list(silent)] = 0
    one_hot = np.eye(rows, dtype="float32")
    return {
        spec.AUDIO: tf.constant(np.repeat(one_hot, samples, axis=1) * mask[:, np.newaxis]),
        spec.LABEL: tf.constant(one_hot),
        spec.AUDIO_MASK: tf.constant(mask),
        spec.EXAMPLE_INDEX: tf.range(first, first + rows, dtype=tf.int64),
        spec.VIDEO: tf.zeros([rows, 2]),
    }


@functools.cache
def mixing(alpha, seed):
    """In a graph, as in the pipeline; eagerly it takes a millisecond a clip."""
    return tf.function(functools.partial(mix_batch, alpha=alpha, seed=seed))


def mixup(given, *, alpha=5, seed=0):
    return mixing(alpha, seed)(given)


def shares(mixed):
    """Each row's λ and partner; asserts that it has just those two."""
    labels = mixed[spec.LABEL].numpy()
    rows = np.arange(len(labels))
    weights = labels[rows, rows].copy()
    labels[rows, rows] = 0
    partners = labels.argmax(axis=1)
    np.testing.assert_allclose(weights + labels[rows, partners], 1, atol=1e-6)
    assert (np.count_nonzero(labels, axis=1) <= 1).all()
    return weights, partners


def test_sound_and_labels_are_mixed_alike():
    given = batch(8)
    mixed = mixup(given)
    np.testing.assert_array_equal(mixed[spec.AUDIO][:, ::3], mixed[spec.LABEL])
    np.testing.assert_array_equal(mixed[spec.AUDIO_MASK], given[spec.AUDIO_MASK])
    np.testing.assert_array_equal(mixed[spec.VIDEO], given[spec.VIDEO])
    assert mixed.keys() == given.keys()


@pytest.mark.parametrize("alpha", [5, 1, 5.0, 0.3, 20])
def test_weights_are_beta(alpha):
    weights, _ = shares(mixup(batch(2000, samples=1), alpha=alpha, seed=1))
    # Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)), fourth central moment 3 / (16 (2a + 1) (2a + 3)).
    variance = 1 / (4 * (2 * alpha + 1))
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert weights.mean() == pytest.approx(0.5, abs=4 * np.sqrt(variance / 2000))
    assert weights.var() == pytest.approx(variance, abs=4 * np.sqrt((fourth - variance**2) / 2000))
    assert len(np.unique(weights)) > 1900


def test_each_gives_to_one_and_takes_from_one():
    seen = set()
    for first in range(0, 800, 8):
        _, partners = shares(mixup(batch(8, first=first)))
        np.testing.assert_array_equal(np.sort(partners), np.arange(8))
        assert (partners != np.arange(8)).all()
        seen.add(tuple(partners))
    assert len(seen) > 90


def test_what_is_mixed_depends_on_seed_and_examples_alone():
    def drawn(seed, first):
        return mixup(batch(16, first=first), seed=seed)[spec.LABEL].numpy()

    np.testing.assert_array_equal(drawn(3, 64), drawn(3, 64))
    assert (drawn(3, 64) != drawn(4, 64)).any() and (drawn(3, 64) != drawn(3, 80)).any()
    # A clip's λ is its own, whatever else is in the batch.
    few, _ = shares(mixup(batch(4, first=8)))
    many, _ = shares(mixup(batch(16)))
    np.testing.assert_allclose(many[8:12], few, atol=1e-6)


def test_alone_and_silent_clips_stay_as_they_are():
    for given in (batch(1), batch(3, silent=(0, 2)), batch(3, silent=(0, 1, 2))):
        mixed = mixup(given)
        for name in given:
            np.testing.assert_array_equal(mixed[name], given[name])


def test_silent_clips_are_nobodys_partner():
    mixed = mixup(batch(6, silent=(1, 4)))
    weights, partners = shares(mixed)
    assert set(partners[[0, 2, 3, 5]]) == {0, 2, 3, 5}
    np.testing.assert_array_equal(weights[[1, 4]], 1)
    assert not mixed[spec.AUDIO].numpy()[[1, 4]].any()


def test_in_a_dataset():
    rows = tf.data.Dataset.from_tensor_slices(batch(12)).batch(4, drop_remainder=True)
    mix = functools.partial(mix_batch, alpha=5, seed=0)
    mixed = list(rows.map(mix))
    assert mixed[0][spec.AUDIO].shape == (4, 36)
    again = rows.map(mix, num_parallel_calls=3)
    for one, other in zip(mixed, again, strict=True):
        np.testing.assert_array_equal(one[spec.AUDIO], other[spec.AUDIO])


@pytest.mark.parametrize("alpha", [0, -1, float("nan")])
def test_bad_parameters_are_refused(alpha):
    with pytest.raises(ValueError, match="`alpha` must be positive"):
        mix_batch(batch(2), alpha=alpha, seed=0)
