"""Of several audio or video tracks one is taken, by a rule, and it is said which."""

import av
import numpy as np
import pytest
from media_maker import read_whole
from track_maker import RATE_HZ, make_tracks

from vatt import spec
from vatt.embed.file_windows import windows_of
from vatt.prepare.media import MediaOptions, read_segments

OPTIONS = MediaOptions(max_frame_rate_hz=5.0, short_side_pixels=32, audio_rate_hz=16_000)
DEFAULT = av.stream.Disposition.default


def tone(hz, seconds=2.0, silent_until=0.0):
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 12_000 * np.sin(2 * np.pi * hz * times) * (times >= silent_until)
    return wave.astype(np.int16)


def pitch_hz(audio):
    """Of the loudest tone; 0 for silence."""
    power = np.abs(np.fft.rfft(audio[:, 0].astype(float)))
    return round(np.argmax(power) * RATE_HZ / len(audio)) if power.max() > 0 else 0


SILENCE = np.zeros(2 * RATE_HZ, np.int16)


@pytest.mark.parametrize("name, codec", [("a.mp4", "aac"), ("a.mkv", "libopus"), ("a.ts", "libmp3lame")])
def test_the_first_that_is_not_silent(tmp_path, name, codec):
    path = make_tracks(tmp_path / name, [SILENCE, tone(500), tone(900)], codec=codec)
    media = read_whole(path, OPTIONS)
    assert pitch_hz(media.audio) == pytest.approx(500, abs=2)
    assert media.warnings == ["of 3 audio tracks number 2 was taken: the first that is heard"]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_the_default(tmp_path, name):
    path = make_tracks(tmp_path / name, [tone(500), tone(900)], dispositions=[DEFAULT, 0, DEFAULT])
    media = read_whole(path, OPTIONS)
    assert pitch_hz(media.audio) == pytest.approx(900, abs=2)
    assert media.warnings == ["of 2 audio tracks number 2 was taken"]


def test_the_default_if_it_is_silent(tmp_path):
    path = make_tracks(tmp_path / "a.mkv", [tone(500), SILENCE], dispositions=[DEFAULT, 0, DEFAULT])
    assert pitch_hz(read_whole(path, OPTIONS).audio) == pytest.approx(500, abs=2)


def test_none_is_the_default(tmp_path):
    path = make_tracks(tmp_path / "a.mkv", [tone(500), tone(900)], dispositions=[DEFAULT, 0, 0])
    media = read_whole(path, OPTIONS)
    assert pitch_hz(media.audio) == pytest.approx(500, abs=2)
    assert media.warnings == ["of 2 audio tracks number 1 was taken"]


def test_a_commentary_goes_behind(tmp_path):
    secondary = av.stream.Disposition.visual_impaired
    path = make_tracks(tmp_path / "a.mkv", [tone(500), tone(900)], dispositions=[DEFAULT, secondary, 0])
    assert pitch_hz(read_whole(path, OPTIONS).audio) == pytest.approx(900, abs=2)


def test_all_are_silent(tmp_path):
    media = read_whole(make_tracks(tmp_path / "a.mp4", [SILENCE, SILENCE]), OPTIONS)
    assert not media.audio.any()
    assert media.warnings == ["of 2 audio tracks number 1 was taken"]


def test_one_is_taken_without_a_word(tmp_path):
    media = read_whole(make_tracks(tmp_path / "a.mp4", [tone(500)]), OPTIONS)
    assert media.warnings == []


def test_what_is_heard_late_is_not_silent(tmp_path):
    """As long as it is probed in a few places; the choice is the same for every range of the file."""
    sounds = [tone(500, seconds=80, silent_until=70), tone(900, seconds=80)]
    path = make_tracks(tmp_path / "a.mkv", sounds, seconds=80)
    media = read_whole(path, OPTIONS, start_seconds=74.0, end_seconds=76.0)
    assert pitch_hz(media.audio) == pytest.approx(500, abs=2)
    media = read_whole(path, OPTIONS, end_seconds=2.0)
    assert not media.audio.any()


def test_where_only_the_video_is_wanted_no_audio_is_spoken_of(tmp_path):
    path = make_tracks(tmp_path / "a.mp4", [SILENCE, tone(500)])
    (media,) = read_segments(path, OPTIONS, modalities=("video",))
    assert media.audio is None and media.warnings == []


def test_several_videos(tmp_path):
    path = make_tracks(tmp_path / "a.mkv", [tone(500)], levels=(60, 180), dispositions=[0, DEFAULT, DEFAULT])
    media = read_whole(path, OPTIONS)
    assert media.frames[0].mean() == pytest.approx(180, abs=6)
    assert media.warnings == ["of 2 video tracks number 2 was taken"]


def test_windows_hear_the_same(tmp_path):
    path = make_tracks(tmp_path / "a.mp4", [SILENCE, tone(500)])
    clip = spec.ClipSpec(
        frames=5, frame_rate_hz=5.0, frame_size=32, sample_rate_hz=RATE_HZ, modalities=("video", "audio")
    )
    *windows, end = windows_of(path, clip)
    assert [pitch_hz(window.audio[:, None]) for window in windows] == pytest.approx([500, 500], abs=2)
    assert end.warnings == ("of 2 audio tracks number 2 was taken: the first that is heard",)
