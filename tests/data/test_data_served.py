"""Batches made by other processes: the same to the bit, from any step, on any number; a loss is reported."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import records_fixture
from vatt.data.augmentation import Augmentation
from vatt.data.datasets.mixture import MixedClips
from vatt.data.datasets.prepared import PreparedClips
from vatt.data.datasets.served import ServedClips
from vatt.spec import ClipSpec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CLIP = ClipSpec(frames=4, frame_size=16, sample_rate_hz=1000, words=4, candidates=2)


def free_port():
    """Of two. Not one that the system gives to anyone who connects: a trainer that keeps asking for a machine
    that is gone would in the end get that very port, and talk to itself."""
    for port in random.Random().sample(range(20_000, 30_000), 100):
        try:
            with socket.create_server(("localhost", port)), socket.create_server(("localhost", port + 1)):
                return port
        except OSError:
            continue
    raise AssertionError("No port is free.")


def start_feed(port=None):
    """A process of `vatt feed` and its address."""
    port = free_port() if port is None else port
    call = [sys.executable, "-m", "vatt", "feed", f"--port={port}", "--host=localhost"]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    told = process.stdout.readline()  # nothing but this line, and none if it ends
    assert "Feeding trainers" in told
    return process, f"localhost:{port}"


@pytest.fixture(scope="module")
def feeds():
    """Two machines, as far as a trainer can tell."""
    started = [start_feed() for _ in range(2)]
    yield [address for _, address in started]
    for process, _ in started:
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Twelve records, of which number 5 is damaged."""
    records = [records_fixture.record(number) for number in range(12)]
    directory = records_fixture.write_set(tmp_path_factory.mktemp("set"), {"train": records, "test": records})
    path = directory / "train-00000-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    return directory


def taken(dataset, steps, **options):
    batches = dataset.train_batches(batch_size=4, seed=1, **{"first_step": 0, **options})
    return list(batches.take(steps).as_numpy_iterator())


def assert_equal(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other):
        assert left.keys() == right.keys()
        for name, value in left.items():
            np.testing.assert_array_equal(value, right[name], err_msg=name)


@pytest.mark.parametrize(("machines", "first_step"), [(1, 0), (2, 7)])
def test_batches_are_those_of_the_local_pipeline(directory, feeds, machines, first_step):
    local = PreparedClips(directory=directory, clip=CLIP)
    served = ServedClips(dataset=PreparedClips(directory=directory, clip=CLIP), addresses=feeds[:machines])
    assert_equal(taken(local, 6, first_step=first_step), taken(served, 6, first_step=first_step))
    assert local.info.corrupt_records() == 1  # so that one of these batches has a stand-in
    assert served.info.name == local.info.name and served.info.fingerprint == local.info.fingerprint


def test_mixup_is_of_the_whole_batch(tmp_path, feeds):
    records = [records_fixture.record(number, labels={number % 2}) for number in range(8)]
    directory = records_fixture.write_set(tmp_path / "set", {"train": records, "test": records}, labels="ab")

    def sounds(**options):
        clip = ClipSpec(sample_rate_hz=1000, audio_seconds=0.2, modalities=("audio",))
        return PreparedClips(directory=directory, clip=clip, labels=True, **options)

    mixed = taken(sounds(augmentation=Augmentation(mixup_alpha=5)), 3)
    assert_equal(
        mixed,
        taken(ServedClips(dataset=sounds(augmentation=Augmentation(mixup_alpha=5)), addresses=feeds), 3),
    )
    assert any((one["audio"] != other["audio"]).any() for one, other in zip(mixed, taken(sounds(), 3)))


def test_a_host_gets_its_rows_and_a_mixture_is_served_as_well(directory, feeds):
    def mixed():
        sets = [PreparedClips(directory=directory, clip=CLIP, name=name) for name in ("a", "b")]
        return MixedClips(datasets=sets, weights=(3, 1))

    served = ServedClips(dataset=mixed(), addresses=feeds[:1], compress=False)
    second = taken(served, 3, shard_index=1, shard_count=2)
    assert_equal(taken(mixed(), 3, shard_index=1, shard_count=2), second)
    np.testing.assert_array_equal([batch["example_index"] for batch in second], [[2, 3], [6, 7], [10, 11]])


def test_too_much_damage_is_told_by_the_trainer(directory, feeds):
    strict = PreparedClips(directory=directory, clip=CLIP, max_corrupt_share=0.0)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="Some record must be readable, and at most 0.00%"
    ):
        taken(ServedClips(dataset=strict, addresses=feeds[:1]), 6)


def test_what_can_not_be_served_is_refused(directory, feeds):
    local = PreparedClips(directory=directory, clip=CLIP)
    with pytest.raises(ValueError, match="must be different machines"):
        ServedClips(dataset=local, addresses=[])
    with pytest.raises(ValueError, match="no answer from localhost:9"):
        ServedClips(dataset=local, addresses=[feeds[0], "localhost:9"], patience_seconds=1.0)
    with pytest.raises(ValueError, match="batch_size=3, 2 addresses"):
        ServedClips(dataset=local, addresses=feeds).train_batches(batch_size=3, first_step=0, seed=0)


def test_a_machine_that_freezes_is_waited_for_and_one_that_is_new_is_told(directory):
    process, address = start_feed()
    local = PreparedClips(directory=directory, clip=CLIP)
    served = ServedClips(dataset=PreparedClips(directory=directory, clip=CLIP), addresses=[address])
    batches = iter(served.train_batches(batch_size=4, first_step=0, seed=1))
    found = [next(batches)]
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(2.0)
    os.kill(process.pid, signal.SIGCONT)
    found += [next(batches) for _ in range(9)]
    assert_equal(taken(local, 10), [{name: part.numpy() for name, part in batch.items()} for batch in found])

    process.kill()
    process.wait()
    process, _ = start_feed(port=int(address.rpartition(":")[2]))
    try:
        expected = taken(local, 40)
        with pytest.raises(tf.errors.OpError):  # what was ready may still come, and nothing that is wrong
            for right in expected[10:]:
                assert_equal([right], [{name: part.numpy() for name, part in next(batches).items()}])
    finally:
        process.kill()
