"""Prepared sets that lie in an object store."""

import errno
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest

from tests import records_fixture
from tests.data.test_data_records import contents, flip_byte, open_split, read
from tests.trained_run import prepared, write_clips
from vatt.data import record_server, stored_set
from vatt.files import places
from vatt.files.mirror import Mirror


@pytest.fixture
def put(bucket, tmp_path):
    """put(directory) -> its address, with all that is in it."""
    yield lambda directory: (Mirror(f"{bucket}/sets/one", directory).push(), f"{bucket}/sets/one")[1]
    stored_set.fetcher.cache_clear()


def test_records_come_in_any_order(tmp_path, put):
    written = contents(23)
    index = open_split(put(records_fixture.write_set(tmp_path / "set", {"train": written}, shards=4)))
    asked = [22, 0, 7, 7, 6, 12, 5]
    found, intact = read(index, asked)
    assert len(index) == 23 and intact.all()
    assert found == [written[number] for number in asked]


def test_batches_are_those_of_the_folder(tmp_path, put):
    directory = write_clips(tmp_path / "set")
    options = {"batch_size": 4, "first_step": 3, "seed": 1}
    here, there = (prepared(place).train_batches(**options) for place in (directory, put(directory)))
    for _, one, other in zip(range(3), here, there):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert prepared(directory).info.fingerprint == prepared(put(directory)).info.fingerprint


def test_a_damaged_record_is_replaced_and_counted(tmp_path, put):
    written = contents(8)
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=1)
    starts = np.fromfile(directory / "train-00000-of-00001.offsets", "<i8")
    flip_byte(directory / "train-00000-of-00001.tfrecord", int(starts[3]) + 14)  # its content
    flip_byte(directory / "train-00000-of-00001.tfrecord", int(starts[5]) + 2)  # its length
    index = open_split(put(directory), max_corrupt_share=0.3)
    found, intact = read(index, range(8))
    assert found == [written[number] for number in (0, 1, 2, 4, 4, 6, 6, 7)]
    assert list(np.flatnonzero(~intact)) == [3, 5] and index.corrupt == 2


def test_shards_are_as_stated_or_refused(tmp_path, put):
    address = put(records_fixture.write_set(tmp_path / "set", {"train": contents(8)}, shards=1))
    store = places.open_store(address)
    offsets = store.read("train-00000-of-00001.offsets")
    store.write("train-00000-of-00001.offsets", offsets[:-8])
    with pytest.raises(ValueError, match="must have its .offsets file"):
        open_split(address)
    store.write("train-00000-of-00001.offsets", offsets)
    store.write("train-00000-of-00001.tfrecord", b"short")
    with pytest.raises(ValueError, match="5 bytes long"):
        open_split(address)
    store.delete(["dataset.json"])
    with pytest.raises(ValueError, match=f"There is none in {address}"):
        open_split(address)


def test_an_outage_is_waited_for_and_no_damage(tmp_path, put, bad_network):
    written = contents(12)
    address = put(records_fixture.write_set(tmp_path / "set", {"train": written}, shards=2))
    network = bad_network()
    index = open_split(address)
    network.faults += ["refuse", "cut", "slow"] * 6
    found, intact = read(index, range(12))
    assert found == written and intact.all() and not index.corrupt


def test_the_process_that_fetches_is_started_again(tmp_path, put):
    written = contents(12)
    index = open_split(put(records_fixture.write_set(tmp_path / "set", {"train": written}, shards=2)))
    assert read(index, range(6))[0] == written[:6]
    process = index._fetcher._process
    os.kill(process.pid, signal.SIGKILL)
    found, intact = read(index, range(12))
    assert found == written and intact.all()
    deadline = time.monotonic() + 20
    while index._fetcher._process is process and time.monotonic() < deadline:
        time.sleep(0.05)
    assert index._fetcher._process.poll() is None


def test_others_of_this_machine_can_not_ask_it(tmp_path, put):
    import grpc

    index = open_split(put(records_fixture.write_set(tmp_path / "set", {"train": contents(3)}, shards=1)))
    request = record_server._message("Request")()
    request.tensors.add(dtype=7, strings=[b"guessed\ntrain-00000-of-00001.tfrecord\n0\n36"])
    with grpc.insecure_channel(f"127.0.0.1:{index._fetcher._port}") as channel:
        ask = channel.unary_unary(record_server.METHOD)
        with pytest.raises(grpc.RpcError) as error:
            ask(request.SerializeToString())
    assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_feeds_refuse_it(tmp_path, put):
    index = open_split(put(records_fixture.write_set(tmp_path / "set", {"train": contents(3)}, shards=1)))
    with pytest.raises(ValueError, match="must see the records in a folder"):
        index.make_portable()


def test_a_record_that_is_asked_for_while_the_process_dies_is_asked_for_again(tmp_path, put, bad_network):
    written = contents(6)
    address = put(records_fixture.write_set(tmp_path / "set", {"train": written}, shards=2))
    network = bad_network(slow_seconds=15.0)
    index = open_split(address)
    before, process = network.connections, index._fetcher._process
    network.faults += ["slow"] * 3

    def kill():
        while network.connections == before:
            time.sleep(0.01)
        network.faults.clear()
        process.kill()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found, intact = read(index, range(6))
    killer.join(timeout=10.0)
    assert process.poll() == -signal.SIGKILL
    assert found == written and intact.all() and not index.corrupt


def test_a_process_whose_port_is_taken_meanwhile_is_started_until_it_is_free(tmp_path, put, capfd):
    written = contents(4)
    index = open_split(put(records_fixture.write_set(tmp_path / "set", {"train": written}, shards=1)))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        index._fetcher._process.kill()
        index._fetcher._process.wait()
        other.bind(("127.0.0.1", index._fetcher._port))
        other.listen()
        deadline, said = time.monotonic() + 60.0, ""
        while "warning: A process of its own" not in said and time.monotonic() < deadline:
            time.sleep(0.1)
            said += capfd.readouterr().err
        assert "ended with status 1. Mend what it says above. It is started again." in said
    found, intact = read(index, range(4))
    assert found == written and intact.all()


def test_a_process_that_can_not_start_is_an_error_and_not_waited_for(tmp_path):
    with pytest.raises(ValueError, match=f"Received: {tmp_path}, whose process ended with status 1"):
        stored_set.RecordFetcher(str(tmp_path), "vatt.prepare.made_records")


class _Given(record_server.Records):
    def framed(self, shard, start, size):
        return shard.encode()[start : start + size]


def test_a_full_disk_is_waited_for_and_no_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(record_server, "_PAUSE_SECONDS", 0.01)
    really, full = record_server.whole_file, [OSError(errno.ENOSPC, "No space left on device")] * 3

    def whole_file(*arguments, **options):
        if full:
            raise full.pop()
        return really(*arguments, **options)

    monkeypatch.setattr(record_server, "whole_file", whole_file)
    records = _Given({"folder": tmp_path, "token": ""})
    assert records._fetched("content", 1, 3).read_bytes() == b"ont" and not full
