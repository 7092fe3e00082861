"""Main memory of this process, as the kernel counts it.

Not `getrusage`: on Linux its maximum is handed on to a program that a large process starts, so a small child
of a large parent reports the parent's.
"""

import contextlib
import ctypes
import importlib.util
import os
import resource
import sys
from importlib.metadata import entry_points
from pathlib import Path

_STATUS = Path("/proc/self/status")
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # M_… of malloc.h
_NEVER = 2**31 - 1


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


def keep_freed_for_jax() -> None:
    """Has glibc keep what is freed, where JAX will find no device but the CPU. To be called before the first
    thread begins, since threads keep their heaps, and only the first heap grows without bound.

    XLA takes the memory of a step's arrays from the C library and gives it back, step by step. By itself
    glibc returns large pieces to the system, which hands them out again page by page, each zeroed: 70,000
    pages and three tenths of the processor's time of the demo's step.
    """
    accelerators = [*entry_points(group="jax_plugins"), importlib.util.find_spec("libtpu")]
    if "MALLOC_ARENA_MAX" in os.environ or (any(accelerators) and os.environ.get("JAX_PLATFORMS") != "cpu"):
        return
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for setting in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER)):
            mallopt(*setting)


def _field(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
