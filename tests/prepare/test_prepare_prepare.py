import dataclasses
import json
import sys

import numpy as np
import pytest
import tensorflow as tf
from clip_maker import Poison, make_clips, prepare, shard_bytes
from media_maker import beep, grey, make_media

from vatt.prepare import writer
from vatt.prepare.errors import PreparationError, TooManyFailures
from vatt.prepare.record import Clip


@pytest.fixture
def clips(tmp_path):
    return make_clips(tmp_path)


def test_a_set_as_the_schema_says(clips, tmp_path):
    out = tmp_path / "out"
    summary = prepare(clips, out, labels=("p", "q"), missing=(("m9", "m9.mp4"),))
    assert (summary.records, summary.failures, summary.warnings) == (7, [], [])
    dataset = json.loads((out / "dataset.json").read_text())
    assert dataset["schema_version"] == 2 and dataset["labels"] == ["p", "q"]
    assert {name: split["clips"] for name, split in dataset["splits"].items()} == {"test": 1, "train": 6}
    assert dataset["splits"]["train"]["clips_with"] == {"video": 6, "audio": 6, "captions": 5, "labels": 0}
    assert [shard["file"] for shard in dataset["splits"]["train"]["shards"]] == [
        f"train-{n:05d}-of-00003.tfrecord" for n in range(3)
    ]
    assert (out / "vocabulary.txt").read_text().split() == ["<pad>", "<unk>", "b", "a", "c"]
    assert dataset["vocabulary"] == {"file": "vocabulary.txt", "size": 5}
    assert not (out / ".unfinished").exists() and writer.defects(out) == []

    shard = out / "train-00000-of-00003.tfrecord"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(shard))]
    offsets = np.fromfile(shard.with_suffix(".offsets"), "<u8")
    assert [shard.read_bytes()[at + 12 :][: len(r)] for at, r in zip(offsets, records)] == records
    context = tf.train.SequenceExample.FromString(records[1]).context.feature
    assert context["clip/media_id"].bytes_list.value[0] == b"m1"
    assert list(context["caption/string"].bytes_list.value) == [b"A b, b", b"c"]
    assert list(context["caption/end_seconds"].float_list.value) == pytest.approx([0.2, 0.3])
    assert context["WAVEFORM/sample_rate"].int64_list.value[0] == 8_000
    assert len(context["WAVEFORM/pcm16"].bytes_list.value[0]) == 2 * 3_200
    images = (
        tf.train.SequenceExample.FromString(records[1]).feature_lists.feature_list["image/encoded"].feature
    )
    picture = tf.io.decode_jpeg(images[0].bytes_list.value[0]).numpy()
    assert picture.shape == (16, 16, 3) and abs(picture.mean() - 30) < 5


def test_the_bytes_do_not_depend_on_the_processes(clips, tmp_path):
    long = make_media(tmp_path / "long.mp4", pictures=grey(range(40)), sound=beep(4.0, at=0.1))
    film = Clip(media=str(long), media_id="film", split="train", segment_seconds=0.5)
    for processes in (1, 2, 4):
        summary = prepare([film, *clips], tmp_path / str(processes), processes=processes)
        assert summary.records == 7 + 8
    assert shard_bytes(tmp_path / "1") == shard_bytes(tmp_path / "2") == shard_bytes(tmp_path / "4")


def test_done_is_done_and_another_set_is_refused(clips, tmp_path):
    out = tmp_path / "out"
    broken = [*clips, Clip(media=str(tmp_path / "gone.mp4"), media_id="gone", split="train")]
    first = prepare(broken, out, max_failures=0.2)
    before = (out / "dataset.json").stat().st_mtime_ns
    (out / ".unfinished").mkdir()  # the run was killed before its last step
    again = prepare(broken, out, max_failures=0.2)
    assert again.failures and (again.records, again.failures) == (first.records, first.failures)
    assert (out / "dataset.json").stat().st_mtime_ns == before and not (out / ".unfinished").exists()
    with pytest.raises(PreparationError, match="other clips"):
        prepare(clips[:3], out)
    (out / "vocabulary.txt").unlink()
    with pytest.raises(PreparationError, match=r"damaged set \(vocabulary.txt is missing\)"):
        prepare(broken, out)


