"""Alarms: told once while they last, and only where something is unusual."""

import numpy as np
import tensorflow as tf

from vatt.engines.live_data import live_shares
from vatt.train.alarms import Alarms


def lines(losses, **more):
    return [{"step": step, "loss": loss, **more} for step, loss in enumerate(losses, 1)]


def test_a_spike_is_told_once_and_again_after_it_was_over():
    alarms = Alarms()
    losses = [2.0, 2.1, 1.9, 2.05, 2.0, 1.95, 2.1, 2.0, 2.0, 9.0, 8.0, 2.0, 9.0]
    told = [alarms(line) for line in lines(losses)]
    assert [bool(each) for each in told] == [False] * 9 + [True, False, False, True]
    assert "the loss is 9; the median of the 9 lines before is 2" in told[9][0]


def test_a_loss_that_falls_or_wavers_is_no_spike():
    alarms = Alarms()
    draw = np.random.default_rng(0)
    falling = 5.0 * np.exp(-np.arange(300) / 60) + draw.normal(scale=0.05, size=300)
    assert not any(alarms(line) for line in lines(falling.tolist()))


def test_what_an_earlier_start_wrote_counts():
    alarms = Alarms()
    for line in lines([2.0] * 10):
        alarms.remember(line)
    assert alarms({"step": 11, "loss": 5.0})


def test_dead_data_is_named():
    alarms = Alarms()
    dead = {"data/video": 1.0, "data/audio": 0.0, "data/text": 0.0}
    told = alarms({"step": 1, "loss": 1.0, **dead})
    assert len(told) == 2 and "any audio that says something" in told[0]
    assert alarms({"step": 2, "loss": 1.0, **dead}) == []


def test_damaged_records_are_told_once_with_their_number():
    alarms = Alarms()
    assert alarms({"step": 1, "loss": 1.0}) == []
    told = alarms({"step": 2, "loss": 1.0, "damaged_records": 1})
    assert len(told) == 1 and told[0].startswith("1 record of the training data could not be read")
    assert alarms({"step": 3, "loss": 1.0, "damaged_records": 2}) == []


def test_shares_of_live_clips():
    video = np.zeros((4, 2, 3, 3, 3), "uint8")
    video[1:, 0, 0] = 7  # three clips have something to see, of which one is masked
    text = np.array([[[5, 0], [0, 0]]] * 4, "int32")
    batch = {
        "video": tf.constant(video),
        "video_mask": tf.constant([1.0, 1.0, 0.0, 1.0]),
        "audio": tf.ones((4, 8)),
        "text": tf.constant(text),
        "text_mask": tf.constant([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
    }
    shares = {name: float(value) for name, value in live_shares(batch, 1).items()}
    assert shares == {"data/video": 0.5, "data/audio": 0.0, "data/text": 0.5}
    assert float(live_shares(batch, 2)["data/text"]) == 0.25  # of two replicas such as this one
