"""Sets that are made in parts, and in object stores."""

import concurrent.futures

import pytest
from clip_maker import make_clips, prepare, shard_bytes

from vatt import cli, places
from vatt.json_file import read_object
from vatt.mirror import Mirror
from vatt.prepare import prepare as prepare_module
from vatt.prepare import writer
from vatt.prepare.errors import PreparationError
from vatt.prepare.job import Running


@pytest.fixture
def clips(tmp_path):
    return make_clips(tmp_path)


@pytest.fixture
def whole(clips, tmp_path):
    prepare(clips, tmp_path / "whole")
    return tmp_path / "whole"


def fetched(address, folder):
    folder.mkdir()
    Mirror(address, folder).pull()
    return folder


def same_set(one, other):
    assert shard_bytes(one) == shard_bytes(other)
    stated = [read_object(each / "dataset.json") for each in (one, other)]
    assert stated[0]["splits"] == stated[1]["splits"] and stated[0]["fingerprint"] == stated[1]["fingerprint"]
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in other.iterdir())


@pytest.mark.parametrize("where", ["folder", "store"])
def test_parts_make_the_set_that_one_process_makes(clips, whole, tmp_path, bucket, where):
    out = tmp_path / "out" if where == "folder" else f"{bucket}/sets/mine"
    for part in ((2, 3), (3, 3), (2, 3), (1, 3)):
        prepare(clips, out, workers=1, part=part)
    same_set(whole, out if where == "folder" else fetched(out, tmp_path / "out"))


def test_parts_at_the_same_time(clips, whole, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        made = [
            threads.submit(prepare, clips, tmp_path / "out", workers=1, part=(number, 2)) for number in (1, 2)
        ]
        for each in made:
            try:
                each.result()
            except PreparationError as error:  # the other one finishes the set at this moment
                assert "at this moment" in str(error)
    same_set(whole, tmp_path / "out")


def test_a_set_in_a_store_resumes_with_what_was_sent(clips, whole, tmp_path, bucket, monkeypatch):
    address, write_shard, calls = f"{bucket}/set", writer.write_shard, []

    def stopped(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write_shard(*arguments, **options)

    monkeypatch.setattr(writer, "write_shard", stopped)
    with pytest.raises(KeyboardInterrupt):
        prepare(clips, address)
    kept = places.open_store(address).entries()
    assert sum(name.endswith(".tfrecord") for name in kept) == 2 and "dataset.json" not in kept
    prepare(clips, address)
    assert len(calls) == 3 + len(list(whole.glob("*.tfrecord"))) - 2
    same_set(whole, fetched(address, tmp_path / "out"))
    prepare(clips, address)  # prepared already
    assert len(calls) == 3 + len(list(whole.glob("*.tfrecord"))) - 2


def test_two_preparations_of_one_address(clips, bucket, monkeypatch):
    from vatt import store_lock

    monkeypatch.setattr(store_lock, "_LEASE_SECONDS", 0.8)
    monkeypatch.setattr(store_lock, "_LOOK_SECONDS", 0.1)
    with (
        prepare_module._place(f"{bucket}/set", "", Running()),
        pytest.raises(OSError, match="A preparation of another process is at work there"),
    ):
        prepare(clips, f"{bucket}/set")


def test_what_has_to_be_here_is_said(tmp_path, capsys):
    assert cli.main(["prepare", "folder", "s3://bucket/videos", str(tmp_path / "out")]) == 2
    assert "`media` must be a folder or a file of this machine" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["prepare", "folder", str(tmp_path), str(tmp_path / "out"), "--part=4/3"])
