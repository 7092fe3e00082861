import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from media_maker import beep, grey, make_media

from vatt.prepare import prepare, writer
from vatt.prepare.media import MediaOptions
from vatt.prepare.prepare import PreparationError, prepare_clips
from vatt.prepare.record import Clip, RecordOptions

OPTIONS = RecordOptions(media=MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=16, audio_rate_hz=8_000))


@pytest.fixture
def clips(tmp_path):
    made = []
    for number in range(7):
        path = make_media(
            tmp_path / f"{number}.mp4", pictures=grey([number * 30] * 4), sound=beep(0.4, at=0.1)
        )
        captions = ((0.0, 0.2, "A b, b"), (0.1, 0.3, "c")) if number else ()
        split = "test" if number == 6 else "train"
        made.append(
            Clip(
                media=str(path), media_id=f"m{number}", split=split, group=f"g{number % 2}", captions=captions
            )
        )
    return made


def files(directory):
    return {path.name: path.read_bytes() for path in directory.glob("*-of-*")}


def run(clips, directory, **options):
    return prepare_clips(clips, directory, name="x", options=OPTIONS, clips_per_shard=2, workers=2, **options)


def test_a_set_as_the_schema_says(clips, tmp_path):
    out = tmp_path / "out"
    summary = run(clips, out, labels=("p", "q"))
    assert (summary.clips, summary.failures, summary.warnings) == (7, (), ())
    dataset = json.loads((out / "dataset.json").read_text())
    assert dataset["schema_version"] == 1 and dataset["labels"] == ["p", "q"]
    assert {name: split["clips"] for name, split in dataset["splits"].items()} == {"test": 1, "train": 6}
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


def test_the_bytes_do_not_depend_on_the_workers(clips, tmp_path):
    run(clips, tmp_path / "two")
    prepare_clips(clips, tmp_path / "one", name="x", options=OPTIONS, clips_per_shard=2, workers=1)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_killed_run_goes_on_with_what_is_missing(clips, tmp_path, monkeypatch):
    run(clips, tmp_path / "whole")
    out = tmp_path / "out"
    write_shard, calls = writer.write_shard, []

    def stop_at_third(path, framed):
        calls.append(path.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write_shard(path, framed)

    monkeypatch.setattr(prepare.writer, "write_shard", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        run(clips, out)
    assert writer.defects(out) == ["dataset.json is missing"]
    finished = {name: (out / name).stat().st_mtime_ns for name in files(out) if name.endswith("tfrecord")}
    assert len(finished) == 2
    (out / ".train-00001-of-00003.tfrecord.part").write_bytes(b"half")
    run(clips, out)
    assert len(calls) == 5
    assert {name: (out / name).stat().st_mtime_ns for name in finished} == finished
    assert files(out) == files(tmp_path / "whole")
    assert (out / "vocabulary.txt").read_text() == (tmp_path / "whole" / "vocabulary.txt").read_text()
    assert not list(out.glob(".*.part"))


def test_other_clips_start_over(clips, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(prepare, "_close", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(clips, out)
    monkeypatch.undo()
    renamed = [dataclasses.replace(clip, group="other") for clip in clips]
    run(renamed, out)
    run(renamed, tmp_path / "whole")
    assert files(out) == files(tmp_path / "whole")


def test_done_is_done_and_another_set_is_refused(clips, tmp_path):
    out = tmp_path / "out"
    run(clips, out)
    before = (out / "dataset.json").stat().st_mtime_ns
    assert run(clips, out).clips == 7
    assert (out / "dataset.json").stat().st_mtime_ns == before
    with pytest.raises(PreparationError, match="other clips"):
        run(clips[:3], out)


def test_failures_are_listed_and_counted(clips, tmp_path):
    broken = [*clips, Clip(media=str(tmp_path / "gone.mp4"), media_id="gone", split="train")]
    summary = run(broken, tmp_path / "out", max_failures=0.2)
    assert summary.clips == 7
    listed = json.loads((tmp_path / "out" / "failures.json").read_text())["failed"]
    assert [item["media_id"] for item in listed] == ["gone"] and "no such file" in listed[0]["reason"]
    with pytest.raises(PreparationError, match=r"1 of 8, first gone.*no such file"):
        run(broken, tmp_path / "strict", max_failures=0.05)
    assert writer.defects(tmp_path / "strict") and (tmp_path / "strict" / "failures.json").exists()
    with pytest.raises(PreparationError, match="no clip"):
        run([], tmp_path / "none")


def test_damage_is_seen_by_sizes(clips, tmp_path):
    out = tmp_path / "out"
    run(clips, out)
    shard = out / "train-00001-of-00003.tfrecord"
    data = shard.read_bytes()
    shard.write_bytes(data[:-1])
    assert writer.defects(out) == [f"{shard.name} has {len(data) - 1} bytes instead of {len(data)}"]
    shard.unlink()
    assert writer.defects(out) == [f"{shard.name} is missing"]
    (out / "dataset.json").write_text("{")
    assert writer.defects(out) == ["dataset.json is damaged"]


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x"
    with pytest.raises(OSError, match="disk full"), writer.whole_file(path) as file:
        file.write(b"half")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []
