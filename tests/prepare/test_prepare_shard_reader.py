import pytest
import tensorflow as tf

from vatt.prepare import tfrecord, writer
from vatt.prepare.shard_reader import read_record, read_shard, stated_offsets

CONTENTS = [bytes([number]) * (10 + 7 * number) for number in range(5)]


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "x.tfrecord"
    writer.write_shard(path, map(tfrecord.frame, CONTENTS))
    return path


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_reads_what_tensorflow_wrote(tmp_path):
    path = tmp_path / "x"
    with tf.io.TFRecordWriter(str(path)) as file:
        for content in CONTENTS:
            file.write(content)
    assert [stored.content for stored in read_shard(path)] == CONTENTS
    assert stated_offsets(path) is None


def test_a_record_at_its_offset(shard):
    offsets = stated_offsets(shard)
    assert [stored.offset for stored in read_shard(shard)] == offsets.tolist()
    assert read_record(shard, int(offsets[3])).content == CONTENTS[3]


def test_damaged_content_costs_one_record(shard):
    flip(shard, int(stated_offsets(shard)[2]) + 13)
    read = list(read_shard(shard))
    assert [stored.content for stored in read] == [*CONTENTS[:2], None, *CONTENTS[3:]]
    assert read[2].damage == "the checksum of its content is wrong"


@pytest.mark.parametrize("byte", [0, 9])
def test_after_a_damaged_length_the_offsets_lead_on(shard, byte):
    offsets = stated_offsets(shard)
    flip(shard, int(offsets[2]) + byte)
    assert [s.content for s in read_shard(shard, offsets)] == [*CONTENTS[:2], None, *CONTENTS[3:]]
    *readable, lost = read_shard(shard)
    assert [s.content for s in readable] == CONTENTS[:2]
    size = shard.stat().st_size - offsets[2]
    assert lost.damage.endswith(f"where the next record starts is unknown: {size} bytes lost")


def test_a_shard_that_was_cut(shard):
    shard.write_bytes(shard.read_bytes()[:-1])
    *readable, last = read_shard(shard)
    assert [s.content for s in readable] == CONTENTS[:-1]
    assert "the file ends within its 38 bytes" in last.damage


def test_a_compressed_shard_is_recognised(tmp_path):
    path = tmp_path / "x.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as file:
        file.write(CONTENTS[0])
    (stored,) = read_shard(path)
    assert "compressed: unpack it first" in stored.damage
