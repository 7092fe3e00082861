"""Takes from a worker process what decoding does not need, where Linux offers it; no privileges are needed.

Landlock (Linux 5.13) leaves it no place to write to but those that are named, and no program to start; later
versions also no signal and no abstract socket to anybody outside. A seccomp filter leaves it no socket, no
`io_uring`, no `execve`, no look into other processes. Both hold for all that the process ever starts, and
nothing takes them back. Reading stays as it was: media may be anywhere.

What `open` has opened before stays open, so pipes to the parent work. On another system there are the limits
of memory and time alone.
"""

import ctypes
import functools
import os
import platform
import struct
import sys
from collections.abc import Iterable

_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH, _ONLY_VERSION = 1, 1

# Bits of Landlock's rights. Reading (2 and 3) is not restricted.
_EXECUTE, _WRITE_FILE, _REFER, _TRUNCATE, _IOCTL = 1 << 0, 1 << 1, 1 << 13, 1 << 14, 1 << 15
_MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
_MAKE_FILES = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8  # remove folder and file, make folder and regular file

# System calls that are refused: name -> number on (x86_64, aarch64).
_REFUSED = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_…
_OTHER_TABLE = 0x40000000  # x32's numbers start here
_LOAD, _JUMP_EQUAL, _JUMP_FROM, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _MACHINE_AT = 0, 4  # in struct seccomp_data
_ALLOW, _KILL_PROCESS, _EPERM = 0x7FFF0000, 0x80000000, 0x00050000 | 1


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


@functools.cache
def landlock_version() -> int:
    """0 where there is none."""
    if not sys.platform.startswith("linux") or platform.machine() not in _MACHINES:
        return 0
    return max(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ONLY_VERSION), 0)


def has_filters() -> bool:
    """Whether system calls can be refused."""
    return platform.machine() in _MACHINES and os.path.exists("/proc/sys/kernel/seccomp/actions_avail")


def describe() -> str:
    """What workers of this system are kept from, as a part of a sentence."""
    kept = ["no network, no other programs"] if has_filters() else []
    kept += ["writing to its spool only"] if landlock_version() else []
    if not kept:
        return "not sandboxed (limits of memory and time only: this system has neither Landlock nor seccomp)"
    return f"sandboxed ({', '.join(kept)})"


def confine(writable: Iterable[str]) -> None:
    """Confines this process, which should have one thread yet, to writing in some folders; OSError: the
    system has these means and refused them.
    """
    if not (landlock_version() or has_filters()):
        return
    _checked(_libc().prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    if landlock_version():
        _restrict_files(landlock_version(), writable)
    if has_filters():
        _refuse_calls()


def _restrict_files(version: int, writable: Iterable[str]) -> None:
    rights = _EXECUTE | _WRITE_FILE | _MAKE_AND_REMOVE
    rights |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rights |= _IOCTL if version >= 5 else 0
    # Files, TCP (left to the filter), scopes: no abstract sockets (1) and no signals (2) to others.
    attributes = struct.pack("<QQQ", rights, 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _checked(
        _libc().syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0), "landlock_create_ruleset"
    )
    try:
        for path, wanted in [
            *((path, _WRITE_FILE | _MAKE_FILES | _REFER | _TRUNCATE) for path in writable),
            (os.devnull, _WRITE_FILE),
        ]:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = struct.pack("<Qi", wanted & rights, place)
                _checked(_libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0), "landlock_add_rule")
            finally:
                os.close(place)
        _checked(_libc().syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _refuse_calls() -> None:
    column, machine = _MACHINES[platform.machine()]
    numbers = [each[column] for each in _REFUSED.values()]
    code = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_JUMP_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_FROM, len(numbers) + 1, 0, _OTHER_TABLE),
        *((_JUMP_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _EPERM),
    ]
    packed = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *each) for each in code))
    program = _Filter(len(code), ctypes.cast(packed, ctypes.c_void_p))
    _checked(_libc().prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0), "prctl")


@functools.cache
def _libc():
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")
    return result
