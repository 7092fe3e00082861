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
    """A worker that ends while it is idle; its number."""
    import threading

    threading.Timer(0.2, os._exit, (3,)).start()
    return os.getpid()


def plod(seconds, signs):
    """Takes `seconds`, and gives that many signs of life on the way."""
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
    """Yields `content` that many times, and writes to a file how many times it did."""
    for number in range(until):
        yield content
        with open(path, "w") as file:
            file.write(str(number))


def try_to(what, place):
    """What a decoder that a file has taken over would try; says how it went."""
    import socket
    import subprocess

    tries = {
        "read": lambda: open("/etc/hostname").close(),
        "write": lambda: open(f"{place}/file", "w").close(),
        "append to": lambda: open(f"{place}/present", "a").close(),
        "make a folder": lambda: os.mkdir(f"{place}/folder"),
        "remove": lambda: os.unlink(f"{place}/present"),
        "rename": lambda: os.rename(f"{place}/present", f"{place}/other"),
        "link": lambda: os.symlink("/etc/passwd", f"{place}/link"),
        "truncate": lambda: os.truncate(f"{place}/present", 0),
        "run": lambda: subprocess.run(["/bin/true"], check=True),
        "connect": lambda: socket.socket().close(),
        "connect locally": lambda: socket.socket(socket.AF_UNIX).close(),
        "signal": lambda: os.kill(os.getppid(), 0),
        "throw away": lambda: open(os.devnull, "w").close(),
        "start a thread": lambda: __import__("threading").Thread(target=int).start(),
    }
    try:
        tries[what]()
        return "done"
    except OSError as error:
        return type(error).__name__


class Call:
    """Runs a command where it is unpickled."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def take_over(path):
    return Call(os.system, (f"touch '{path}'",))
