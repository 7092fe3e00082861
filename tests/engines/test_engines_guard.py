"""A compiled call that waits for ever is ended once what it waits for is known to be gone."""

import time

import pytest
import tensorflow as tf

from vatt.engines.guard import Guard
from vatt.errors import RunError


@pytest.fixture
def wait():
    """Waits for a number that nobody sends."""
    queue = tf.queue.FIFOQueue(1, tf.int32, shapes=())
    return tf.function(queue.dequeue)


def test_a_call_that_waits_is_ended_with_the_sentence(wait):
    looks = iter([None, None, "The machine is gone."])
    began = time.monotonic()
    with Guard(lambda: next(looks), pause_seconds=0.05) as guard:
        assert guard.call(lambda: 3) == 3
        with pytest.raises(RunError, match="The machine is gone."):
            guard.call(wait)
        with pytest.raises(RunError, match="The machine is gone."):  # and so is every later one
            guard.call(wait)
    assert 0.1 < time.monotonic() - began < 60


def test_a_look_that_fails_is_said_and_made_again(wait, caplog):
    looks = iter([RuntimeError("can't start new thread"), None, "The machine is gone."])

    def look():
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    with (
        caplog.at_level("WARNING", "vatt"),
        Guard(look, pause_seconds=0.05) as guard,
        pytest.raises(RunError, match="The machine is gone."),
    ):
        guard.call(wait)
    assert "not known whether all machines are there: can't start new thread" in caplog.text


def test_without_anything_to_look_after_a_call_is_a_call():
    with Guard(None) as guard:
        assert guard.call(lambda left, right: left + right, 1, 2) == 3


def test_other_errors_stay_what_they_are():
    with Guard(lambda: None, pause_seconds=0.05) as guard, pytest.raises(ZeroDivisionError):
        guard.call(lambda: 1 // 0)
