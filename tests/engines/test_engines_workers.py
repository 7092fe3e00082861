"""What several workers tell one another, without the others: `tests/faults` starts real ones."""

import concurrent.futures
import threading

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


class Threads(Workers):
    """Workers of one process, each in a thread of its own; the sum is made when all have come."""

    def __init__(self, index, meeting):
        super().__init__(index, ["one.example:5001", "two.example:5001"])
        self._barrier, self._numbers = meeting

    def total(self, number):
        self._numbers[self.index] = number
        self._barrier.wait()
        found = sum(self._numbers)
        self._barrier.wait()  # nobody brings the next number before all have read
        return found


def each_asks(*asks):
    """What two workers that ask at once are answered: the error that each met, or None."""
    meeting = threading.Barrier(2, timeout=20), [0, 0]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(ask, Threads(index, meeting)) for index, ask in enumerate(asks)]
        return [answer.exception() for answer in answers]


def test_all_must_have_the_chiefs_data():
    same, other = {"seed": "0", "data": "1a2b"}, {"seed": "0", "data": "3c4d"}
    assert each_asks(*[lambda worker: worker.agree_on(same, "data")] * 2) == [None, None]
    chief, second = each_asks(
        lambda worker: worker.agree_on(same, "data"), lambda worker: worker.agree_on(other, "data")
    )
    for error, said in (
        (chief, "Worker 0 has data 1a2b, seed 0"),
        (second, "Worker 1 has data 3c4d, seed 0"),
    ):
        assert isinstance(error, RunError) and f"same data, and do not. {said}; each" in str(error)


def test_a_fault_of_one_ends_both():
    fine = lambda worker: worker.refuse_any(None)  # noqa: E731
    assert each_asks(fine, fine) == [None, None]
    chief, second = each_asks(fine, lambda worker: worker.refuse_any("No room on this disk."))
    assert str(second) == "No room on this disk." and "One of them is not, and says why." in str(chief)


def test_one_alone_agrees_with_itself():
    alone = workers_of(tf.distribute.get_strategy())
    assert type(alone) is Workers and alone.is_chief and alone.count == 1
    alone.agree_on({"seed": "0"}, "data")
    assert alone.any_before(True) and not alone.any_before(False)
    assert alone.any(True) and not alone.any(False) and alone.from_chief(7) == 7
    with pytest.raises(tf.errors.UnavailableError), alone.explaining():
        raise tf.errors.UnavailableError(None, None, "Socket closed")
