"""Clips of Tux Paint's stamps, from a small tree of the package's form."""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.prepare.media_maker import beep, make_media
from vatt.prepare.folder import plan_folder

ROOT = Path(__file__).parents[1]
WORDS = {"koala": "A koala.", "house": "A house.", "pear": "A pear.", "bee": "A bee."}


@pytest.fixture(scope="module")
def layout():
    spec = importlib.util.spec_from_file_location("layout", ROOT / "data" / "tuxpaint" / "layout.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def stamps(tmp_path):
    """Four whole objects, and one of each kind that is left out."""
    folder = tmp_path / "stamps"
    (folder / "animals").mkdir(parents=True)
    for number, (name, sentence) in enumerate(WORDS.items()):
        whole(folder / "animals" / name, sentence, number)
    (folder / "animals" / "koala_mirror.png").write_bytes((folder / "animals" / "koala.png").read_bytes())
    (folder / "drawn.svg").write_text("<svg/>")
    whole(folder / "mute", "A mute.", 0)
    (folder / "mute_desc_fr.wav").unlink()
    whole(folder / "nameless", "A thing.", 0)
    (folder / "nameless.txt").unlink()
    whole(folder / "broken", "A wreck.", 0)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n")
    whole(folder / "unseen", "A ghost.", 0)
    Image.new("RGBA", (30, 20)).save(folder / "unseen.png")
    return folder


def whole(stem, sentence, number):
    picture = Image.new("RGBA", (30, 20))
    picture.paste((20 * number, 40, 200, 255), (5, 5, 25, 15))
    picture.save(f"{stem}.png")
    Path(f"{stem}.txt").write_text(f"{sentence}\nfr.utf8=Un {stem.name}.\nde.utf8=\n", encoding="utf-8")
    make_media(f"{stem}_desc_fr.wav", sound=beep(0.5, at=0.1, length=0.2), audio_codec="pcm_s16le")


def run(layout, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["layout.py", *map(str, words)])
    layout.main()


def rows_of(out):
    with (out / "clips.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_objects_become_clips_and_all_others_are_counted(layout, stamps, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    options = ("--held_out", "0.5", "--size", "32", "--seconds", "0.4", "--text", "en", "fr", "de")
    run(layout, monkeypatch, stamps, out, *options)
    rows = rows_of(out)
    of = {name: [row for row in rows if f"/{name}-" in row["path"]] for name in WORDS}
    splits = {name: sorted({row["split"] for row in each}) for name, each in of.items()}
    assert set(map(tuple, splits.values())) == {("test",), ("renderings", "train")}  # at this seed both
    for name, each in of.items():
        clips = {row["path"] for row in each}
        assert len(clips) == (1 if splits[name] == ["test"] else 7)  # six for training, one more rendering
        assert {row["caption"] for row in each} == {WORDS[name], f"Un {name}."}
    left_out = json.loads((out / "left_out.json").read_text())["left_out"]
    assert left_out == {
        "drawing (SVG) without a PNG": 1,
        "picture that is another one mirrored or flipped": 1,
        "no sound in fr": 1,
        "no text in en fr de": 1,
        "picture or sound that can not be read": 2,
    }
    assert "left out: 2, picture or sound that can not be read" in capsys.readouterr().out
    plan = plan_folder(out / "clips.csv")
    assert len(plan.clips) == len({row["path"] for row in rows}) and not plan.missing
    assert {clip.split for clip in plan.clips} == {"train", "renderings", "test"}


def test_a_clip_shows_the_moving_picture_and_holds_the_whole_sound(layout, stamps, tmp_path, monkeypatch):
    made = []
    for out in (tmp_path / "one", tmp_path / "two"):
        run(layout, monkeypatch, stamps, out, "--size", "32", "--seconds", "0.4", "--held_out", "0")
        with av.open(str(out / "train" / "animals" / "pear-0.mp4")) as container:
            made.append(np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]))
        sound = layout.sound_of(out / "train" / "animals" / "pear-0.mp4")
        assert len(sound) >= 0.5 * layout.AUDIO_RATE_HZ and np.abs(sound).max() > 1000
    assert made[0].shape == (5, 32, 32, 3)  # 0.5 s of audio, more than --seconds
    assert np.array_equal(*made)
    blue = (made[0][..., 2] > 150) & (made[0][..., 0] < 100)
    assert blue.reshape(5, -1).any(axis=1).all() and not np.array_equal(blue[0], blue[-1])


def test_what_can_not_be_used_is_refused(layout, stamps, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="none can be used"):
        run(layout, monkeypatch, stamps, tmp_path / "out", "--speech", "xx")
    assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    with pytest.raises(SystemExit, match="must be a new folder"):
        run(layout, monkeypatch, stamps, tmp_path / "full")
    assert (tmp_path / "full" / "mine").is_file()


def test_the_choice_of_objects_keeps_when_others_come(layout):
    shares = [layout.share_of(f"object {number}", 0) for number in range(2000)]
    assert 0.13 < np.mean(np.less(shares, 0.15)) < 0.17
    assert layout.share_of("object 0", 1) != shares[0]
