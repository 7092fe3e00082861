"""A small prepared set without a defect, as dictionaries that a test can spoil before they are written."""

import io
import json

import numpy as np
from PIL import Image

from vatt.prepare import tfrecord, writer
from vatt.prepare.sequence_example import serialise

FRAMES, FRAME_RATE_HZ = 8, 10.0
AUDIO_RATE_HZ, SAMPLES = 4_000, 3_200
SIZE = (64, 48)
LABELS = ["disc", "star", "ring"]
SENTENCES = ["a red disc spins", "the blue star slides", "listen to the ring", "one more red ring"]
CLIPS = {"train": 4, "test": 2}


def jpeg(seed, *, size=SIZE, quality=85):
    """An image of large random patches: no two seeds look alike."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def tone(number, samples=SAMPLES):
    """Audio in [-0.3, 0.3] of a pitch of its own, float64 [S]."""
    return 0.3 * np.sin(np.arange(samples) * (0.1 + 0.013 * number))


def pcm16(sound):
    return np.round(32767 * sound).astype("<i2").tobytes()


def record(number, split):
    """(context, frames) of a clip as preparation writes it."""
    start = 2.0 * number
    return (
        {
            "schema_version": [1],
            "clip/media_id": [b"film%d.mp4" % number],
            "clip/split": [split.encode()],
            "clip/start/timestamp": [round(start * 1e6)],
            "clip/end/timestamp": [round((start + FRAMES / FRAME_RATE_HZ) * 1e6)],
            "clip/label/index": [number % 2],
            "clip/label/text": [LABELS[number % 2].encode()],
            "image/frame_rate": [FRAME_RATE_HZ],
            "image/width": [SIZE[0]],
            "image/height": [SIZE[1]],
            "WAVEFORM/pcm16": [pcm16(tone(number))],
            "WAVEFORM/sample_rate": [AUDIO_RATE_HZ],
            "WAVEFORM/num_channels": [1],
            "caption/string": [SENTENCES[(number + n) % 4].encode() for n in range(2)],
            "caption/start_seconds": [0.0, 0.4],
            "caption/end_seconds": [0.4, 0.8],
        },
        {"image/encoded": [[jpeg(100 * number + frame)] for frame in range(FRAMES)]},
    )


def records():
    """split -> records, without a defect."""
    numbers = iter(range(sum(CLIPS.values())))
    return {split: [record(next(numbers), split) for _ in range(clips)] for split, clips in CLIPS.items()}


def write(directory, records_of_split, *, changes=None, per_shard=2):
    """Writes a set through the writer; `changes` go over dataset.json. Returns its directory."""
    directory.mkdir(parents=True)
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    vocabulary = [*writer.SPECIAL_WORDS, *words]
    (directory / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n")
    splits = {}
    for split, members in records_of_split.items():
        count = -(-len(members) // per_shard)
        shards = [
            writer.write_shard(
                directory / writer.shard_name(split, n, count),
                (tfrecord.frame(serialise(*r)) for r in members[n * per_shard : (n + 1) * per_shard]),
            )
            for n in range(count)
        ]
        splits[split] = {"clips": len(members), "shards": shards}
    content = {
        "schema_version": 1,
        "name": "small",
        "splits": splits,
        "labels": LABELS,
        "vocabulary": {"file": "vocabulary.txt", "size": len(vocabulary)},
        "frame_rate_hz": FRAME_RATE_HZ,
        "audio_rate_hz": AUDIO_RATE_HZ,
        "short_side_pixels": min(SIZE),
        "fingerprint": "0",
        "made_by": {"program": "a test"},
    }
    (directory / "dataset.json").write_text(json.dumps(content | (changes or {})))
    return directory


def edit_dataset(directory, edit):
    """Changes dataset.json by a function of its content."""
    path = directory / "dataset.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
