import json
import math
import re

import numpy as np
import pytest
from media_maker import beep, grey, make_media
from PIL import Image

from vatt.prepare.errors import PreparationError
from vatt.prepare.folder import plan_folder
from vatt.prepare.job import Running
from vatt.prepare.media import MediaOptions
from vatt.prepare.plan import plan_shards
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.record import RecordOptions

SRT = "1\n00:00:00,100 --> 00:00:00,300\na dog barks\n"


@pytest.fixture
def folder(tmp_path):
    """A tree of files that are empty: planning only looks at names, and at captions."""
    root = tmp_path / "mine"
    for name in (
        *("dogs/a.mp4", "dogs/a.srt", "dogs/a.jpg", "dogs/b.JPG", "cats/a.wav", "cats/a.txt", "top.gif"),
        *(".hidden/x.mp4", ".x.mp4", "notes.md", "cats/c.part", "dogs/d.ogv"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "dogs/a.srt").write_text(SRT)
    (root / "cats/a.txt").write_text("a cat\npurrs\n")
    (root / "folder.mp4").mkdir()
    return root


def test_every_media_file_is_a_clip_and_covers_are_not(folder):
    plan = plan_folder(folder)
    assert [clip.media_id for clip in plan.clips] == [
        *("cats/a.wav", "dogs/a.mp4", "dogs/b.JPG", "dogs/d.ogv", "top.gif"),
    ]
    clips = {clip.media_id: clip for clip in plan.clips}
    assert clips["dogs/a.mp4"].captions == ((0.1, 0.3, "a dog barks"),)
    assert clips["cats/a.wav"].captions == ((0.0, math.inf, "a cat"), (0.0, math.inf, "purrs"))
    assert {clip.segment_seconds for clip in plan.clips} == {10.0}
    assert plan.name == "mine" and plan.labels == () and plan.missing == ()
    assert not any(clip.labels for clip in plan.clips)


def test_labels_are_the_names_of_folders(folder):
    plan = plan_folder(folder, labels="folders", segment_seconds=None)
    assert plan.labels == ("cats", "dogs")
    assert {clip.media_id: clip.labels for clip in plan.clips} == {
        "cats/a.wav": ((0, "cats"),),
        "dogs/a.mp4": ((1, "dogs"),),
        "dogs/b.JPG": ((1, "dogs"),),
        "dogs/d.ogv": ((1, "dogs"),),
        "top.gif": (),
    }
    assert {clip.segment_seconds for clip in plan.clips} == {None}


def test_a_file_stays_in_its_split_when_others_come(folder):
    before = {clip.media_id: clip.split for clip in plan_folder(folder, test_share=0.5).clips}
    for number in range(20):
        (folder / f"0{number}.mp4").touch()
    after = {clip.media_id: clip.split for clip in plan_folder(folder, test_share=0.5).clips}
    assert set(after.values()) == {"train", "test"}
    assert {name: after[name] for name in before} == before
    assert {clip.split for clip in plan_folder(folder, test_share=1.0).clips} == {"test"}


def test_nothing_held_out_is_told_with_a_share_that_holds_out_files(folder, capsys):
    plan_folder(folder, test_share=1e-6)
    told = "".join(capsys.readouterr())
    (share,) = re.findall(r"No clip is for testing.*--test_share (\S+), which", told)
    drawn = plan_folder(folder, test_share=float(share)).clips
    assert sum(clip.split == "test" for clip in drawn) == 2


def test_nothing_held_out_of_a_manifest_is_told_with_its_column(folder, capsys):
    (folder / "clips.csv").write_text("path,split\ndogs/a.mp4,train\n")
    plan_folder(folder / "clips.csv", test_share=0.1)
    assert "write `test` into the column `split` of some rows" in "".join(capsys.readouterr())


def test_unreadable_captions_are_told_and_left_out(folder, capsys):
    (folder / "cats/a.txt").rename(folder / "cats/a.json")
    (folder / "cats/a.json").write_text("{")
    (folder / "dogs/a.srt").write_text("")
    plan = plan_folder(folder)
    assert not any(clip.captions for clip in plan.clips)
    told = capsys.readouterr().err
    assert "1 caption file that can not be read" in told and "1 caption file without a caption" in told
    assert "Captions: can not be read: " in told and "(cats/a.json)" in told


def test_a_manifest_in_place_of_a_folder(folder):
    path = folder / "clips.csv"
    path.write_text("path,label,split\ndogs/a.mp4,dog,\ncats/a.wav,cat,valid\nnone.mp4,dog,train\n")
    plan = plan_folder(path, test_share=1.0)
    assert [(clip.media_id, clip.split, clip.segment_seconds) for clip in plan.clips] == [
        ("dogs/a.mp4", "test", 10.0),
        ("cats/a.wav", "valid", 10.0),
    ]
    assert plan.clips[0].captions == ((0.1, 0.3, "a dog barks"),)
    assert plan.labels == ("cat", "dog") and plan.name == "clips"
    assert plan.missing == (("none.mp4", str(folder / "none.mp4")),)
    path.write_text("path\nnone.mp4\n")
    with pytest.raises(PreparationError, match="none.mp4.*relative to the manifest"):
        plan_folder(path)
    with pytest.raises(PreparationError, match="column `label`"):
        plan_folder(path, labels="folders")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"test_share": 1.5}, r"`test_share` must be between 0 and 1. Received: 1.5"),
        ({"segment_seconds": 0.0}, r"`segment_seconds` must be positive. Received: 0.0"),
        ({"labels": "files"}, r"`labels` must be one of none, folders. Received: 'files'"),
    ],
)
def test_arguments_are_checked(folder, arguments, message):
    with pytest.raises(PreparationError, match=message):
        plan_folder(folder, **arguments)


