import numpy as np
import pytest
from media_maker import beep, make_media
from PIL import Image

from vatt.prepare.doctor.examine import examine
from vatt.prepare.folder import plan_folder
from vatt.prepare.image_and_audio import read_image_and_audio
from vatt.prepare.job import Running
from vatt.prepare.media import MediaError, MediaOptions
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.record import RecordOptions

OPTIONS = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=16, audio_rate_hz=8_000)


@pytest.fixture
def pair(tmp_path):
    """A grey image of 32 x 48 pixels, and 2.5 s of silence with a beep at 1.2 s."""
    Image.fromarray(np.full((32, 48, 3), 70, np.uint8)).save(tmp_path / "a.png")
    make_media(tmp_path / "a.wav", sound=beep(2.5, at=1.2), audio_codec="pcm_s16le")
    return tmp_path / "a.png", tmp_path / "a.wav"


def read(pair, **part):
    kept = []

    def keep(picture):
        kept.append(picture)
        return len(kept)

    pieces = list(read_image_and_audio(*pair, OPTIONS, keep=keep, **part))
    assert len(kept) == 1  # it is decoded, and encoded, once
    return pieces


def test_the_image_stands_for_the_length_of_the_audio(pair):
    (media,) = read(pair)
    assert (media.start_seconds, media.end_seconds, media.frame_rate_hz) == (0.0, 2.5, 10.0)
    assert media.frames == [1] * 25 and (media.height, media.width) == (16, 24)
    assert media.audio.shape == (20_000, 1)
    heard = np.flatnonzero(np.abs(media.audio[:, 0]) > 5000) / 8_000
    assert heard[0] == pytest.approx(1.2, abs=0.01) and heard[-1] == pytest.approx(1.3, abs=0.01)


def test_it_is_cut_as_the_audio_is(pair):
    pieces = read(pair, segment_seconds=1.0)
    assert [(piece.start_seconds, len(piece.frames), len(piece.audio)) for piece in pieces] == [
        (0.0, 10, 8_000),
        (1.0, 10, 8_000),
        (2.0, 5, 4_000),
    ]
    (piece,) = read(pair, start_seconds=1.0, end_seconds=2.0)
    assert piece.start_seconds == pytest.approx(1.0, abs=1e-3) and len(piece.frames) == 10


@pytest.mark.parametrize("broken", [0, 1])
def test_either_may_be_broken(pair, broken):
    pair[broken].write_bytes(b"no media")
    with pytest.raises(MediaError, match=pair[broken].name):
        list(read_image_and_audio(*pair, OPTIONS, keep=lambda picture: picture))


def test_the_doctor_finds_nothing(tmp_path):
    root = tmp_path / "media"
    root.mkdir()
    rng = np.random.default_rng(0)
    for name in ("0000", "0001"):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(root / f"{name}.png")
        noise = rng.integers(-9_000, 9_000, (40_000, 1)).astype(np.int16)
        make_media(root / f"{name}.wav", sound=noise, audio_codec="pcm_s16le")
        (root / f"{name}.txt").write_text(f"noise number {name}\n")
    plan = plan_folder(root, test_share=0.0, segment_seconds=1.0)
    running = Running(processes=1)
    prepare_clips(plan, tmp_path / "out", options=RecordOptions(media=OPTIONS), running=running)
    found = examine(tmp_path / "out", processes=1)
    assert [(finding.check.name, finding.count) for finding in found.findings] == []
