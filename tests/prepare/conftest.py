"""Media that are made once for all tests."""

import shutil

import numpy as np
import pytest
from clip_maker import make_clips, prepare
from media_maker import beep, grey, make_media
from PIL import Image


@pytest.fixture(scope="session")
def samples(tmp_path_factory):
    """Kind -> path of a small real file: half a second of video with audio, of audio, and an image."""
    folder = tmp_path_factory.mktemp("samples")
    Image.fromarray(np.full((24, 32, 3), 90, np.uint8)).save(folder / "a.jpeg")
    return {
        "video": make_media(folder / "a.mp4", pictures=grey([60] * 5), sound=beep(0.5, at=0.1)),
        "sound": make_media(folder / "a.wav", sound=beep(0.5, at=0.1), audio_codec="pcm_s16le"),
        "picture": folder / "a.jpeg",
    }


@pytest.fixture
def place(samples, tmp_path):
    """place("class/name.avi"): copies of the samples below tmp_path/media, by what the ending calls for."""

    def copy(*names):
        for name in names:
            path = tmp_path / "media" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            suffix = path.suffix.lower()
            kind = {".wav": "sound", ".flac": "sound", ".jpeg": "picture"}.get(suffix, "video")
            shutil.copyfile(samples[kind], path)
        return tmp_path / "media"

    return copy


@pytest.fixture
def content():
    """What a report holds, as preparation.json has it."""
    return {
        "name": "<set>",
        "finished": True,
        "clips": 102,
        "records": 100,
        "hours": 1.5,
        "splits": {
            "train": {
                "records": 100,
                "hours": 1.5,
                "records_with": {"video": 100, "audio": 0, "captions": 96, "labels": 0},
            }
        },
        "max_failures": 0.05,
        "failed": [
            {"media_id": "a&b", "reason": "<script>alert(1)</script>"},
            {"media_id": "c", "reason": "x"},
        ],
        "kept_in_part": [{"media_id": "d", "lost": "a packet"}],
        "missing": [{"media_id": f"m{n}", "looked_for": f"m{n}.mp4"} for n in range(60)],
        "this_run": {
            "clips": 50,
            "media_seconds": 900.0,
            "elapsed_seconds": 90.0,
            "runner": "local",
            "workers": 2,
            "sandbox": "sandboxed (no network, no other programs, writing to its spool only)",
        },
        "made_by": {
            "program": "vatt.prepare",
            "version": "1",
            "command": "vatt prepare",
            "date": "2026-01-01",
        },
    }


@pytest.fixture
def clips(tmp_path):
    return make_clips(tmp_path)


@pytest.fixture
def whole(clips, tmp_path):
    """The set as an undisturbed run makes it."""
    prepare(clips, tmp_path / "whole")
    return tmp_path / "whole"
