"""Functions that the pool's tests run in worker processes."""

import os
import signal
import sys
import time

from vatt.prepare import pool


def square(number):
    print("noise on standard output")
    return number * number


def misbehave(how):
    if how == "raise":
        raise ValueError("told to")
    if how == "bug":
        raise KeyError("a defect")
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hang":
        time.sleep(60)
    if how == "devour":
        return len(bytearray(1 << 30))
    return os.getpid()


def die_later():
    """A worker that ends while it is idle."""
    import threading

    threading.Timer(0.2, os._exit, (3,)).start()


def plod(seconds, signs):
    """Takes `seconds`, and gives so many signs of life on the way."""
    for _ in range(signs):
        time.sleep(seconds / signs)
        pool.heartbeat()
    return "arrived"


def loaded(name):
    return name in sys.modules


def count(until, end):
    """A generator of many items, of which the last may be a crash or an error."""
    yield from range(until)
    if end is not None:
        misbehave(end)


def count_and_tell(until, path, content):
    """Yields `content` so many times, and writes to a file how many times it did."""
    for number in range(until):
        yield content
        with open(path, "w") as file:
            file.write(str(number))
