"""Work in a thread while steps are taken: one piece at a time, no error lost, nothing left undone."""

import threading

import pytest

from vatt.train.background import Background


def test_a_piece_of_work_waits_for_the_one_before():
    background, may_end, order = Background(), threading.Event(), []

    def first():
        may_end.wait(10)
        order.append(1)

    background.start(first)
    background.check()  # does not wait
    assert not order
    threading.Timer(0.05, may_end.set).start()
    background.start(lambda: order.append(2))
    assert order[:1] == [1]
    background.wait()
    assert order == [1, 2]


@pytest.mark.parametrize("learn", ["check", "wait", "start"])
def test_an_error_is_raised_once_by_whoever_learns_of_it(learn):
    background, ended = Background(), threading.Event()

    def fail():
        ended.set()
        raise OSError("full")

    background.start(fail)
    ended.wait(10)
    while not background._running.done():
        pass
    with pytest.raises(OSError, match="full"):
        getattr(background, learn)(*([lambda: None] if learn == "start" else []))
    background.check()
    background.wait()