def test_nothing_to_prepare(tmp_path):
    with pytest.raises(PreparationError, match="must be a folder of media, or a manifest"):
        plan_folder(tmp_path / "none")
    with pytest.raises(PreparationError, match=r"holds no media file.*\.mp4"):
        plan_folder(tmp_path)


def test_a_mixed_folder_becomes_records(tmp_path, capsys):
    root = tmp_path / "mine"
    root.mkdir()
    beeps = beep(2.5, at=1.2)
    make_media(root / "film.mkv", pictures=grey([90] * 25), sound=beeps, audio_codec="flac")
    make_media(root / "silent.webm", pictures=grey([90] * 5), video_codec="libvpx")
    make_media(root / "quiet.mov", pictures=grey([90] * 5), sound=np.zeros((8_000, 1), np.int16))
    make_media(root / "sound.wav", sound=beep(1.0, at=0.5), audio_codec="pcm_s16le")
    make_media(root / "moving.gif", pictures=grey([10, 200, 10]), video_codec="gif", pixel_format="rgb8")
    Image.fromarray(grey([70])[0]).save(root / "picture.png")
    (root / "film.srt").write_text(SRT)
    (root / "picture.txt").write_text("grey\n")
    out = tmp_path / "out"
    options = RecordOptions(media=MediaOptions(short_side_pixels=16, audio_rate_hz=8_000))
    plan = plan_folder(root, test_share=0.0, segment_seconds=1.0)
    summary = prepare_clips(plan, out, options=options, running=Running(processes=1, max_failures=0.0))
    assert summary.failures == []
    # The video of 2.5 s is three records of 1 s, 1 s and 0.5 s, one with audio; all else is one record.
    assert summary.records == 8
    split = json.loads((out / "dataset.json").read_text())["splits"]["train"]
    assert split["clips_with"] == {"video": 7, "audio": 2, "captions": 4, "labels": 0}
    told = "".join(capsys.readouterr())
    assert "train: 8 records, 0.1 minutes; 7 with video, 2 with audio, 4 with captions" in told