def test_failures_are_listed_and_counted(clips, tmp_path):
    broken = [*clips, Clip(media=str(tmp_path / "gone.mp4"), media_id="gone", split="train")]
    summary = prepare(broken, tmp_path / "out", max_failures=0.2)
    assert summary.records == 7
    report = json.loads((tmp_path / "out" / "preparation.json").read_text())
    assert report["finished"] and (report["clips"], report["records"]) == (8, 7)
    assert [item["media_id"] for item in report["failed"]] == ["gone"]
    assert "no such file" in report["failed"][0]["reason"]

    strict = tmp_path / "strict"
    with pytest.raises(TooManyFailures, match=r"1 of 8, first gone.*no such file.*html.*--max_failures 0.13"):
        prepare(broken, strict, max_failures=0.05)
    assert writer.defects(strict) and not json.loads((strict / "preparation.json").read_text())["finished"]
    shards = {path: path.stat().st_mtime_ns for path in strict.glob("*.tfrecord")}
    assert prepare(broken, strict, max_failures=0.2).failures == summary.failures
    assert {path: path.stat().st_mtime_ns for path in shards} == shards  # all was kept
    assert shard_bytes(strict) == shard_bytes(tmp_path / "out")


def test_nothing_but_failures_is_no_set(tmp_path):
    gone = Clip(media=str(tmp_path / "gone.mp4"), media_id="gone", split="train")
    with pytest.raises(TooManyFailures):
        prepare([gone], tmp_path / "out", max_failures=1.0)
    with pytest.raises(PreparationError, match="at least one clip"):
        prepare([], tmp_path / "none")


@pytest.mark.parametrize(
    "how, reason",
    [
        ("crash", "signal 11"),
        ("hang", "no sign of life"),
        pytest.param(
            "devour",
            "needed more memory than the 0.5 GiB",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="kept by Linux only"),
        ),
    ],
)
def test_a_file_that_harms_the_decoder_costs_itself(clips, tmp_path, how, reason):
    prepare([*clips[:2], *clips[3:]], tmp_path / "without")
    clips[2] = dataclasses.replace(clips[2], media=Poison(clips[2].media, how))
    limits = {"timeout_seconds": 4.0, "memory_bytes": 1 << 29}
    summary = prepare(clips, tmp_path / "out", max_failures=0.2, **limits)
    assert [media_id for media_id, _ in summary.failures] == ["m2"] and reason in summary.failures[0][1]
    assert summary.records == 6
    records = [
        b"".join(shard_bytes(tmp_path / name)[f"train-0000{n}-of-00003.tfrecord"] for n in range(3))
        for name in ("out", "without")
    ]
    assert records[0] == records[1]


@pytest.mark.parametrize(
    "settings, rule",
    [
        ({"runner": "spark"}, "`runner` must be one of local, beam"),
        ({"max_failures": 5}, "`max_failures` must be a share"),
        ({"clips_per_shard": 0}, "`clips_per_shard` must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(clips, tmp_path, settings, rule):
    with pytest.raises(ValueError, match=rule):
        prepare(clips, tmp_path / "out", **settings)


def test_damage_is_seen_by_sizes(clips, tmp_path):
    out = tmp_path / "out"
    prepare(clips, out)
    shard = out / "train-00001-of-00003.tfrecord"
    data = shard.read_bytes()
    shard.write_bytes(data[:-1])
    assert writer.defects(out) == [f"{shard.name} has {len(data) - 1} bytes instead of {len(data)}"]
    shard.unlink()
    assert writer.defects(out) == [f"{shard.name} is missing"]
    (out / "dataset.json").write_text("{")
    assert writer.defects(out) == ["dataset.json is damaged"]
