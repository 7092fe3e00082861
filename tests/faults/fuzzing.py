"""Feeds randomly changed files to the readers of one kind; a process of its own, whose crash is a failure.

    python -m tests.faults.fuzzing KIND[,KIND…] COUNT SEED FOLDER

prints as JSON how many files of each kind were tried, read, and refused with the reader's own errors. Any
other exception ends it, after the kind and the seed that repeat it.
"""

import dataclasses
import io
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

_ODD_NUMBERS = (0, 1, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def mutate(content: bytes, draw: np.random.Generator) -> bytes:
    """One to four changes: bits, numbers at the edge of their type, pieces cut out, doubled or put in."""
    changed = bytearray(content)
    for _ in range(draw.integers(1, 5)):
        at = int(draw.integers(0, max(len(changed), 1)))
        length = int(draw.integers(1, 20))
        kind = draw.integers(0, 6)
        if kind == 0 and changed:
            changed[at] ^= 1 << int(draw.integers(0, 8))
        elif kind == 1:
            number = int(draw.choice(np.array(_ODD_NUMBERS, np.uint64)))
            changed[at : at + 8] = struct.pack("<Q", number)
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            del changed[at : at + length]
        elif kind == 4:
            changed[at:at] = changed[at : at + length] * int(draw.integers(1, 50))
        else:
            changed[at : at + length] = draw.bytes(length)
    return bytes(changed)


@dataclasses.dataclass
class Counts:
    tried: int = 0
    read: int = 0
    refused: int = 0

    def add(self, read: Callable[[], object], errors: tuple[type[Exception], ...]) -> None:
        self.tried += 1
        try:
            read()
            self.read += 1
        except errors as error:
            assert str(error), "an error says what is wrong"
            self.refused += 1


def shard(draw, count, folder, counts):
    """Framing and offsets, read without TensorFlow; nothing is refused, for damage is named by record."""
    from vatt.prepare.shard_reader import read_shard, stated_offsets
    from vatt.prepare.tfrecord import frame

    path = folder / "train-00000-of-00001.tfrecord"
    frames = [frame(draw.bytes(60)) for _ in range(4)]
    starts = np.cumsum([0, *map(len, frames[:-1])]).astype("<u8").tobytes()
    for _ in range(count):
        path.write_bytes(mutate(b"".join(frames), draw))
        path.with_suffix(".offsets").write_bytes(mutate(starts, draw) if draw.random() < 0.5 else starts)
        counts.add(lambda: list(read_shard(path, stated_offsets(path))), ())


def record(draw, count, folder, counts):
    """The content of a record, as `vatt doctor` and `vatt prepare dmvr` read it."""
    from tests import records_fixture
    from vatt.prepare.doctor.clip_record import Setting, read_clip
    from vatt.prepare.example_reader import ExampleError

    setting = Setting(frame_rate_hz=10.0, audio_rate_hz=1000, short_side_pixels=24)
    whole = records_fixture.record(frames=3, sample_rate_hz=1000, labels=(1,))
    for _ in range(count):
        counts.add(lambda: read_clip(mutate(whole, draw), setting), (ExampleError,))


def pipeline(draw, count, folder, counts):
    """The training pipeline: records of changed content under right checksums, and changed lengths too."""
    import tensorflow as tf

    from tests import records_fixture
    from vatt import spec
    from vatt.data import video
    from vatt.data.datasets.prepared import PreparedClips
    from vatt.prepare.tfrecord import frame, masked_crc

    whole = records_fixture.record(frames=3, sample_rate_hz=1000)
    directory = records_fixture.write_set(folder / "set", {"train": [whole] * count}, shards=1)
    frames = []
    for _ in range(count):
        framed = frame(mutate(whole, draw) if draw.random() < 0.9 else whole)
        if draw.random() < 0.3:
            length = mutate(framed[:8], draw)[:8].ljust(8, b"\0")
            framed = length + struct.pack("<I", masked_crc(length)) + framed[12:]
        frames.append(framed)
    path = directory / "train-00000-of-00001.tfrecord"
    path.write_bytes(b"".join(frames))
    np.cumsum([0, *map(len, frames[:-1])]).astype("<u8").tofile(path.with_suffix(".offsets"))
    described = json.loads((directory / "dataset.json").read_text())
    described["splits"]["train"]["shards"][0]["bytes"] = path.stat().st_size
    (directory / "dataset.json").write_text(json.dumps(described))
    clip = spec.ClipSpec(frames=2, frame_size=8, sample_rate_hz=1000, words=4, candidates=1)
    dataset = PreparedClips(directory=directory, clip=clip, threads=2, max_corrupt_share=1.0)
    (source,) = dataset.training_pipeline().sources

    def made(number):
        # What replaces damage is left out: each record is met once, and by itself.
        record = source.parse(source.records.read(number))
        starts = source.starts(record, lambda last: last // 2, apart=False)
        parts = source.decode(record, starts, lambda *size: video.squares(*size, crops=1), crops=1)
        return tf.reduce_all([tf.reduce_all(tf.math.is_finite(parts[name])) for name in (spec.AUDIO,)])

    rows = tf.data.Dataset.range(count).map(made, num_parallel_calls=2).ignore_errors()
    counts.read = sum(1 for _ in rows)
    counts.tried, counts.refused = count, count - counts.read


def arrays(draw, count, folder, counts):
    """`.npy`, read and mapped, and `.npz`."""
    from vatt.files.array_file import ArrayFileError, read_npy, read_npz

    plain, packed, pressed = io.BytesIO(), io.BytesIO(), io.BytesIO()
    values = draw.standard_normal((5, 7)).astype("float32")
    np.save(plain, values)
    np.savez(packed, a=values, b=np.array("words"))
    np.savez_compressed(pressed, a=values, b=np.arange(4))
    readers = (
        (plain.getvalue(), read_npy),
        (plain.getvalue(), lambda path: np.array(read_npy(path, is_mapped=True))),
        (packed.getvalue(), read_npz),
        (pressed.getvalue(), read_npz),
    )
    for number in range(count):
        content, read = readers[number % len(readers)]
        path = folder / "arrays"
        path.write_bytes(mutate(content, draw))
        counts.add(lambda read=read, path=path: read(path), (ArrayFileError,))


def index(draw, count, folder, counts):
    """An index, opened and looked at row by row: `index.json` as bytes and as values, and its columns."""
    from vatt.search.index import Index
    from vatt.search.layout import BadIndexError

    facts, columns = _index(folder)
    places = [folder / "index.json", *columns]
    contents = [path.read_bytes() for path in places]
    for number in range(count):
        chosen = number % len(places) if number % 2 else 0
        if number % 4 == 0:
            changed = json.dumps(_other_values(facts, draw)).encode()
        else:
            changed = mutate(contents[chosen], draw)
        places[chosen].write_bytes(changed)

        def look():
            opened = Index(folder)
            return [opened.place(row) for row in range(opened.rows)], opened.file_numbers()

        counts.add(look, (BadIndexError, OSError))
        places[chosen].write_bytes(contents[chosen])


def _index(folder):
    from vatt.search.layout import DTYPES, SCHEMA, RowsWriter, column_path, rows_folder, write_facts

    widths = {"video/video_text": 4, "audio/video_audio": 3}
    same = {"sha256": "0", "bytes": 3, "changed_ns": 5, "windows": 2, "warnings": []}
    facts = {
        **{"schema": SCHEMA, "root": str(folder), "generation": 1, "signature": "s", "dtype": DTYPES[0]},
        **{"rows": 4, "widths": widths, "failed": [], "stride_seconds": 1.0, "clip_seconds": 1.0},
        "model": {"path": "model", "fingerprint": "f"},
        "modalities": ["video", "audio"],
        "files": [same | {"path": "a", "first": 0}, same | {"path": "b", "first": 2}],
    }
    rows_folder(folder, 1).mkdir()
    RowsWriter(rows_folder(folder, 1), rows=4, widths=widths, dtype=DTYPES[0]).close()
    write_facts(folder, facts)
    names = ("start_seconds", "has_video", *widths)
    return facts, [column_path(rows_folder(folder, 1), name) for name in names]


def _other_values(content, draw):
    """The same JSON with one of its values in another's place, or a value of another kind."""
    changed = json.loads(json.dumps(content))
    spots, pending = [], [changed]
    while pending:
        each = pending.pop()
        for key in each if isinstance(each, dict) else range(len(each)):
            spots.append((each, key))
            if isinstance(each[key], dict | list):
                pending.append(each[key])
    odd = (None, True, -1, 0, 2**63, 1e308, "", "../../etc/passwd", [], {}, [[]], "x" * 1000)
    place, key = spots[draw.integers(len(spots))]
    if draw.random() < 0.2:
        del place[key]
    else:
        place[key] = odd[draw.integers(len(odd))]
    return changed


def text(draw, count, folder, counts):
    """JSON itself."""
    from vatt.files.json_file import JsonError, parse_json

    whole = json.dumps({"a": [1, 2.5, None, True, "ü\\u2028"], "b": {"c": [[[]]]}, "d": 10**9}).encode()
    for _ in range(count):
        counts.add(lambda: parse_json(mutate(whole, draw), "x"), (JsonError,))


def checkpoint(draw, count, folder, counts):
    """TensorFlow's checkpoints of others, whose files no digest of ours covers."""
    import tensorflow as tf

    from vatt.convert.checkpoint import Checkpoint
    from vatt.convert.report import ConversionError

    tf.train.Checkpoint(a=tf.Variable(tf.range(50.0)), b=tf.Variable(tf.ones([3, 4]))).write(
        str(folder / "whole")
    )
    contents = {path.name: path.read_bytes() for path in folder.glob("whole.*")}
    for number in range(count):
        # A new name each: TensorFlow may keep what it has read of one.
        stem = f"ckpt-{number}"
        chosen = sorted(contents)[number % len(contents)]
        for name, content in contents.items():
            changed = mutate(content, draw) if name == chosen else content
            (folder / name.replace("whole", stem)).write_bytes(changed)

        def read(stem=stem):
            opened = Checkpoint(folder / stem)
            return [opened.read(name) for name in opened.shapes]

        counts.add(read, (ConversionError,))
        for path in folder.glob(f"{stem}.*"):
            path.unlink()


def safetensors(draw, count, folder, counts):
    """A directory of safetensors with its config.json."""
    from safetensors.numpy import save

    from vatt.convert.report import ConversionError
    from vatt.convert.safetensors_folder import SafetensorsFolder

    values = draw.standard_normal((5, 7)).astype("float32")
    contents = {
        "model.safetensors": save({"a": values, "b": values[0]}, metadata={"format": "pt"}),
        "config.json": json.dumps({"model_type": "t5", "d_model": 4}).encode(),
    }
    for number in range(count):
        chosen = sorted(contents)[number % 2]
        for name, content in contents.items():
            (folder / name).write_bytes(mutate(content, draw) if name == chosen else content)

        def read():
            opened = SafetensorsFolder(folder)
            return [opened.read(name) for name in opened.shapes]

        counts.add(read, (ConversionError,))


KINDS = {
    function.__name__: function
    for function in (shard, record, pipeline, arrays, index, text, checkpoint, safetensors)
}


def main(kinds: str, count: str, seed: str, folder: str) -> None:
    results = {}
    for kind in kinds.split(","):
        print(f"{kind}, seed {seed}", file=sys.stderr, flush=True)  # the last line before a crash
        place = Path(folder) / kind
        place.mkdir()
        counts = Counts()
        KINDS[kind](np.random.default_rng(int(seed)), int(count), place, counts)
        results[kind] = dataclasses.asdict(counts)
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