def tree(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(SRT if name.endswith((".srt", ".vtt")) else name)
    return root


def test_the_folder_itself_may_hold_the_output(tmp_path):
    root = tree(tmp_path, "a.mp4", "RECORDS/b.mp4", "RECORDS/preparation.json")
    plan = plan_folder(root, output=root / "RECORDS")
    assert [clip.media_id for clip in plan.clips] == ["a.mp4"]
    assert plan.planning.left_out.content() == {
        "folders of this program's output": {"count": 1, "first": ["RECORDS"]}
    }


def test_captions_of_several_files_are_chosen_and_said(tmp_path, capsys):
    root = tree(
        tmp_path / "mine", "a.mp4", "a.de.srt", "a.en.srt", "b.mp4", "b.vtt", "b.srt", "c.mp4", "c.fr.srt"
    )
    planning = plan_folder(root).planning
    (chosen,) = planning.decided.content().values()
    assert chosen == {"count": 2, "first": ["a.mp4: a.en.srt, not a.de.srt", "b.mp4: b.srt, not b.vtt"]}
    told = capsys.readouterr().err
    assert "2 caption files that were not chosen" in told
    assert "2 files have captions in several files" in told and "a.mp4: a.en.srt, not a.de.srt" in told
    plan = plan_folder(root, language="de")
    assert [bool(clip.captions) for clip in plan.clips] == [True, True, False]
    assert "2 caption files in other languages than --language" in capsys.readouterr().err
    with pytest.raises(ValueError, match="`--language` must be"):
        plan_folder(root, language="klingonisch")


def test_json_that_is_no_transcript_falls_through(tmp_path):
    root = tree(tmp_path, "a.mp4", "b.mp4", "b.json", "b.txt")
    (root / "a.json").write_text('{"title": "no transcript"}')
    (root / "a.info.json").write_text('{"id": "x", "title": "y"}')
    (root / "a.txt").write_text("words of a\n")
    plan = plan_folder(root)
    assert [clip.captions[0][2] for clip in plan.clips] == ["words of a", "b.txt"]
    content = plan.planning.left_out.content()
    assert content["JSON files that are no transcripts"]["first"] == ["a.json"]
    assert content["caption files that can not be read"]["first"] == ["b.json"]
    assert content["text and JSON files without media of their names"]["first"] == ["a.info.json"]


def test_captions_that_nobody_uses_are_said(tmp_path):
    root = tree(tmp_path, "a.mp4", "Subs/2_English.srt", "b.srt", "README.txt", "d/a.srt")
    content = plan_folder(root).planning.left_out.content()
    assert {reason: found["first"] for reason, found in content.items()} == {
        "caption files in folders for subtitles, which are not searched": ["Subs/2_English.srt"],
        "caption files without media of their names": ["b.srt", "d/a.srt"],
        "text and JSON files without media of their names": ["README.txt"],
    }


def test_links_to_captions_stay_in_the_folder(tmp_path):
    root = tree(tmp_path / "mine", "a.mp4", "b.mp4", "sub/c.srt")
    tree(tmp_path, "secret.srt")
    (root / "a.srt").symlink_to(tmp_path / "secret.srt")
    (root / "b.srt").symlink_to("sub/c.srt")
    plan = plan_folder(root)
    assert [bool(clip.captions) for clip in plan.clips] == [False, True]
    assert plan.planning.left_out.content()["links that lead out of the folder"]["first"] == ["a.srt"]
    (root / "m.csv").write_text("path\na.mp4\nb.mp4\n")
    (root / "b.srt").unlink()
    (root / "b.srt").write_text(SRT)
    plan = plan_folder(root / "m.csv")
    assert [bool(clip.captions) for clip in plan.clips] == [False, True]
    content = plan.planning.left_out.content()
    assert content["links to captions that lead out of the folder"]["count"] == 1


def test_folders_called_train_and_test_are_splits(tmp_path, capsys):
    names = ("train/dogs/a.mp4", "train/b.mp4", "Val/cats/c.mp4", "test/dogs/d.mp4")
    root = tree(tmp_path / "mine", *names)
    plan = plan_folder(root, labels="folders")
    assert {clip.media_id: (clip.split, clip.labels) for clip in plan.clips} == {
        "Val/cats/c.mp4": ("validation", ((0, "cats"),)),
        "test/dogs/d.mp4": ("test", ((1, "dogs"),)),
        "train/b.mp4": ("train", ()),
        "train/dogs/a.mp4": ("train", ((1, "dogs"),)),
    }
    assert (
        "4 clips are in the splits of their top-level folders (--splits hash draws" in capsys.readouterr().err
    )
    assert "splits=folders" in plan.definition
    plan = plan_folder(root, splits="hash", test_share=1.0, labels="folders")
    assert {clip.split for clip in plan.clips} == {"test"} and plan.labels == ("cats", "dogs", "train")
    assert "4 clips in folders with splits' names are in splits that were drawn" in capsys.readouterr().err
    tree(root, "e.mp4")
    assert {clip.split for clip in plan_folder(root, test_share=0.0).clips} == {"train"}
    plan = plan_folder(root, splits="folders")
    assert len(plan.clips) == 4
    assert plan.planning.left_out.content()["media files outside of the splits' folders"]["first"] == [
        "e.mp4"
    ]
    capsys.readouterr()
    plan_folder(tree(tmp_path / "other", "train/a.mp4", "val/b.mp4"))
    assert "--gin.PreparedClips.eval_split=validation" in capsys.readouterr().err
    with pytest.raises(PreparationError, match="column `split`"):
        (root / "m.csv").write_text("path\ne.mp4\n")
        plan_folder(root / "m.csv", splits="folders")


def test_names_that_are_no_utf_8_become_records(tmp_path):
    """A name in Latin-1, as old archives and FAT disks have them: file, folder and manifest."""
    root = tmp_path / "mine"
    odd = root / "klass\udce9"
    odd.mkdir(parents=True)
    make_media(root / "a.mkv", pictures=grey([90] * 5), sound=beep(0.5, at=0.1))
    (root / "a.mkv").rename(odd / "caf\udce9.mkv")
    (odd / "caf\udce9.srt").write_text(SRT)
    (odd / "broken\udce9.mp4").write_text("no media")
    (root / "m.csv").write_bytes(b"path,caption\nklass\xe9/caf\xe9.mkv,caf\xc3\xa9\n")
    for number, plan in enumerate((plan_folder(root, labels="folders"), plan_folder(root / "m.csv"))):
        clip = plan.clips[-1]
        assert clip.media_id == "klass\\xe9/caf\\xe9.mkv" and len(clip.captions) == 1
        out = tmp_path / f"out{number}"
        prepare_clips(plan, out, running=Running(processes=1, max_failures=0.5))
        report = json.loads((out / "preparation.json").read_text())
        assert report["records"] == 1 and len(report["failed"]) == 1 - number
    assert plan_folder(root, labels="folders").labels == ("klass\\xe9",)


def test_an_image_and_its_audio_are_one_clip(tmp_path):
    root = tmp_path / "mine"
    root.mkdir()
    Image.fromarray(grey([70])[0]).save(root / "0000.png")
    make_media(root / "0000.wav", sound=beep(2.5, at=1.2), audio_codec="pcm_s16le")
    (root / "0000.txt").write_text("a beep\n")
    plan = plan_folder(root, segment_seconds=1.0, test_share=0.0)
    (clip,) = plan.clips
    assert (clip.media_id, clip.media, clip.audio) == (
        "0000.png",
        str(root / "0000.png"),
        str(root / "0000.wav"),
    )
    assert clip.captions == ((0.0, math.inf, "a beep"),) and not plan.planning.left_out
    (paired,) = plan.planning.decided.content().values()
    assert paired == {"count": 1, "first": ["0000.png + 0000.wav"]}
    options = RecordOptions(media=MediaOptions(max_frame_rate_hz=10.0, audio_rate_hz=8_000))
    prepare_clips(plan, tmp_path / "out", options=options, running=Running(processes=1))
    split = json.loads((tmp_path / "out/dataset.json").read_text())["splits"]["train"]
    assert split["clips_with"] == {"video": 3, "audio": 1, "captions": 3, "labels": 0}
    report = json.loads((tmp_path / "out/preparation.json").read_text())
    assert report["decided"] == plan.planning.decided.content() and report["left_out"] == {}


def test_another_audio_file_makes_another_clip(tmp_path):
    """What a shard was made from is known by all of its files."""
    root = tree(tmp_path, "a.png", "a.wav")
    options = RecordOptions()
    (before,) = plan_shards(plan_folder(root).clips, options, 256)
    (root / "a.wav").write_text("longer than before")
    (after,) = plan_shards(plan_folder(root).clips, options, 256)
    assert before.fingerprint != after.fingerprint
