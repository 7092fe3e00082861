"""Functions that the pool's tests run in worker processes."""

import os
import signal
import sys
import time


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
    if how == "hang":
        time.sleep(60)
    return os.getpid()


def loaded(name):
    return name in sys.modules
