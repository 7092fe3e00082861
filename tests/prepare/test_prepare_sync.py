"""Images and audio of one instant stay together, whatever they are packed in and wherever they are cut."""

import shutil
import subprocess
from collections import Counter
from fractions import Fraction

import av
import numpy as np
import pytest
from media_maker import beep, grey, make_media

from vatt.prepare.media import MediaOptions, read_segments
from vatt.prepare.resample import AudioTrack

RATE_HZ, SOUND_HZ = 25, 48_000
FLASH_SECONDS = 1.48
OPTIONS = MediaOptions(max_frame_rate_hz=RATE_HZ, short_side_pixels=48, audio_rate_hz=SOUND_HZ)
TOLERANCE_SECONDS = 0.001  # MP4 counts in milliseconds, Matroska too


def flash_and_beep(path, *, video, audio, video_start=0.0, sound_start=0.0, **options):
    """Three seconds with a flash of three images and a beep, both at FLASH_SECONDS after video_start."""
    shades = np.full(75, 20)
    at = round(FLASH_SECONDS * RATE_HZ)
    shades[at : at + 3] = 230
    return make_media(
        path,
        pictures=grey(shades, size=48),
        picture_times=video_start + np.arange(75) / RATE_HZ,
        rate_hz=RATE_HZ,
        sound=beep(3.0, at=video_start + FLASH_SECONDS - sound_start, rate_hz=SOUND_HZ),
        sound_rate_hz=SOUND_HZ,
        sound_start=sound_start,
        video_codec=video,
        audio_codec=audio,
        **options,
    )


def offset_seconds(pieces):
    """How much later the beep begins than the flash; both in the one piece that has the flash."""
    for media in pieces:
        bright = [np.mean(picture) > 120 for picture in media.frames]
        if any(bright):
            loud = np.abs(media.audio[:, 0].astype(int)) > 4000
            assert loud.any(), "the flash is in a piece without the beep"
            return np.argmax(loud) / SOUND_HZ - np.argmax(bright) / media.frame_rate_hz
    raise AssertionError("no piece has the flash")


CONTAINERS = [
    ("mp4", "libx264", "aac", {}),
    ("mp4", "libx264", "aac", {"bf": "3", "g": "12"}),
    ("mp4", "mpeg4", "mp3", {}),
    ("mov", "mjpeg", "pcm_s16le", {}),
    ("mkv", "libx264", "libopus", {"bf": "2"}),
    ("mkv", "ffv1", "flac", {}),
    ("webm", "libvpx", "libopus", {}),
    ("mpg", "mpeg2video", "mp2", {}),
    ("ts", "libx264", "aac", {"bf": "2"}),
    ("ts", "mpeg2video", "ac3", {}),
    ("flv", "flv", "mp3", {}),
    ("3gp", "mpeg4", "aac", {}),
]


@pytest.mark.parametrize("video_start, sound_start", [(0.0, 0.0), (0.0, 0.3), (0.4, 0.0)])
@pytest.mark.parametrize("suffix, video, audio, video_options", CONTAINERS)
def test_flash_and_beep_stay_together(
    tmp_path, suffix, video, audio, video_options, video_start, sound_start
):
    path = flash_and_beep(
        tmp_path / f"a.{suffix}",
        video=video,
        audio=audio,
        video_start=video_start,
        sound_start=sound_start,
        video_options=video_options,
        pixel_format="yuvj420p" if video == "mjpeg" else "yuv420p",
    )
    flash = video_start + FLASH_SECONDS
    for part in (
        {},
        {"segment_seconds": 1.0},  # the flash lies in the middle of a piece
        {"segment_seconds": FLASH_SECONDS},  # a piece begins with it
        {"start_seconds": flash - 0.3, "end_seconds": flash + 0.3},
    ):
        pieces = list(read_segments(path, OPTIONS, **part))
        assert offset_seconds(pieces) == pytest.approx(0, abs=TOLERANCE_SECONDS + 1e-4), part


