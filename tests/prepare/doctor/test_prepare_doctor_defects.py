"""Every defect that the doctor knows is planted in a clean set, and exactly it is found."""

import json
import struct

import doctor_set
import numpy as np
import pytest

from vatt.prepare.doctor.captions import STOP_WORDS_ONLY
from vatt.prepare.doctor.clip_record import Setting
from vatt.prepare.doctor.examine import examine
from vatt.prepare.doctor.findings import Findings
from vatt.prepare.doctor.shard import ShardTask, examine_shard
from vatt.prepare.sequence_example import serialise
from vatt.prepare.tfrecord import frame
from vatt.prepare.writer import offsets_path, write_shard

SHARD = "train-00001-of-00002.tfrecord"


def found(directory, monkeypatch, **options):
    """check -> number of findings. Shards are examined in this process: workers would cost a second each."""

    class Here:
        def __init__(self, **_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def run(self, function, tasks):
            for task in tasks:
                yield task, function(*task)

    monkeypatch.setattr("vatt.prepare.doctor.examine.WorkerPool", Here)
    return {finding.check.name: finding.count for finding in examine(directory, **options).findings}


def floats_instead(record, sound):
    context, frames = record
    for key in ("WAVEFORM/pcm16", "WAVEFORM/num_channels"):
        del context[key]
    frames["WAVEFORM/feature/floats"] = [np.asarray(sound, np.float32).tolist()]


def int32(number):
    return np.round(doctor_set.tone(number) * (2**31 - 1)).astype("<i4")


def set_context(key, values):
    def plant(splits):
        splits["train"][2][0][key] = values

    return plant


def set_frame(number, jpeg):
    def plant(splits):
        splits["train"][2][1]["image/encoded"][number] = [jpeg]

    return plant


def set_sound(change):
    """`change`: float audio [S] of the clip -> what is stored as floats."""

    def plant(splits):
        floats_instead(splits["train"][2], change(doctor_set.tone(2)))

    return plant


def with_value(value):
    def change(sound):
        sound = sound.copy()
        sound[7] = value
        return sound

    return change


def bomb():
    """A JPEG of a few bytes that claims 60,000 x 60,000 pixels: the size lies in its frame header (SOF0)."""
    jpeg = bytearray(doctor_set.jpeg(1))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    return bytes(jpeg)


def copied(source, *, into="test", changes=None):
    """A training clip stands in another split as well."""

    def plant(splits):
        context, frames = splits["train"][source]
        context = context | {"clip/split": [into.encode()]} | (changes or {})
        splits[into][1] = (context, frames)

    return plant


def look_alike(splits):
    context, _ = splits["test"][1]
    frames = [[doctor_set.jpeg(200 + n, quality=60)] for n in range(doctor_set.FRAMES)]
    splits["test"][1] = (context, {"image/encoded": frames})


def wrong_split(splits):
    splits["train"][2][0]["clip/split"] = [b"test"]


def without_media(splits):
    context, _ = splits["train"][2]
    del context["WAVEFORM/pcm16"]
    splits["train"][2] = (context, {"image/encoded": []})


def unseen_class(splits):
    splits["test"][0][0].update({"clip/label/index": [2], "clip/label/text": [b"ring"]})


def stop_words(splits):
    for record in splits["train"]:
        record[0]["caption/string"] = [b"the to one", b"to the"]
    splits["train"][0][0]["caption/string"] = [b"a red disc", b"a blue star"]


def milliseconds(splits):
    for context, _ in (*splits["train"], *splits["test"]):
        for key in ("caption/start_seconds", "caption/end_seconds"):
            context[key] = [1000 * seconds + 5 for seconds in context[key]]


def one_film(splits):
    splits["test"][1][0]["clip/media_id"] = splits["train"][2][0]["clip/media_id"]


def twice(splits):
    splits["train"][3] = splits["train"][2]


PLANTED = {
    "picture cut short": ("frame-undecodable", set_frame(3, doctor_set.jpeg(1)[:-400])),
    "picture of nothing": ("frame-undecodable", set_frame(3, b"")),
    "picture that is no JPEG": ("frame-undecodable", set_frame(3, b"\x89PNG\r\n\x1a\n" + bytes(90))),
    "picture bomb": ("frame-bomb", set_frame(3, bomb())),
    "picture of another size": ("frame-size", set_frame(3, doctor_set.jpeg(1, size=(32, 24)))),
    "stated size": ("frame-size", set_context("image/width", [640])),
    "frame rate above the set's": ("frame-rate", set_context("image/frame_rate", [10.5])),
    "negative frame rate": ("frame-rate", set_context("image/frame_rate", [-10.0])),
    "sound cut short": ("audio-length", set_context("WAVEFORM/pcm16", [doctor_set.pcm16(np.ones(2600))])),
    "sound too long": ("audio-length", set_context("WAVEFORM/pcm16", [doctor_set.pcm16(np.ones(3700))])),
    "other audio rate": ("audio-rate", set_context("WAVEFORM/sample_rate", [8_000])),
    "silence": ("audio-silent", set_context("WAVEFORM/pcm16", [bytes(6_400)])),
    "silence in floats": ("audio-silent", set_sound(np.zeros_like)),
    "int32 bits as floats": ("audio-cast", set_sound(lambda _: int32(2).view("<f4"))),
    "int32 values": ("audio-cast", set_sound(lambda _: int32(2).astype(np.float32))),
    "int16 values": ("audio-cast", set_sound(lambda _: (int32(2) >> 16).astype(np.float32))),
    "NaN": ("audio-not-a-number", set_sound(with_value(np.nan))),
    "infinity": ("audio-not-a-number", set_sound(with_value(np.inf))),
    "denormal": ("audio-denormal", set_sound(with_value(1e-40))),
    "overload": ("audio-out-of-range", set_sound(with_value(1.25))),
    "label id too large": ("label-range", set_context("clip/label/index", [3])),
    "label text of another id": ("label-text", set_context("clip/label/text", [b"star"])),
    "a label without text": ("label-text", set_context("clip/label/index", [0, 1])),
    "class only in the test": ("label-unseen", unseen_class),
    "empty caption": ("caption-empty", set_context("caption/string", [b"", b"a red disc"])),
    "punctuation": ("caption-empty", set_context("caption/string", ["– !".encode(), b"a red disc"])),
    "unknown words": ("caption-unknown", set_context("caption/string", [b"ein roter", b"a red disc"])),
    "stop words": ("caption-stop-words", stop_words),
    "bytes of another encoding": (
        "caption-encoding",
        set_context("caption/string", [b"a red caf\xe9", b"a red disc"]),
    ),
    "decoded twice": (
        "caption-encoding",
        set_context("caption/string", ["a red café".encode().decode("cp1252").encode(), b"a red disc"]),
    ),
    "caption ends before it starts": ("caption-times", set_context("caption/end_seconds", [0.4, 0.2])),
    "caption at no time": ("caption-times", set_context("caption/end_seconds", [0.4, float("nan")])),
    "milliseconds": ("caption-outside", milliseconds),
    "a missing caption time": ("record-schema", set_context("caption/end_seconds", [0.4])),
    "half a sample": ("record-schema", set_context("WAVEFORM/pcm16", [bytes(range(1, 256))])),
    "another type": ("record-schema", set_context("image/frame_rate", [10])),
    "another schema": ("record-schema", set_context("schema_version", [7])),
    "neither video nor audio": ("record-empty", without_media),
    "times of another length": ("record-times", set_context("clip/end/timestamp", [9_000_000])),
    "record of another split": ("record-split", wrong_split),
    "the same clip in two splits": ("leakage", copied(2)),
    "the same pictures in two splits": (
        "leakage",
        copied(2, changes={"WAVEFORM/pcm16": [doctor_set.pcm16(doctor_set.tone(50))]}),
    ),
    "encoded again in two splits": ("leakage-look-alike", look_alike),
    "one film in two splits": ("leakage-source", one_film),
    "the same clip twice": ("duplicate", twice),
}


@pytest.mark.parametrize("name", PLANTED)
def test_exactly_the_planted_defect_of_a_record_is_found(name, tmp_path, monkeypatch):
    check, plant = PLANTED[name]
    splits = doctor_set.records()
    plant(splits)
    assert set(found(doctor_set.write(tmp_path / "set", splits), monkeypatch)) == {check}


@pytest.mark.parametrize("options", [{}, {"sample": 2}])
def test_a_clean_set_gives_none(options, tmp_path, monkeypatch):
    assert found(doctor_set.write(tmp_path / "set", doctor_set.records()), monkeypatch, **options) == {}


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def second_record(directory):
    return int(np.fromfile(offsets_path(directory / SHARD), "<i8")[1])


def recount(directory, split="train", **counts):
    doctor_set.edit_dataset(directory, lambda content: content["splits"][split].update(counts))


def repeat_word(directory):
    path = directory / "vocabulary.txt"
    path.write_text(path.read_text().replace("blue", "red"))


SPOILED = {
    "shard gone": ("shard-missing", lambda d: (d / SHARD).unlink()),
    "shard cut short": (
        "record-damaged",
        lambda d: (d / SHARD).write_bytes((d / SHARD).read_bytes()[:-9]),
    ),
    "shard cut between records": (
        "shard-size",
        lambda d: (
            (d / SHARD).write_bytes((d / SHARD).read_bytes()[: second_record(d)]),
            offsets_path(d / SHARD).write_bytes(bytes(8)),
        ),
    ),
    "flipped bit of a record": ("record-damaged", lambda d: flip(d / SHARD, second_record(d) + 500)),
    "flipped bit of a length": ("record-damaged", lambda d: flip(d / SHARD, 1)),
    "shard of another run": (
        "shard-checksum",
        lambda d: doctor_set.edit_dataset(
            d, lambda content: content["splits"]["train"]["shards"][1].update(sha256="0" * 64)
        ),
    ),
    "offsets gone": ("offsets-file", lambda d: offsets_path(d / SHARD).unlink()),
    "offsets wrong": ("offsets-file", lambda d: flip(offsets_path(d / SHARD), 8)),
    "clips miscounted": ("set-counts", lambda d: recount(d, clips=5)),
    "clips with sound miscounted": ("set-counts", lambda d: recount(d, clips_with={"audio": 3})),
    "no word list": ("vocabulary-file", lambda d: (d / "vocabulary.txt").unlink()),
    "a word twice": ("vocabulary-file", repeat_word),
    "a word too few": (
        "vocabulary-file",
        lambda d: doctor_set.edit_dataset(d, lambda content: content["vocabulary"].update(size=99)),
    ),
    "empty split": (
        "split-empty",
        lambda d: doctor_set.edit_dataset(
            d, lambda content: content["splits"].update(valid={"clips": 0, "shards": []})
        ),
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_exactly_the_spoiled_file_is_found(name, tmp_path, monkeypatch):
    check, spoil = SPOILED[name]
    directory = doctor_set.write(tmp_path / "set", doctor_set.records())
    spoil(directory)
    assert set(found(directory, monkeypatch)) == {check}


def test_a_damaged_record_costs_itself_only(tmp_path, monkeypatch):
    directory = doctor_set.write(tmp_path / "set", doctor_set.records(), per_shard=4)
    flip(directory / "train-00000-of-00001.tfrecord", 1)  # the first length: the offsets say where to go on
    assert found(directory, monkeypatch) == {"record-damaged": 1}


def test_true_counts_and_pieces_of_a_film_are_no_finding(tmp_path, monkeypatch):
    splits = doctor_set.records()
    splits["train"][1][0]["WAVEFORM/pcm16"] = []
    splits["train"][2][0]["WAVEFORM/pcm16"] = [bytes(2 * doctor_set.SAMPLES)]  # a pause
    for number, (context, _) in enumerate(splits["train"]):  # one video, told in its first piece only
        context["clip/media_id"] = [b"film"]
        for key in ("caption/start_seconds", "caption/end_seconds"):
            context[key] = [seconds - 2.0 * number for seconds in context[key]]
    directory = doctor_set.write(tmp_path / "set", splits)
    recount(directory, clips_with={"video": 4, "audio": 2, "captions": 4, "labels": 4})
    assert found(directory, monkeypatch) == {}


@pytest.mark.parametrize("clips, expected", [(4, {}), (10, {"split-tiny": 1})])
def test_one_clip_beside_many_is_a_tiny_split(clips, expected, tmp_path, monkeypatch):
    splits = {"train": [doctor_set.record(n, "train") for n in range(clips)]}
    splits["test"] = [doctor_set.record(clips, "test")]
    assert found(doctor_set.write(tmp_path / "set", splits), monkeypatch) == expected


def test_without_a_label_list_the_texts_must_be_one_map(tmp_path, monkeypatch):
    splits = doctor_set.records()
    assert found(doctor_set.write(tmp_path / "a", splits, changes={"labels": []}), monkeypatch) == {}
    splits["test"][1][0]["clip/label/text"] = [b"disc"]
    assert set(found(doctor_set.write(tmp_path / "b", splits, changes={"labels": []}), monkeypatch)) == {
        "label-map"
    }


def test_a_vocabulary_of_another_set_is_seen(tmp_path, monkeypatch):
    splits = doctor_set.records()
    for context, _ in splits["train"]:
        context["caption/string"] = [b"a red Scheibe dreht sich", b"one Stern gleitet"]
    assert found(doctor_set.write(tmp_path / "set", splits), monkeypatch) == {"vocabulary-coverage": 1}


def test_what_any_large_set_has_is_a_fact():
    """A sentence like "okay, here we go" is common in speech; it is counted, and no finding."""
    findings = Findings()
    findings.add(STOP_WORDS_ONLY, "'okay here we go'")
    assert findings.settle({"captions": 10})[0] == []
    assert findings.settle({"captions": 9})[0] != []


def test_the_clip_is_named_with_its_place(tmp_path, monkeypatch):
    splits = doctor_set.records()
    set_frame(3, b"")(splits)
    directory = doctor_set.write(tmp_path / "set", splits)
    (finding,) = examine(directory, processes=1).findings  # through a worker process
    ((what, place),) = finding.places
    assert what == "frame 3: an empty string"
    assert (place.split, place.shard, place.record, place.offset) == ("train", SHARD, 0, 0)
    assert place.clip_id == "film2.mp4@4.000"
    assert json.loads((directory / "dataset.json").read_text())["splits"]["train"]["clips"] == 4


def test_no_content_of_a_record_stops_the_examination(tmp_path):
    """Bytes are changed at random and framed again, so that nothing but the parser and the checks sees it."""
    random = np.random.default_rng(1)
    contents = []
    for number in range(4):
        context, frames = doctor_set.record(number, "train")
        if number % 2:
            floats_instead((context, frames), doctor_set.tone(number))
        contents.append(serialise(context, frames))
    shard, setting = (
        tmp_path / "x.tfrecord",
        Setting(frame_rate_hz=10.0, audio_rate_hz=4_000, short_side_pixels=48),
    )
    for _ in range(40):
        spoiled = [bytearray(content) for content in contents]
        for content in spoiled:
            for at in (*random.integers(0, 300, 2), *random.integers(len(content) - 700, len(content), 2)):
                content[at] = random.integers(0, 256)
        stated = write_shard(shard, (frame(bytes(content)) for content in spoiled))
        del stated["file"]
        task = ShardTask(path=shard, number=0, split="train", setting=setting, decode_every=1, **stated)
        notes = examine_shard(task)
        assert notes.tally.counts["clips"] == len(notes.hashes) <= 4
