"""One writer at a time below an address of an object store: a lock that its owner keeps alive.

The lock is an object that is made only where there is none, and replaced only where it is still the one that
was read. Its owner replaces it every few seconds. Who finds it unchanged for a lease's time takes it over;
no clocks of two machines are compared. Who finds that its own lock was replaced has lost it, and must not
write any more: it may have been frozen, or cut off, for longer than the lease.
"""

import contextlib
import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator

from vatt.files.json_file import parse_json
from vatt.files.places import ChangedError, Store, StoreError

NAME = ".lock"
_LEASE_SECONDS = 60.0
_BEATS_PER_LEASE = 4
_LOOK_SECONDS = 1.0


class LockedError(StoreError):
    """Somebody else holds the lock, or has taken it over."""


class Held:
    """A lock that this process holds.

    Args:
        store: where.
        name: of the lock's object.
        tag: of what was written.
    """

    def __init__(self, store: Store, name: str, tag: str):
        self._store, self._name, self._tag = store, name, tag
        self._alone = threading.Lock()

    def check(self) -> None:
        """Renews the lock; for before anything is written that counts.

        Raises:
            LockedError: somebody else has it.
            StoreError: the store does not answer.
        """
        with self._alone:
            try:
                self._tag = _put(self._store, self._name, self._tag)
            except (ChangedError, FileNotFoundError) as error:
                raise LockedError(
                    f"One process at a time may write to {self._store.address}. Another has taken it "
                    f"over, since this one did not renew {self._name} for {_LEASE_SECONDS:.0f} s. Let the "
                    "other one run."
                ) from error

    def keep(self, ended: threading.Event) -> None:
        """Renews the lock until `ended`; an outage is left to `check`."""
        while not ended.wait(_LEASE_SECONDS / _BEATS_PER_LEASE):
            with contextlib.suppress(StoreError):
                self.check()

    def release(self) -> None:
        """Leaves the lock to others, at once; nothing of it where it is lost."""
        with contextlib.suppress(StoreError):
            self.check()
            self._store.delete([self._name])


@contextlib.contextmanager
def alone(store: Store, what: str, name: str = NAME) -> Iterator[Held]:
    """Within the block this process alone writes there.

    Args:
        store: where.
        what: who else may be there, for a message: "a run".
        name: of the lock's object.

    Raises:
        LockedError: another process is at work there.
    """
    held, ended = Held(store, name, _taken(store, name, what)), threading.Event()
    beats = threading.Thread(target=held.keep, args=(ended,), daemon=True)
    beats.start()
    try:
        yield held
    finally:
        ended.set()
        beats.join()
        held.release()


def _taken(store: Store, name: str, what: str) -> str:
    """Takes the lock; returns its tag."""
    tag = _made(store, name, None)
    if tag is not None:
        return tag
    began, seen = time.monotonic(), None
    while True:
        try:
            found, content = store.entry(name), store.read(name)
        except FileNotFoundError:
            found, content = None, b""
        if found is None or found.tag != seen:
            if seen is not None and found is not None:
                break  # its owner is alive
            seen = found and found.tag
        if found is None or _is_dead(content) or time.monotonic() - began > _LEASE_SECONDS:
            tag = _made(store, name, found and found.tag)
            if tag is not None:
                return tag
            break
        time.sleep(_LOOK_SECONDS)
    raise LockedError(
        f"One process at a time may write to {store.address}. {what[:1].upper()}{what[1:]} of another "
        f"process is at work there. Wait for it, stop it, or choose another address."
    )


def _made(store: Store, name: str, tag: str | None) -> str | None:
    try:
        return _put(store, name, tag)
    except (ChangedError, FileNotFoundError):
        return None


def _put(store: Store, name: str, tag: str | None) -> str:
    """Writes the lock where it is still the one of `tag`; returns its new tag."""
    content = _content()
    try:
        return store.write_if(name, content, tag)
    except ChangedError:
        # A request that was repeated because its answer got lost finds its own work done.
        if store.read(name) != content:
            raise
        return store.entry(name).tag


def _content() -> bytes:
    """New each time, so that every renewal has a tag of its own."""
    owner = {
        "host": platform.node(),
        "boot": _boot(),
        "process": os.getpid(),
        "renewal": secrets.token_hex(8),
    }
    return json.dumps(owner).encode()


def _boot() -> str:
    """This start of this machine; "" where the system does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _is_dead(content: bytes) -> bool:
    """Whether the owner was a process of this machine that has ended: then nobody needs to wait."""
    try:
        owner = parse_json(content, NAME)
        if not owner["boot"] or owner["boot"] != _boot() or owner["process"] == os.getpid():
            return False
        os.kill(int(owner["process"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return False
