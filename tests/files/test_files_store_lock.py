"""One writer at a time in a store."""

import os
import subprocess
import sys

import pytest

from vatt.files import places, store_lock

_HOLDER = """\
import sys
from vatt.files import places, store_lock
with store_lock.alone(places.open_store(sys.argv[1]), "a run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(store_lock, "_LEASE_SECONDS", 0.8)
    monkeypatch.setattr(store_lock, "_LOOK_SECONDS", 0.1)


def test_a_second_writer_is_refused_and_a_later_one_is_not(any_store, quick):
    store = places.open_store(any_store)
    for _ in range(2):
        with store_lock.alone(store, "a run") as held:
            second = store_lock.alone(store, "a run")
            with pytest.raises(store_lock.LockedError, match="A run of another process is at work there"):
                second.__enter__()
            held.check()
        assert not store.entries()


def test_a_bucket_that_is_not_there_is_no_other_writer(bucket):
    with pytest.raises(places.StoreError, match="Make the bucket"):
        store_lock.alone(places.open_store("s3://no-such-bucket-here/run"), "a run").__enter__()


def test_the_lock_of_a_killed_process_of_this_machine_is_taken_at_once(bucket):
    """With the real lease, of which a living owner needs no more than a look."""
    command = [sys.executable, "-c", _HOLDER, bucket]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ)
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    with store_lock.alone(places.open_store(bucket), "a run"):
        pass


def test_a_lock_that_nobody_renews_is_taken_over_and_its_owner_stops(any_store, quick, monkeypatch):
    store = places.open_store(any_store)
    monkeypatch.setattr(store_lock, "_BEATS_PER_LEASE", 1e-9)  # an owner that is frozen
    with store_lock.alone(store, "a run") as frozen:
        with store_lock.alone(store, "a run") as second:
            second.check()
            with pytest.raises(store_lock.LockedError, match="Another has taken it over"):
                frozen.check()
        assert not store.entries()
