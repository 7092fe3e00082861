"""Tar files of samples, as WebDataset, video2dataset and img2dataset write them."""

import collections
import io
import json
import tarfile

import numpy as np
import pytest
import tensorflow as tf

from tests.prepare.media_maker import make_media
from vatt import cli
from vatt.data import record_server, stored_set
from vatt.data.captions import Captions
from vatt.data.datasets.prepared import PreparedClips
from vatt.files import places
from vatt.files.json_file import read_object
from vatt.prepare import made_records, media_file
from vatt.prepare.errors import PreparationError
from vatt.prepare.layouts.webdataset import plan_tar_files
from vatt.prepare.tar_shards import expand
from vatt.spec import ClipSpec

CLIP = ClipSpec(frames=4, frame_rate_hz=5.0, frame_size=16, sample_rate_hz=8000, words=4, candidates=2)
VTT = b"WEBVTT\n\n00:00.000 --> 00:01.000\na red disc\n\n00:01.000 --> 00:02.000\nit spins\n"


def tar_of(path, members):
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    made = []
    for number in range(4):
        frames, samples = 20 + 3 * number, np.arange(32_000 + 4800 * number)
        pictures = np.stack([np.full((48, 64, 3), 8 * each + number, np.uint8) for each in range(frames)])
        make_media(
            folder / f"{number}.mp4",
            pictures=pictures,
            sound=(8000 * np.sin(samples / 9)).astype(np.int16)[:, np.newaxis],
        )
        made.append((folder / f"{number}.mp4").read_bytes())
    return made


@pytest.fixture
def shards(tmp_path, videos):
    """Two tar files with four videos, and what else may be in them."""
    (tmp_path / "shards").mkdir()
    image = io.BytesIO()
    from PIL import Image

    Image.new("RGB", (32, 24), (200, 10, 10)).save(image, "PNG")
    tar_of(
        tmp_path / "shards" / "000000.tar",
        [
            ("0000.mp4", videos[0]),
            ("0000.txt", b"a red disc\n"),
            ("0000.json", b'{"caption": "not this one"}'),
            ("0001.mp4", videos[1]),
            ("0001.vtt", VTT),
            ("0002.json", json.dumps({"status": "failed_to_download", "caption": "gone"}).encode()),
            ("0003.png", image.getvalue()),
            ("0003.json", json.dumps({"caption": "a red  picture"}).encode()),
            ("0003.cls", b"7"),
        ],
    )
    tar_of(
        tmp_path / "shards" / "000001.tar",
        [("a/0000.mp4", videos[2]), ("a/0000.txt", b"a star"), ("a/0001.mp4", videos[3])],
    )
    return tmp_path / "shards"


def test_samples_become_clips_and_the_rest_is_counted(shards):
    plan = plan_tar_files([f"{shards}/{{000000..000002}}.tar"], name="mine")
    assert [clip.media_id for clip in plan.clips] == [
        "000000.tar/0000",
        "000000.tar/0001",
        "000000.tar/0003",
        "000001.tar/a/0000",
        "000001.tar/a/0001",
    ]
    assert [[text for *_, text in clip.captions] for clip in plan.clips] == [
        ["a red disc"],
        ["a red disc", "it spins"],
        ["a red picture"],
        ["a star"],
        [],
    ]
    assert [name for name, _ in plan.missing] == [f"{shards}/000002.tar"]
    assert {reason.one: count for reason, count in plan.planning.left_out} == {
        "sample without media": 1,
        "member of a sample that is not used": 1,
    }