@pytest.mark.parametrize("video", ["mpeg4", "libx264"])
def test_avi_that_has_no_presentation_times(tmp_path, video):
    """The container itself counts in whole frames, so one tick more may be lost in it."""
    path = flash_and_beep(tmp_path / "a.avi", video=video, audio="mp3", video_options={"bf": "2"})
    (media,) = read_segments(path, OPTIONS)
    assert abs(offset_seconds([media])) < 1 / RATE_HZ
    assert len(media.frames) >= 74


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg command")
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "ts"])
@pytest.mark.parametrize("start", ["0.48", "0.6", "1.2"])  # on frames: FFmpeg itself puts others on one
def test_parts_that_were_cut_without_decoding(tmp_path, suffix, start):
    """`-ss -c copy`: an edit list in MP4, times before zero in others, the video from its key frame on."""
    options = {"video_options": {"bf": "2", "g": "12"}}
    path = flash_and_beep(tmp_path / f"a.{suffix}", video="libx264", audio="aac", **options)
    cut = tmp_path / f"cut.{suffix}"
    command = ["ffmpeg", "-v", "error", "-ss", start, "-i", path, "-c", "copy", cut]
    subprocess.run(command, check=True, timeout=60)
    for part in ({}, {"segment_seconds": 0.7}, {"start_seconds": 0.1, "end_seconds": 1.9}):
        pieces = list(read_segments(cut, OPTIONS, **part))
        assert offset_seconds(pieces) == pytest.approx(0, abs=0.002)
        assert not any("clock" in warning for piece in pieces for warning in piece.warnings)


def test_sound_before_the_pictures_in_the_file(tmp_path):
    path = flash_and_beep(tmp_path / "a.mkv", video="mpeg4", audio="flac", is_audio_first=True)
    assert offset_seconds(read_segments(path, OPTIONS)) == pytest.approx(0, abs=TOLERANCE_SECONDS)


def test_variable_frame_rate(tmp_path):
    """Frames at odd times: each tick has the last one that is not later, and its audio."""
    times = np.concatenate([np.arange(0, 1.0, 0.04), [1.48, 1.52, 1.56, 2.2, 2.9]])
    shades = np.where((times >= 1.48) & (times < 2), 230, 20)
    path = make_media(
        tmp_path / "a.mkv",
        pictures=grey(shades, size=48),
        picture_times=times,
        rate_hz=RATE_HZ,
        sound=beep(3.0, at=1.48, rate_hz=SOUND_HZ),
        sound_rate_hz=SOUND_HZ,
        audio_codec="flac",
    )
    for segment_seconds in (None, 0.6):
        pieces = list(read_segments(path, OPTIONS, segment_seconds=segment_seconds))
        frames = [frame for media in pieces for frame in media.frames]
        audio = np.concatenate([media.audio for media in pieces])
        bright = np.argmax([np.mean(frame) > 120 for frame in frames]) / RATE_HZ
        assert bright == pytest.approx(1.48)
        assert np.argmax(np.abs(audio) > 4000) / SOUND_HZ == pytest.approx(1.48, abs=TOLERANCE_SECONDS)


def test_a_clock_of_the_sound_that_runs_slow_is_followed():
    """A recorder whose audio has 1 % too few samples: its timestamps tell, before a frame's time is lost."""
    sound = AudioTrack(rate_hz=8_000, mono=True, start_seconds=0.0, warnings=Counter())
    for number in range(1000):
        frame = av.AudioFrame.from_ndarray(np.full((1, 80), 5_000 * (number == 900), np.int16), layout="mono")
        frame.sample_rate, frame.time_base = 8_000, Fraction(1, 8_000)
        frame.pts = round(number * 80 * 1.01)
        sound.add(frame)
    sound.close()
    audio = sound.take(0.0, 0, 100_000)
    assert np.argmax(audio > 2_500) / 8_000 == pytest.approx(900 * 0.01 * 1.01, abs=0.03)
