"""Damage inside records that read well: images that can not be decoded, bytes that are no record."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests import records_fixture
from vatt import resident_memory, spec
from vatt.data import batch_check, video
from vatt.data.datasets import prepared

CLIP = spec.ClipSpec(
    frames=2, frame_size=8, sample_rate_hz=1000, words=4, candidates=1, modalities=("video",)
)
FRAMES = 2
GREY = 30  # between two records: JPEG moves a grey by less


def bomb():
    """Some hundred bytes whose header claims 8000 × 8000 pixels."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG")
    content = stream.getvalue()
    header = content.index(b"\xff\xc0") + 5
    return content[:header] + struct.pack(">HH", 8000, 8000) + content[header + 4 :]


def damaged_pictures():
    good = records_fixture.jpegs(GREY, frames=FRAMES)
    return {
        "empty": [good[0], b""],
        "no JPEG": [b"GIF89a" + bytes(50), good[1]],
        "cut off": [good[0][: len(good[0]) // 2], good[1]],
        "bomb": [bomb(), bomb()],
        "bomb behind": [good[0], bomb()],
        "of two sizes": [good[0], records_fixture.jpegs(GREY, frames=1, height=16)[0]],
    }


def write(directory, damaged):
    """Each damaged record between good ones: clips of greys 0, 30, 60 … of which every second is damaged."""
    records = []
    for content in damaged:
        number = GREY * len(records)
        pictures = records_fixture.jpegs(number, frames=FRAMES)
        records += [records_fixture.record(number, pictures=pictures, frames=FRAMES), content]
    records.append(records_fixture.record(0, pictures=records_fixture.jpegs(0, frames=FRAMES), frames=FRAMES))
    return records_fixture.write_set(directory, {"train": records, "test": records}, shards=2)


def test_a_picture_that_can_not_be_decoded_costs_its_clip(tmp_path):
    kinds = damaged_pictures()
    directory = write(tmp_path / "set", [records_fixture.record(pictures=each) for each in kinds.values()])
    dataset = prepared.PreparedClips(directory=directory, clip=CLIP, threads=2, max_corrupt_share=0.5)
    batches = dataset.eval_batches(batch_size=2 * len(kinds) + 1)
    before = resident_memory.peak()
    (batch,) = list(batches.as_numpy_iterator())
    assert resident_memory.peak() - before < 100e6
    np.testing.assert_array_equal(batch[spec.VALID], [1, 0] * len(kinds) + [1])
    good = np.minimum([*np.arange(0, 2 * len(kinds), 2) * GREY, 0], 255)
    expected = np.append(np.stack([good[:-1], good[1:]], axis=1).ravel(), good[-1])
    np.testing.assert_allclose(batch[spec.VIDEO][:, 0, 0, 0, 0], expected, atol=3)
    assert dataset.info.corrupt_records() == len(kinds)
    batch_check.check_values(batch, vocabulary_size=11)


def test_the_report_names_shard_and_byte_and_training_goes_on(tmp_path, capfd):
    directory = write(tmp_path / "set", [b"\xff no message of protobuf \xff"])
    dataset = prepared.PreparedClips(directory=directory, clip=CLIP, threads=2)
    batches = list(dataset.train_batches(batch_size=3, first_step=0, seed=0).take(3).as_numpy_iterator())
    # An epoch is three clips: the damaged one is the next one in each, which is as black as the first.
    for batch in batches:
        assert batch[spec.VIDEO].max() <= 3 + 5 * FRAMES and batch[spec.VIDEO_MASK].all()
    reports = [line for line in capfd.readouterr().err.splitlines() if "Damaged record" in line]
    assert len(reports) == 1 and 'train-00000-of-00002.tfrecord" at byte ' in reports[0]
    assert dataset.info.corrupt_records() == 1


def test_too_many_damaged_pictures_stop(tmp_path):
    records = [records_fixture.record(pictures=[b"", b""]) for _ in range(3)]
    directory = records_fixture.write_set(tmp_path / "set", {"train": records}, shards=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"1\.00%.*1 of 3"):
        prepared.PreparedClips(directory=directory, clip=CLIP).train_batches(
            batch_size=1, first_step=0, seed=0
        )


def test_the_largest_picture_is_larger_than_those_of_data_sets():
    assert 3840 * 2160 < video.MAX_PIXELS < 8000 * 8000 / 3