def test_a_tar_file_that_is_cut_short_loses_what_is_behind(shards):
    content = (shards / "000000.tar").read_bytes()
    (shards / "000000.tar").write_bytes(content[: len(content) // 2])
    plan = plan_tar_files([f"{shards}/*.tar"], name="mine")
    assert "000001.tar/a/0001" in [clip.media_id for clip in plan.clips]
    assert any("damaged" in reason.one for reason, _ in plan.planning.left_out)


def test_patterns():
    assert expand(["s/{098..101}.tar", "x.tar"]) == [
        "s/098.tar",
        "s/099.tar",
        "s/100.tar",
        "s/101.tar",
        "x.tar",
    ]
    assert expand(["{a,b}/{0..1}"]) == ["a/0", "a/1", "b/0", "b/1"]
    with pytest.raises(PreparationError, match="which means none"):
        expand(["/nowhere/*.tar"])


def batches(directory, count=3):
    dataset = PreparedClips(directory=directory, clip=CLIP, captions=Captions(), threads=2)
    made = dataset.train_batches(batch_size=3, first_step=2, seed=4)
    return dataset.info, [tf.nest.map_structure(np.asarray, batch) for _, batch in zip(range(count), made)]


def assert_same(one, other):
    for left, right in zip(one, other, strict=True):
        assert left.keys() == right.keys()
        for name in left:
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def test_prepared_in_place_and_as_files_give_the_same_batches(shards, videos, tmp_path):
    pattern = f"{shards}/{{000000..000001}}.tar"
    options = ["--short_side_pixels=24", "--processes=1", "--audio_rate_hz=16000"]
    assert cli.main(["prepare", "webdataset", pattern, str(tmp_path / "set"), *options]) == 0
    assert cli.main(["prepare", "webdataset", pattern, str(tmp_path / "index"), "--in_place", *options]) == 0
    (info, copied), (in_place_info, in_place) = batches(tmp_path / "set"), batches(tmp_path / "index")
    assert_same(copied, in_place)
    assert info.train_size == in_place_info.train_size == 5
    report = read_object(tmp_path / "set" / "preparation.json")
    assert report["left_out"]["samples without media"]["count"] == 1
    assert sum(path.stat().st_size for path in (tmp_path / "index").iterdir()) < 20_000
    stored_set.fetcher.cache_clear()


def test_from_a_store_as_from_a_folder(shards, tmp_path, bucket):
    store = places.open_store(f"{bucket}/shards")
    for path in shards.iterdir():
        store.write(path.name, path.read_bytes())
    options = ["--short_side_pixels=24", "--processes=1", "--in_place"]
    assert cli.main(["prepare", "webdataset", f"{shards}/*.tar", str(tmp_path / "here"), *options]) == 0
    assert (
        cli.main(["prepare", "webdataset", f"{bucket}/shards/*.tar", str(tmp_path / "there"), *options]) == 0
    )
    assert_same(batches(tmp_path / "here")[1], batches(tmp_path / "there")[1])
    stored_set.fetcher.cache_clear()


def test_a_store_that_does_not_answer_is_waited_for_in_training(shards, tmp_path, bucket, monkeypatch):
    places.open_store(f"{bucket}/shards").write("000000.tar", (shards / "000000.tar").read_bytes())
    index = tmp_path / "index"
    command = ["prepare", "webdataset", f"{bucket}/shards/000000.tar", str(index), "--in_place"]
    assert cli.main([*command, "--processes=1"]) == 0
    monkeypatch.setattr(record_server, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(media_file, "_source", media_file.STORES)  # and put back behind the test
    monkeypatch.setattr(media_file.STORES, "_blocks", collections.OrderedDict())
    really, outages = places.Store.read, [places.StoreError("the store does not answer")] * 3

    def read(*arguments):
        if outages:
            raise outages.pop()
        return really(*arguments)

    monkeypatch.setattr(places.Store, "read", read)
    records = made_records.MadeRecords({"place": index, "folder": tmp_path, "token": ""})
    (shard, *_) = read_object(index / "dataset.json")["splits"]["train"]["shards"]
    with records._pool:
        size = (index / shard["file"]).read_bytes().index(b"\n")
        assert len(records.framed(shard["file"], 0, size)) > 1000 and not outages


def test_a_damaged_video_is_replaced_in_training(shards, videos, tmp_path):
    damaged = b"\0" * len(videos[0])
    members = [(f"{number}.mp4", damaged if number == 1 else videos[number]) for number in range(4)]
    tar_of(shards / "damaged.tar", members)
    index = tmp_path / "index"
    assert cli.main(["prepare", "webdataset", f"{shards}/damaged.tar", str(index), "--in_place"]) == 0
    dataset = PreparedClips(directory=index, clip=CLIP, max_corrupt_share=0.5, threads=1)
    made = dataset.train_batches(batch_size=4, first_step=0, seed=0)
    assert next(iter(made))["video"].shape[0] == 4
    assert dataset.info.corrupt_records() == 1
    stored_set.fetcher.cache_clear()


def test_the_doctor_says_that_there_are_no_records(shards, tmp_path, capsys):
    assert cli.main(["prepare", "webdataset", f"{shards}/*.tar", str(tmp_path / "index"), "--in_place"]) == 0
    assert cli.main(["doctor", str(tmp_path / "index")]) == 2
    assert "Prepare the set without --in_place" in capsys.readouterr().err
