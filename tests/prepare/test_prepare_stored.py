"""Sets that are made in parts, and in object stores."""

import concurrent.futures
import shutil
import sys
import unicodedata

import pytest
from clip_maker import OPTIONS, prepare, shard_bytes
from media_maker import beep, grey, make_media
from PIL import Image

from tests.object_stores import fetched
from vatt import cli
from vatt.files import places
from vatt.files.json_file import read_object
from vatt.prepare import media_file, stored_folder, unfinished, writer
from vatt.prepare import prepare as prepare_module
from vatt.prepare.errors import PreparationError
from vatt.prepare.folder import plan_folder
from vatt.prepare.job import Running
from vatt.prepare.manifest import read_manifest


def same_set(one, other):
    assert shard_bytes(one) == shard_bytes(other)
    stated = [read_object(each / "dataset.json") for each in (one, other)]
    assert stated[0]["splits"] == stated[1]["splits"] and stated[0]["fingerprint"] == stated[1]["fingerprint"]
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in other.iterdir())


@pytest.mark.parametrize("where", ["folder", "store"])
def test_parts_make_the_set_that_one_process_makes(clips, whole, tmp_path, bucket, where):
    out = tmp_path / "out" if where == "folder" else f"{bucket}/sets/mine"
    for part in ((2, 3), (3, 3), (2, 3), (1, 3)):
        prepare(clips, out, processes=1, part=part)
    same_set(whole, out if where == "folder" else fetched(out, tmp_path / "out"))


def test_parts_at_the_same_time(clips, whole, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        made = [
            threads.submit(prepare, clips, tmp_path / "out", processes=1, part=(number, 2))
            for number in (1, 2)
        ]
        assert {each.result().records for each in made} <= {3, 4, 7}
    same_set(whole, tmp_path / "out")


def test_the_set_is_finished_when_no_part_is_at_work(clips, whole, tmp_path, capsys):
    out = tmp_path / "out"
    prepare(clips, out, processes=1, part=(2, 2))
    assert "part 2 of 2 is finished; 2 shards are left to the others" in capsys.readouterr().err
    with unfinished.Unfinished(out).alone("-2-of-2"):  # part 2 once more, still reading what it made
        prepare(clips, out, processes=1, part=(1, 2))
    assert "part 1 of 2 is finished; another one at work finishes the set" in capsys.readouterr().err
    assert not (out / "dataset.json").exists()
    prepare(clips, out, processes=1, part=(2, 2))
    same_set(whole, out)


def test_a_part_may_start_while_another_looks_whether_it_is_at_work(tmp_path):
    looking = unfinished.Unfinished(tmp_path).last(["-1-of-2", "-2-of-2"])
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        with looking as is_last:
            assert is_last
            entered = threads.submit(lambda: unfinished.Unfinished(tmp_path).alone("-2-of-2").__enter__())
            assert not concurrent.futures.wait([entered], timeout=0.2).done
        assert entered.result() is None


@pytest.mark.parametrize("which", ["alone", "last"])
def test_the_folder_may_go_while_its_lock_is_taken(tmp_path, monkeypatch, which):
    lock_file, removed = unfinished.lock_file, []

    def removing(path):  # as another part does that has just finished the set
        if not removed:
            removed.append(path.parent)
            shutil.rmtree(path.parent)
        return lock_file(path)

    monkeypatch.setattr(unfinished, "lock_file", removing)
    held, parts = unfinished.Unfinished(tmp_path), {"alone": "-1-of-2", "last": ["-1-of-2"]}
    with getattr(held, which)(parts[which]) as is_last:
        assert removed and is_last is (None if which == "alone" else True)
        with pytest.raises(PreparationError, match="Another process"), held.alone("-1-of-2"):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="folders in which nobody can make one are Linux's /proc")
@pytest.mark.parametrize("place", ["/proc/vatt/set", "/proc/self", "a file"])
def test_where_no_folder_can_be_made_the_reason_is_said_at_once(clips, tmp_path, place):
    (tmp_path / "a file").touch()
    place = tmp_path / place  # /proc stays /proc
    held = unfinished.Unfinished(place)
    for taken in (held.alone(), held.last(["-1-of-2"])):
        with pytest.raises((FileNotFoundError, FileExistsError)), taken:
            pass
    with pytest.raises(PreparationError, match="can not be written"):
        prepare(clips, place)


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
    from vatt.files import store_lock

    monkeypatch.setattr(store_lock, "_LEASE_SECONDS", 0.8)
    monkeypatch.setattr(store_lock, "_LOOK_SECONDS", 0.1)
    with (
        prepare_module._place(f"{bucket}/set", "", Running()),
        pytest.raises(OSError, match="A preparation of another process is at work there"),
    ):
        prepare(clips, f"{bucket}/set")


def test_what_has_to_be_here_is_said(tmp_path, capsys):
    given = ["--annotations", str(tmp_path), "--media", "s3://bucket/videos", str(tmp_path / "out")]
    assert cli.main(["prepare", "ucf101", *given]) == 2
    assert "`media` must be a folder or a file of this machine" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["prepare", "folder", str(tmp_path), str(tmp_path / "out"), "--part=4/3"])


