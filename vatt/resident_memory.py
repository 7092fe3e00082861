"""Main memory of this process, as the kernel counts it.

Not `getrusage`: on Linux its maximum is handed on to a program that a large process starts, so a small child
of a large parent reports the parent's.
"""

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def now() -> int:
    """Resident bytes at present. Linux only."""
    return _field("VmRSS")


def peak() -> int:
    """The most resident bytes so far; where there is no /proc (macOS), what `getrusage` says."""
    if _STATUS.exists():
        return _field("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Let `peak` begin at what is resident at present. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def share_heaps() -> None:
    """Gives this process as many of glibc's heaps as there are processors, unless MALLOC_ARENA_MAX says how
    many. By itself it makes eight times as many, a thread each, and no heap can use what another has freed.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, os.cpu_count() or 1)


def _field(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
