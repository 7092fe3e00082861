"""What several workers tell one another, without the others: `tests/faults` starts real ones."""

import pytest
import tensorflow as tf

from vatt.engines.tensorflow.workers import _Several, workers_of
from vatt.engines.workers import Workers
from vatt.errors import LostMachine, RunError


@pytest.fixture
def second():
    """Worker 1 of two."""
    return _Several(tf.distribute.get_strategy(), 1, ["one.example:5001", "two.example:5001"])


def test_each_knows_its_rows(second):
    assert second.share_of(2048) == (
        "Worker 1 of 2, counted from 0, at two.example:5001: rows 1,024 to 2,047 of every batch of 2,048."
    )
    second.index = 0
    assert "rows 0 to 1,023 of every batch of 2,048; it writes the run directory." in second.share_of(2048)


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("tasks are unhealthy: /job:worker/replica:0/task:0\nThe", "worker 0 (one.example:5001): tasks"),
        ("/job:worker/task:1 says that Socket closed", "another: /job:worker"),  # itself alone is named
    ],
)
def test_whom_it_lost(second, words, who):
    with pytest.raises(LostMachine) as caught, second.explaining():
        raise tf.errors.UnavailableError(None, None, words)
    assert f"Worker 1 lost {who}" in str(caught.value) and caught.value.exit_status == 75


def test_an_error_of_its_own_stays_what_it_is(second):
    with pytest.raises(tf.errors.InvalidArgumentError), second.explaining():
        raise tf.errors.InvalidArgumentError(None, None, "shapes differ")


def test_other_data_are_refused_by_those_who_have_them_and_those_who_do_not(second, monkeypatch):
    monkeypatch.setattr(second, "any", lambda mine: mine)
    monkeypatch.setattr(second, "from_chief", lambda number: number)
    second.agree_on({"seed": "0", "data": "1a2b"}, "data")
    monkeypatch.setattr(second, "from_chief", lambda number: number + 1)
    with pytest.raises(RunError, match="same data, and do not. Worker 1 has data 1a2b, seed 0; each"):
        second.agree_on({"seed": "0", "data": "1a2b"}, "data")
    monkeypatch.setattr(second, "any", lambda mine: True)
    with pytest.raises(RunError, match="One of them is not, and says why."):
        second.refuse_any(None)


def test_one_alone_agrees_with_itself():
    alone = workers_of(tf.distribute.get_strategy())
    assert type(alone) is Workers and alone.is_chief and alone.count == 1
    alone.agree_on({"seed": "0"}, "data")
    assert alone.any(True) and not alone.any(False) and alone.from_chief(7) == 7
    with pytest.raises(tf.errors.UnavailableError), alone.explaining():
        raise tf.errors.UnavailableError(None, None, "Socket closed")
