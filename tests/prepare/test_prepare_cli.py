import argparse
import json

import pytest
from media_maker import beep, grey, make_media

from vatt.prepare import cli


def vatt_prepare(*words):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return cli.main(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def folder(tmp_path):
    media = tmp_path / "media"
    (media / "deep").mkdir(parents=True)
    make_media(media / "a.mp4", pictures=grey([50] * 4), sound=beep(0.4, at=0.1))
    make_media(media / "deep" / "b.mkv", pictures=grey([50] * 4))
    make_media(media / "c.wav", sound=beep(0.4, at=0.1), audio_codec="pcm_s16le")
    (media / "a.srt").write_text("1\n00:00:00,000 --> 00:00:00,300\nhello there\n")
    (media / "notes.txt").write_text("no media")
    (media / ".hidden.mp4").write_bytes(b"no media")
    return media


def test_folder(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert vatt_prepare("folder", folder, out, "--test_share", 0, "--workers", 1) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(out)
    assert f"--gin.DATA_DIR='{out}'" in told.err.replace("'\"'\"'", "'")
    dataset = json.loads((out / "dataset.json").read_text())
    assert dataset["splits"]["train"]["clips"] == 3 and dataset["name"] == "media"
    assert (out / "vocabulary.txt").read_text().split() == ["<pad>", "<unk>", "hello", "there"]


def test_a_place_that_can_not_be_written(folder, tmp_path, capsys):
    (folder / "c.srt").write_text("")
    assert vatt_prepare("folder", folder, folder / "a.mp4" / "out") == 1
    told = capsys.readouterr().err
    assert "a.mp4/out can not be written" in told and "another OUT" in told
    assert "c.srt: holds no caption" in told


def test_the_split_is_a_property_of_the_name(folder):
    from vatt.prepare.folder import find_clips

    before = {clip.media_id: clip.split for clip in find_clips(folder, 0.5)}
    (folder / "a.mp4").rename(folder / "z.mp4")
    after = {clip.media_id: clip.split for clip in find_clips(folder, 0.5)}
    assert set(before) == {"a.mp4", "c.wav", "deep/b.mkv"}
    assert {name: after[name] for name in ("c.wav", "deep/b.mkv")} == {
        name: before[name] for name in ("c.wav", "deep/b.mkv")
    }
    assert {clip.split for clip in find_clips(folder, 1.0)} == {"test"}


def test_too_many_failures_give_a_status(folder, tmp_path, capsys):
    (folder / "bad.mp4").write_bytes(b"no media")
    assert vatt_prepare("folder", folder, tmp_path / "out", "--workers", 1) == 1
    assert "bad.mp4" in capsys.readouterr().err


def test_nothing_to_prepare(tmp_path, capsys):
    assert vatt_prepare("folder", tmp_path / "none", tmp_path / "out") == 1
    (tmp_path / "empty").mkdir()
    assert vatt_prepare("folder", tmp_path / "empty", tmp_path / "out") == 1
    assert "holds no media file" in capsys.readouterr().err


def test_demo_refuses_nonsense(tmp_path, capsys):
    assert vatt_prepare("demo", "--data_dir", tmp_path, "--clips", 0) == 1
    assert "clips=0" in capsys.readouterr().err
