import json
import math

import numpy as np
import pytest
from media_maker import beep, grey, make_media
from PIL import Image

from vatt.prepare.errors import PreparationError
from vatt.prepare.folder import plan_folder
from vatt.prepare.media import MediaOptions
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


def test_nothing_held_out_is_told(folder, capsys):
    plan_folder(folder, test_share=1e-6)
    assert "No clip is for testing" in "".join(capsys.readouterr())


def test_unreadable_captions_are_told_and_left_out(folder, capsys):
    (folder / "cats/a.txt").rename(folder / "cats/a.json")
    (folder / "dogs/a.srt").write_text("")
    plan = plan_folder(folder)
    assert not any(clip.captions for clip in plan.clips)
    told = capsys.readouterr()
    assert "cats/a.json: the captions can not be read" in told.err + told.out
    assert "dogs/a.srt: holds no caption" in told.err + told.out


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
        ({"test_share": 1.5}, r"`test_share` must lie between 0 and 1. Received: 1.5"),
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
    summary = prepare_clips(plan.clips, out, name=plan.name, options=options, workers=1, max_failures=0.0)
    assert summary.failures == ()
    # The film of 2.5 s is three records of 1 s, 1 s and 0.5 s, one with sound; everything else is one record.
    assert summary.clips == 8
    split = json.loads((out / "dataset.json").read_text())["splits"]["train"]
    assert split["clips_with"] == {"video": 7, "audio": 2, "captions": 4, "labels": 0}
    told = "".join(capsys.readouterr())
    assert "train: 8 records, 0.1 minutes; 7 with video, 2 with audio, 4 with captions" in told