@pytest.fixture
def media(tmp_path, bucket):
    """(a folder of videos, captions and pairs, the address of the same in a store)."""
    folder = tmp_path / "videos"
    for number, name in enumerate(("train/a.mp4", "train/b.mp4", "test/c d.mp4")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        make_media(folder / name, pictures=grey([number * 30] * 4), sound=beep(0.4, at=0.1))
    make_media(folder / "train/p.wav", sound=beep(0.5, at=0.1), audio_codec="pcm_s16le")
    Image.new("RGB", (32, 24), (90, 10, 200)).save(folder / "train/p.png")
    (folder / "train/a.srt").write_text("1\n00:00:00,100 --> 00:00:00,300\na dog barks\n")
    (folder / "train/orphan.vtt").write_text("WEBVTT\n")
    (folder / "notes.md").write_text("no media")
    store = places.open_store(f"{bucket}/lab/videos")
    for path in folder.rglob("*"):
        if path.is_file():
            store.write(path.relative_to(folder).as_posix(), path)
    return folder, f"{bucket}/lab/videos"


def planned(place, capsys, **options):
    plan = plan_folder(place, **options)
    return plan, capsys.readouterr().err.replace(str(place), "PLACE")


def test_a_folder_in_a_store_is_prepared_as_one_of_this_machine(media, tmp_path, capsys):
    here, there = media
    (one, said), (other, said_there) = (planned(each, capsys, labels="folders") for each in media)
    assert said == said_there and "orphan" not in said and "PLACE: 4 clips, 1 with captions" in said
    assert other.name == one.name == "videos"
    assert {clip.media.removeprefix(there) for clip in other.clips} == {
        clip.media.removeprefix(str(here)) for clip in one.clips
    }
    for plan, out in ((one, "here"), (other, "there")):
        prepare_plan(plan, tmp_path / out)
    assert shard_bytes(tmp_path / "here") == shard_bytes(tmp_path / "there")


def prepare_plan(plan, out):
    prepare_module.prepare_clips(plan, out, options=OPTIONS, running=Running(processes=1))


def test_a_set_within_the_media_in_a_store_is_not_read_again(media, capsys):
    _, there = media
    places.open_store(there).write("set/x.mp4", b"")
    plan, said = planned(there, capsys, output=f"{there}/set")
    assert len(plan.clips) == 4 and "output" in said


def test_a_manifest_in_a_store_names_what_lies_beside_it(media, tmp_path, capsys):
    _, there = media
    table = b"path,caption,split\ntrain/a.mp4,a dog,train\n./test/c d.mp4,a cat,test\nnone.mp4,x,train\n"
    places.open_store(there).write("list.csv", table)
    plan, _ = planned(f"{there}/list.csv", capsys)
    assert [(clip.media, clip.media_id) for clip in plan.clips] == [
        (f"{there}/{name}", name) for name in ("train/a.mp4", "test/c d.mp4")
    ]
    assert plan.missing == (("none.mp4", f"{there}/none.mp4"),)
    places.open_store(there).write("bad.csv", b"path,colour\na,b\n")
    assert cli.main(["prepare", "folder", f"{there}/bad.csv", str(tmp_path / "out")]) == 2
    assert f"{there}/bad.csv, line 1: the columns of a manifest are" in capsys.readouterr().err


def test_paths_in_a_store_are_found_under_other_spellings_which_is_said(media, capsys):
    _, there = media
    nfc, nfd = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    store, names = places.open_store(there), [f"many/{number}.mp4" for number in range(40)]
    for name in (f"{nfd}/{nfd}.MP4", "d.WAV", "e.wav", "e.WAV", *names):
        store.write(name, b"")
    asked = [f"{nfc}/{nfc}.mp4", "train\\a.mp4", "d.wav", "e.Wav", "gone.wav", "../videos/train/b.mp4"]
    asked += [f"{there}/many/0.MP4", *names[1:], "many/40.mp4"]
    store.write("list.csv", "\n".join(["path,caption", *(f"{name},x" for name in asked)]).encode())
    plan, said = planned(f"{there}/list.csv", capsys)
    found = [f"{nfd}/{nfd}.MP4", "train/a.mp4", "d.WAV", "train/b.mp4", *names]
    assert [clip.media_id for clip in plan.clips] == found
    assert [clip.media for clip in plan.clips] == [f"{there}/{name}" for name in found]
    assert [media_id for media_id, _ in plan.missing] == ["e.Wav", "gone.wav", "many/40.mp4"]
    assert "4 files were found under other spellings" in said and "3 are missing" in said


def test_a_store_that_does_not_answer_is_no_missing_file(media, monkeypatch):
    _, there = media
    places.open_store(there).write("list.csv", b"path\nnever_asked_before.mp4\n")

    def fails(*_):
        raise places.StoreError("no answer")

    monkeypatch.setattr(places.Store, "entry", fails)
    with (
        pytest.raises(places.StoreError, match="no answer"),
        stored_folder.fetched_manifest(f"{there}/list.csv") as path,
    ):
        read_manifest(path, base=there)


def test_media_of_a_store_that_does_not_answer_are_no_failures(media, tmp_path, monkeypatch):
    plan = plan_folder(media[1])
    monkeypatch.setattr(media_file, "STORES", (blocks := media_file.StoreBlocks()))
    monkeypatch.setattr(media_file, "_source", blocks)
    with monkeypatch.context() as outage:

        def fails(*_):
            raise places.StoreError("no answer")

        outage.setattr(places.Store, "read", fails)
        with pytest.raises(PreparationError, match="^no answer. What is finished stays"):
            prepare_module.prepare_clips(
                plan, tmp_path / "set", running=Running(processes=1, max_failures=1.0)
            )
    made = prepare_module.prepare_clips(plan, tmp_path / "set", running=Running(processes=1))
    assert made.records and not made.failures


def test_an_object_that_is_a_folder_too_is_named(media):
    _, there = media
    places.open_store(there).write("train", b"")  # as consoles make a folder
    assert len(plan_folder(there).clips) == 4
    places.open_store(there).write("train", b"x")
    with pytest.raises(OSError, match=f"{there}/train"):
        plan_folder(there)
