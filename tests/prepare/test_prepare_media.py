import numpy as np
import pytest
from media_maker import beep, grey, make_media, read_whole

from vatt.prepare.media import MediaError, MediaOptions

OPTIONS = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=32, audio_rate_hz=16_000)


def levels(media):
    return [int(np.mean(frame)) for frame in media.frames]


def onset_seconds(audio, rate_hz=16_000):
    return int(np.argmax(np.abs(audio[:, 0]) > 4000)) / rate_hz


def test_every_tick_gets_the_last_frame_that_is_not_later(tmp_path):
    times = np.array([0.0, 0.04, 0.31, 0.48, 0.9, 1.0])
    shades = [10, 50, 90, 130, 170, 210]
    path = make_media(tmp_path / "a.mkv", pictures=grey(shades), picture_times=times, rate_hz=25)
    media = read_whole(path, OPTIONS)
    last = [shades[int(np.sum(times <= tick / 10 + 1e-9)) - 1] for tick in range(len(media.frames))]
    assert len(media.frames) >= 10
    assert levels(media) == pytest.approx(last, abs=6)


def test_a_part_of_a_file(tmp_path):
    shades = np.arange(40) * 6
    path = make_media(tmp_path / "a.mp4", pictures=grey(shades), sound=beep(4.0, at=2.0))
    media = read_whole(path, OPTIONS, start_seconds=1.5, end_seconds=2.5)
    assert levels(media) == pytest.approx(shades[15:25], abs=6)
    assert onset_seconds(media.audio) == pytest.approx(0.5, abs=0.05)
    assert (media.start_seconds, media.end_seconds) == pytest.approx((1.5, 2.5))


def test_pictures_shrink_to_the_short_side_and_never_grow(tmp_path):
    path = make_media(tmp_path / "a.mp4", pictures=np.zeros((3, 64, 128, 3), np.uint8))
    assert read_whole(path, OPTIONS).frames[0].shape == (32, 64, 3)
    assert read_whole(path, MediaOptions(short_side_pixels=256)).frames[0].shape == (64, 128, 3)


def test_channels_and_rate(tmp_path):
    stereo = np.concatenate([beep(1.0, at=0.2), np.zeros((16_000, 1), np.int16)], axis=1)
    path = make_media(tmp_path / "a.wav", sound=stereo, layout="stereo", audio_codec="pcm_s16le")
    kept = read_whole(path, MediaOptions(audio_rate_hz=16_000, mono=False)).audio
    np.testing.assert_array_equal(kept, stereo)
    mono = read_whole(path, MediaOptions(audio_rate_hz=8_000)).audio
    assert mono.shape == (8_000, 1)
    assert onset_seconds(mono, 8_000) == pytest.approx(0.2, abs=0.005)


def test_missing_streams_are_fine(tmp_path):
    silent = read_whole(make_media(tmp_path / "a.mp4", pictures=grey([9] * 5)), OPTIONS)
    assert silent.audio is None and len(silent.frames) == 5
    blind = read_whole(make_media(tmp_path / "a.m4a", sound=beep(1.0, at=0.5)), OPTIONS)
    assert blind.frames == [] and blind.frame_rate_hz == 0.0 and len(blind.audio) > 15_000


def test_a_file_that_was_cut_keeps_its_start(tmp_path):
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (30, 32, 32, 3), np.uint8)
    path = make_media(tmp_path / "a.mkv", pictures=noise, sound=beep(3.0, at=1.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 5 < len(read_whole(path, OPTIONS).frames) < 30


@pytest.mark.parametrize(
    "content, reason", [(None, "no such file"), (b"", "empty"), (b"not media", "can not be opened")]
)
def test_errors_name_file_and_reason(tmp_path, content, reason):
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=reason) as caught:
        read_whole(path, OPTIONS)
    assert str(path) in str(caught.value)


def test_a_colon_in_a_name_is_no_protocol(tmp_path):
    path = make_media(tmp_path / "plain.mp4", pictures=grey([9] * 5))
    path = path.rename(tmp_path / "http:12:30.mp4")
    assert len(read_whole(path, OPTIONS).frames) == 5
