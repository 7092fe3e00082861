import json
import os
import pathlib
import struct

import numpy as np
import pytest
import tensorflow as tf

from tests import records_fixture
from vatt.data import corrupt_records, records, set_description, shard_offsets
from vatt.prepare import tfrecord


def contents(number):
    return [bytes([row % 251]) * (20 + 7 * row) for row in range(number)]


def open_split(directory, split="train", **options):
    return records.RecordIndex(set_description.read_description(directory), split, **options)


def flip_byte(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


def read(index, numbers):
    """The records, or what replaces them, and whether each is the one asked for; in parallel."""

    def usable(number):
        return corrupt_records.first_usable(
            number,
            size=len(index),
            make=lambda other, is_itself: (index.read(other), is_itself),
            report=index.report,
            refuse=index.refuse,
        )

    asked = tf.data.Dataset.from_tensor_slices(np.asarray(numbers, np.int64))
    rows = list(asked.interleave(usable, 3, num_parallel_calls=3, deterministic=True).as_numpy_iterator())
    return [content for content, _ in rows], np.array([intact for _, intact in rows])


@pytest.mark.parametrize("offsets", [True, False])
def test_reads_any_record_in_any_order(tmp_path, offsets):
    written = contents(23)
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=4, offsets=offsets)
    index = open_split(directory)
    asked = [22, 0, 7, 7, 6, 12, 5]
    found, intact = read(index, asked)
    assert len(index) == 23
    assert found == [written[number] for number in asked]
    assert intact.all()


def test_exactly_the_damaged_record_is_replaced_and_counted_once(tmp_path, capfd):
    written = contents(8)
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=1)
    start = int(shard_offsets.scan_offsets(directory / "train-00000-of-00001.tfrecord")[3])
    flip_byte(directory / "train-00000-of-00001.tfrecord", start + 15)
    index = open_split(directory, max_corrupt_share=0.2)
    for _ in range(2):
        found, intact = read(index, range(8))
        assert found == written[:3] + [written[4]] + written[4:]
        np.testing.assert_array_equal(intact, np.arange(8) != 3)
    assert index.corrupt == 1
    reports = [line for line in capfd.readouterr().err.splitlines() if "Damaged record" in line]
    assert len(reports) == 1
    assert "train-00000-of-00001.tfrecord" in reports[0] and reports[0].endswith(f"at byte {start}")


@pytest.mark.parametrize("where", ["length", "length checksum", "content checksum", "offsets file"])
def test_every_kind_of_damage_is_found(tmp_path, where):
    written = contents(6)
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=1)
    shard = directory / "train-00000-of-00001.tfrecord"
    starts = shard_offsets.scan_offsets(shard).astype(int)
    if where == "offsets file":
        flip_byte(shard.with_suffix(".offsets"), 8 * 2)
    else:
        flip_byte(
            shard,
            {"length": starts[2], "length checksum": starts[2] + 9, "content checksum": starts[3] - 1}[where],
        )
    found, intact = read(open_split(directory, max_corrupt_share=0.5), [2])
    assert found == [written[3]]
    assert not intact[0]


def test_too_much_damage_stops(tmp_path):
    directory = records_fixture.write_set(tmp_path / "set", {"train": contents(50)}, shards=1)
    shard = directory / "train-00000-of-00001.tfrecord"
    for start in shard_offsets.scan_offsets(shard)[[4, 9]]:
        flip_byte(shard, int(start) + 14)
    index = open_split(directory, max_corrupt_share=0.02)
    read(index, [4])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)2\.00%.*1 of 50.*train-00000-of-00001"):
        read(index, [9])


def test_a_set_without_one_readable_record_stops(tmp_path):
    directory = records_fixture.write_set(tmp_path / "set", {"train": contents(2)}, shards=1)
    shard = directory / "train-00000-of-00001.tfrecord"
    for start in shard_offsets.scan_offsets(shard):
        flip_byte(shard, int(start) + 14)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Some record must be readable"):
        read(open_split(directory, max_corrupt_share=1.0), [0])


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_a_missing_or_short_shard_is_named_at_once(tmp_path, damage):
    directory = records_fixture.write_set(tmp_path / "set", {"train": contents(9)}, shards=3)
    shard = directory / "train-00001-of-00003.tfrecord"
    if damage == "missing":
        shard.unlink()
    else:
        os.truncate(shard, shard.stat().st_size - 1)
    with pytest.raises(ValueError, match="train-00001-of-00003.tfrecord"):
        open_split(directory)


