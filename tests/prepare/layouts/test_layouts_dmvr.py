"""Shards as DMVR writes them, by TensorFlow's own hand: described, examined and read as batches."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests import records_fixture
from vatt import cli, spec
from vatt.data import parse, records, set_description
from vatt.data.datasets.prepared import PreparedClips

CLIP = spec.ClipSpec(frames=4, frame_rate_hz=10.0, frame_size=16, sample_rate_hz=2_000, words=4)
DEFAULT_KEYS = {"sound": "WAVEFORM/feature/floats", "label": "clip/label/index", "text": "clip/label/text"}
RELEASE_KEYS = {"sound": "waveform/floats", "label": "label/index", "text": "label/text"}


def clip(number, keys=DEFAULT_KEYS, *, sound=None, label=None):
    """A SequenceExample of 8 frames and 0.8 s at 2 kHz, without rates, times and names."""
    if sound is None:
        sound = 0.5 * np.sin(np.arange(1_600) * (0.1 + 0.01 * number))
    label = number % 2 if label is None else label
    return records_fixture.sequence_example(
        {
            "caption/string": [f"disc {'spins' if number else 'slides'}"],
            keys["label"]: [label],
            keys["text"]: [("disc", "star", "ring")[label]],
        },
        {
            "image/encoded": [[jpeg] for jpeg in records_fixture.jpegs(10 * number, frames=8)],
            keys["sound"]: [np.asarray(sound, np.float32).tolist()],
        },
    )


def still(number):
    """A tf.train.Example of one image."""
    (jpeg,) = records_fixture.jpegs(10 * number, frames=1)
    features = tf.train.Features(
        feature={
            "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[jpeg])),
            "label/index": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 2])),
        }
    )
    return tf.train.Example(features=features).SerializeToString()


def write(directory, shards):
    """`shards`: file name -> its records."""
    directory.mkdir()
    for name, contents in shards.items():
        with tf.io.TFRecordWriter(str(directory / name)) as file:
            for record in contents:
                file.write(record)
    return directory


def prepare(directory, *options, split=("train=train*", "test=test*")):
    splits = [argument for one in split for argument in ("--split", one)]
    rates = ["--frame_rate_hz", "10", "--audio_rate_hz", "2000", "--processes", "1"]
    return cli.main(["prepare", "dmvr", str(directory), *splits, *rates, *map(str, options)])


def read(directory):
    return json.loads((directory / "dataset.json").read_text())


def parsed(directory, split, number):
    """A record as the pipeline sees it."""
    description = set_description.read_description(directory)
    record = records.RecordIndex(description, split).read(tf.constant(number, tf.int64))
    return parse.parse_record(record, frame_rate_hz=10.0, audio_rate_hz=description.audio_rate_hz)


@pytest.fixture
def shards():
    """Names of which `with_suffix` would make one and the same .offsets file."""
    return {
        "train.tfrecord-00000-of-00002": [clip(0), clip(1)],
        "train.tfrecord-00001-of-00002": [clip(2, RELEASE_KEYS), clip(3, RELEASE_KEYS)],
        "test-00000-of-00001": [clip(4), clip(5)],
    }


def test_shards_are_described_where_they_lie_and_read(shards, tmp_path):
    directory = write(tmp_path / "set", shards)
    before = {name: (directory / name).read_bytes() for name in shards}
    assert prepare(directory) == 0
    assert {name: (directory / name).read_bytes() for name in shards} == before
    described = read(directory)
    train = described["splits"]["train"]
    assert [shard["file"] for shard in train["shards"]] == list(shards)[:2]
    assert train["clips"] == 4
    assert train["clips_with"] == {"video": 4, "audio": 4, "captions": 4, "labels": 4}
    assert described["labels"] == ["disc", "star"] and described["short_side_pixels"] == 24
    words = (directory / "vocabulary.txt").read_text().split()
    assert words == ["<pad>", "<unk>", "disc", "spins", "slides"]
    assert cli.main(["doctor", str(directory), "--processes", "1"]) == 0

    dataset = PreparedClips(directory=directory, clip=CLIP, threads=1)
    (batch,) = dataset.eval_batches(batch_size=2)
    np.testing.assert_array_equal(batch[spec.VIDEO_MASK], [1, 1])
    # Eight frames, a clip of four: the middle begins at frame 2, which is grey 5 * 2 + number of the fixture.
    assert np.abs(batch[spec.VIDEO][0, 0].numpy().astype(int) - (10 + 40)).max() <= 2
    np.testing.assert_allclose(batch[spec.AUDIO][0], 0.5 * np.sin(np.arange(400, 1_200) * 0.14), atol=1e-5)
    np.testing.assert_array_equal(batch[spec.TEXT][0, 0], [2, 3, 0, 0])


def test_stills(tmp_path):
    directory = write(tmp_path / "set", {"train": [still(n) for n in range(4)], "test": [still(9), still(8)]})
    assert prepare(directory) == 0
    assert read(directory)["splits"]["train"]["clips_with"]["video"] == 4
    assert read(directory)["labels"] == []  # ids without names
    (jpeg,) = parsed(directory, "test", 0)["jpegs"]
    assert np.abs(tf.io.decode_jpeg(jpeg).numpy().astype(int) - 90).max() <= 2


def test_sound_that_the_known_script_spoilt_is_found_and_mended(shards, tmp_path, capsys):
    sound = 0.4 * np.sin(np.arange(1_600) * 0.05)
    spoilt = np.round(sound * (2**31 - 1)).astype("<i4").view("<f4")
    shards["test-00000-of-00001"] = [clip(4), clip(5, RELEASE_KEYS, sound=spoilt)]
    directory = write(tmp_path / "set", shards)
    assert prepare(directory) == 0
    copy = tmp_path / "copy"
    doctor = ["doctor", str(directory), "--processes", "1", "--json", "--repair", str(copy)]
    capsys.readouterr()
    assert cli.main(doctor) == 1
    assert [finding["check"] for finding in json.loads(capsys.readouterr().out)["findings"]] == ["audio-cast"]
    assert cli.main(["doctor", str(copy), "--processes", "1"]) == 0
    np.testing.assert_allclose(parsed(copy, "test", 1)["floats"], sound, atol=2.1e-3)


def test_a_label_list_must_hold_every_id(shards, tmp_path, capsys):
    directory = write(tmp_path / "set", shards)
    names = tmp_path / "labels.txt"
    names.write_text("disc\n")
    assert prepare(directory, "--labels", names) == 2
    assert "id 1 in the records, 1 lines" in capsys.readouterr().err
    assert not (directory / "dataset.json").exists()
    names.write_text("disc\nstar\nring\n")
    assert prepare(directory, "--labels", names) == 0
    assert read(directory)["labels"] == ["disc", "star", "ring"]
    (directory / "dataset.json").unlink()
    names.write_text("disc\nsta\u2028r\nri\x85ng\n", encoding="utf-8")  # characters of a line, not its end
    assert prepare(directory, "--labels", names) == 0
    assert len(read(directory)["labels"]) == 3


def test_what_can_not_be_described(shards, tmp_path, capsys):
    directory = write(tmp_path / "set", shards)
    assert prepare(directory, split=["train=trian*"]) == 2
    assert "holds test-00000-of-00001" in capsys.readouterr().err
    assert prepare(directory, split=["train=t*", "test=test*"]) == 2
    assert "test-00000-of-00001 in train and test" in capsys.readouterr().err
    assert prepare(directory, split=["train"]) == 2
    assert "NAME=GLOB" in capsys.readouterr().err

    shard = directory / "train.tfrecord-00001-of-00002"
    content = shard.read_bytes()
    shard.write_bytes(content[:-5])
    assert prepare(directory) == 2
    assert "the file ends within" in capsys.readouterr().err
    shard.unlink()
    assert prepare(directory) == 2
    assert "1 of 2, the first missing: train.tfrecord-00001-of-00002" in capsys.readouterr().err
    shard.write_bytes(content)
    assert prepare(directory) == 0
    assert prepare(directory) == 2
    assert "described already" in capsys.readouterr().err
