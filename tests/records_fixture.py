"""Small prepared sets for tests, written with TensorFlow's own protos: what preparation promises, made by
another hand."""

import hashlib
import json
import pathlib

import numpy as np
import tensorflow as tf

from vatt.data import shard_offsets

VOCABULARY = ("<pad>", "<unk>", "the", "a", "red", "blue", "disc", "star", "spins", "slides", "bell")


def _feature(values):
    values = list(values)
    if not values:
        return tf.train.Feature()
    if values and isinstance(values[0], (bytes, str)):
        content = [value.encode() if isinstance(value, str) else value for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=content))
    if values and isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def sequence_example(context, lists=None) -> bytes:
    """A serialised SequenceExample; `context` name -> list, `lists` name -> list of lists."""
    return tf.train.SequenceExample(
        context=tf.train.Features(feature={name: _feature(values) for name, values in context.items()}),
        feature_lists=tf.train.FeatureLists(
            feature_list={
                name: tf.train.FeatureList(feature=[_feature(values) for values in rows])
                for name, rows in (lists or {}).items()
            }
        ),
    ).SerializeToString()


def jpegs(number, *, frames, height=24, width=32):
    """Frames of one grey, 5 * frame + number, so that a decoded frame tells which it was."""
    grey = [np.full((height, width, 3), min(5 * frame + number, 255), np.uint8) for frame in range(frames)]
    return [tf.io.encode_jpeg(frame, quality=95).numpy() for frame in grey]


def record(
    number=0,
    *,
    frames=40,
    frame_rate_hz=10.0,
    sample_rate_hz=16_000,
    channels=1,
    captions=(("the red disc spins", 0.0, 1.0), ("a blue star slides", 2.0, 3.0)),
    group="red-disc",
    pcm=None,
    audio=True,
    pictures=None,
    labels=(),
) -> bytes:
    """One record as preparation writes it. The audio is a ramp: sample i of every channel is i mod 30000."""
    seconds = frames / frame_rate_hz
    context = {
        "clip/media_id": [f"clip{number}"],
        "clip/split": ["train"],
        "clip/group": [group],
        "clip/start/timestamp": [1_500_000],
        "clip/end/timestamp": [1_500_000 + round(seconds * 1e6)],
        "image/frame_rate": [frame_rate_hz],
        "schema_version": [1],
        "clip/label/index": list(labels),
    }
    if audio:
        if pcm is None:
            pcm = np.repeat(np.arange(round(seconds * sample_rate_hz)) % 30_000, channels)
        context |= {
            "WAVEFORM/pcm16": [np.asarray(pcm, "<i2").tobytes()],
            "WAVEFORM/sample_rate": [sample_rate_hz],
            "WAVEFORM/num_channels": [channels],
        }
    if captions:
        texts, starts, ends = zip(*captions, strict=True)
        context |= {"caption/string": texts, "caption/start_seconds": starts, "caption/end_seconds": ends}
    pictures = jpegs(number, frames=frames) if pictures is None else pictures
    return sequence_example(context, {"image/encoded": [[picture] for picture in pictures]})


def write_set(
    directory,
    splits,
    *,
    shards=2,
    frame_rate_hz=10.0,
    audio_rate_hz=16_000,
    words=VOCABULARY,
    offsets=True,
    labels=(),
):
    """Writes a prepared set; `splits` name -> list of serialised records. Returns its directory."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "vocabulary.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    described = {}
    for split, serialized in splits.items():
        entries = []
        for number, rows in enumerate(np.array_split(np.arange(len(serialized)), shards)):
            stem = f"{split}-{number:05d}-of-{shards:05d}"
            path = directory / f"{stem}.tfrecord"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for row in rows:
                    writer.write(serialized[row])
            content = path.read_bytes()
            if offsets:
                starts = shard_offsets.scan_offsets(path)
                path.with_suffix(".offsets").write_bytes(starts.astype("<u8").tobytes())
            entries.append(
                {
                    "file": path.name,
                    "records": len(rows),
                    "bytes": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
        described[split] = {"clips": len(serialized), "shards": entries}
    description = {
        "schema_version": 1,
        "name": "fixture",
        "splits": described,
        "labels": list(labels),
        "vocabulary": {"file": "vocabulary.txt", "size": len(words)},
        "frame_rate_hz": frame_rate_hz,
        "audio_rate_hz": audio_rate_hz,
        "short_side_pixels": 24,
        "fingerprint": "0",
        "made_by": {},
    }
    (directory / "dataset.json").write_text(json.dumps(description))
    return directory