def test_a_shard_that_vanishes_during_a_run_stops_it(tmp_path):
    directory = records_fixture.write_set(tmp_path / "set", {"train": contents(9)}, shards=3)
    index = open_split(directory)
    (directory / "train-00001-of-00003.tfrecord").unlink()
    assert read(index, [0])[1].all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="train-00001-of-00003.tfrecord"):
        read(index, [4])


def test_unfinished_and_foreign_sets_are_refused(tmp_path):
    with pytest.raises(ValueError, match="dataset.json"):
        set_description.read_description(tmp_path)
    directory = records_fixture.write_set(tmp_path / "set", {"train": contents(3), "empty": []}, shards=1)
    with pytest.raises(ValueError, match="'tset'.*empty, train"):
        open_split(directory, "tset")
    with pytest.raises(ValueError, match="at least one clip"):
        open_split(directory, "empty")
    path = directory / "dataset.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"schema_version": 99}))
    with pytest.raises(ValueError, match="99"):
        set_description.read_description(directory)
    path.write_text("{")
    with pytest.raises(ValueError, match="must be JSON"):
        set_description.read_description(directory)


def test_files_are_closed_again(tmp_path):
    written = contents(40)
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=20)
    index = open_split(directory)
    found, _ = read(index, np.tile(np.arange(40), 5))
    assert found == written * 5
    if pathlib.Path("/proc/self/fd").is_dir():
        targets = [os.readlink(link) for link in pathlib.Path("/proc/self/fd").iterdir() if link.is_symlink()]
        assert not [target for target in targets if str(directory) in target]


@pytest.mark.parametrize("length", [2**40, 2**63, 2**64 - 16, 2**64 - 1, 4096])
def test_a_length_beyond_the_shard_is_damage_though_its_checksum_is_right(tmp_path, length):
    """TensorFlow's reader would end the process for want of memory."""
    written = contents(6)
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=1)
    shard = directory / "train-00000-of-00001.tfrecord"
    start = int(shard_offsets.scan_offsets(shard)[2])
    stated = struct.pack("<Q", length)
    with open(shard, "r+b") as file:
        file.seek(start)
        file.write(stated + struct.pack("<I", tfrecord.masked_crc(stated)))
    index = open_split(directory, max_corrupt_share=0.5)
    found, intact = read(index, range(6))
    assert found == written[:2] + [written[3]] + written[3:]
    np.testing.assert_array_equal(intact, np.arange(6) != 2)
    assert index.corrupt == 1


@pytest.mark.parametrize("offset", [-1, -(2**63), 2**62, 2**63 - 1, 10_000_000])
def test_an_offset_outside_the_shard_costs_its_record(tmp_path, offset):
    written = contents(6)
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=1)
    path = directory / "train-00000-of-00001.offsets"
    starts = np.fromfile(path, "<i8")
    starts[4] = offset
    starts.tofile(path)
    found, intact = read(open_split(directory, max_corrupt_share=0.5), range(6))
    assert found == [*written[:4], written[5], written[5]] and intact.sum() == 5


def test_a_shard_of_empty_records_is_not_scanned_to_its_end(tmp_path):
    directory = records_fixture.write_set(tmp_path / "set", {"train": contents(3)}, shards=1, offsets=False)
    shard = directory / "train-00000-of-00001.tfrecord"
    os.truncate(shard, 1 << 40)  # zeros are records of no content, 16 bytes each
    described = json.loads((directory / "dataset.json").read_text())
    described["splits"]["train"]["shards"][0]["bytes"] = 1 << 40
    (directory / "dataset.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match="4 or more, expected 3"):
        open_split(directory)
