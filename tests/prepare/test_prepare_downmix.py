"""Several channels become one without cancelling each other."""

from collections import Counter

import numpy as np
import pytest
from media_maker import grey, make_media, read_whole

from vatt import spec
from vatt.embed.file_windows import windows_of
from vatt.prepare.downmix import Downmix, mono_weights
from vatt.prepare.media import MediaOptions, read_segments

RATE_HZ = 48_000
OPTIONS = MediaOptions(max_frame_rate_hz=5.0, short_side_pixels=32, audio_rate_hz=RATE_HZ)
OPPOSITE = "channels of opposite sign would cancel each other: one of them was taken"


def tone(hz=440.0, seconds=2.0, phase=0.0):
    return 0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ + phase)


def loudness(samples):
    """Of int16 samples, as a share of the tone's."""
    return float(np.sqrt(np.mean((samples / 32_768.0) ** 2)) / (0.4 / np.sqrt(2)))


def strength(samples, hz):
    """Amplitude of one tone in int16 samples, as a share of the tone's."""
    times = np.arange(len(samples)) / RATE_HZ
    return float(abs(np.mean(samples / 32_768.0 * np.exp(-2j * np.pi * hz * times))) * 2 / 0.4)


def mixed(*channels, layout="stereo"):
    """(int16 [S], warnings) of channels that are mixed."""
    warnings = Counter()
    downmix = Downmix(layout, RATE_HZ, warnings)
    samples = np.stack(np.broadcast_arrays(*channels), axis=1).astype(np.float32)
    return np.concatenate([downmix.add(samples), downmix.rest()])[:, 0], warnings


@pytest.mark.parametrize(
    "name, codec",
    [
        ("a.wav", "pcm_s16le"),
        ("a.flac", "flac"),
        ("a.m4a", "aac"),
        ("a.opus", "libopus"),
        ("a.mp3", "libmp3lame"),
    ],
)
def test_opposite_signs_in_files(tmp_path, name, codec):
    both = np.stack([tone(), -tone()], axis=1)
    sound = np.round(both * 32_767).astype(np.int16)
    path = make_media(tmp_path / name, sound=sound, sound_rate_hz=RATE_HZ, layout="stereo", audio_codec=codec)
    media = read_whole(path, OPTIONS)
    assert media.warnings == [OPPOSITE]
    assert strength(media.audio[4800:-4800, 0], 440.0) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    "second, expected, said",
    [
        (-1.0, 1.0, True),
        (-0.8, 1.0, True),  # the louder one
        (-1.25, 1.25, True),
        (1.0, 1.0, False),
        (0.0, 0.5, False),  # one silent channel: as a mix has it
        (-0.2, 0.4, False),  # takes away a fifth, and no more
    ],
)
def test_two_channels(second, expected, said):
    samples, warnings = mixed(tone(), second * tone())
    assert loudness(samples) == pytest.approx(expected, abs=0.01)
    assert (OPPOSITE in warnings) == said


def test_a_channel_that_comes_late():
    """By half a period of the tone: the sum is silent then, too."""
    samples, warnings = mixed(tone(), tone(phase=np.pi))
    assert loudness(samples) == pytest.approx(1.0, abs=0.01) and OPPOSITE in warnings
    voice = np.random.default_rng(0).standard_normal(2 * RATE_HZ) * 0.1
    samples, warnings = mixed(voice, np.roll(voice, 480))
    assert not warnings
    np.testing.assert_allclose(samples / 32_768, (voice + np.roll(voice, 480)) / 2, atol=1e-4)


def test_what_has_nothing_in_common_is_mixed():
    samples, warnings = mixed(tone(440.0), tone(1000.0))
    assert not warnings
    assert strength(samples, 440.0) == pytest.approx(0.5, abs=0.01)
    assert strength(samples, 1000.0) == pytest.approx(0.5, abs=0.01)


def test_noise_beside_the_tone():
    random = np.random.default_rng(0)
    left, right = tone() + random.normal(0, 0.03, (2, 2 * RATE_HZ)) * [[1], [-1]]
    samples, warnings = mixed(left, -right)
    assert strength(samples, 440.0) == pytest.approx(1.0, abs=0.02) and OPPOSITE in warnings


@pytest.mark.parametrize(
    "layout, pair", [("5.1", (0, 1)), ("5.1", (4, 5)), ("quad", (2, 3)), ("7.1", (6, 7))]
)
def test_surround(layout, pair):
    """A pair of opposite sign next to a voice in another channel: both are heard, by their own weights."""
    weights = mono_weights(layout)
    channels = [np.zeros(2 * RATE_HZ) for _ in weights]
    channels[pair[0]], channels[pair[1]] = tone(), -tone()
    voice = 2 if layout != "quad" else 0
    channels[voice] = channels[voice] + tone(1000.0)
    samples, warnings = mixed(*channels, layout=layout)
    assert OPPOSITE in warnings
    assert strength(samples, 440.0) == pytest.approx(2 * weights[pair[0]], abs=0.01)
    assert strength(samples, 1000.0) == pytest.approx(weights[voice], abs=0.01)


def test_weights_are_those_of_the_standard():
    np.testing.assert_allclose(mono_weights("stereo"), [0.5, 0.5])
    # ITU-R BS.775: centre 1, front 1 / sqrt(2), back 1 / 2; then brought to a sum of 1.
    shares = np.array([np.sqrt(0.5), np.sqrt(0.5), 1, 0, 0.5, 0.5])
    np.testing.assert_allclose(mono_weights("5.1"), shares / shares.sum(), atol=1e-6)
    np.testing.assert_allclose(mono_weights("ambisonic 1"), [1, 0, 0, 0])
    np.testing.assert_allclose(mono_weights("binaural"), [0.5, 0.5])


def test_the_only_channel_that_is_heard_is_one_that_a_mix_leaves_out():
    silence = np.zeros(2 * RATE_HZ)
    samples, warnings = mixed(silence, silence, silence, tone(), silence, silence, layout="5.1")
    assert loudness(samples) == pytest.approx(1.0, abs=0.01)
    assert list(warnings) == ["audio was in a channel alone that a mix leaves out: it was taken"]


def test_a_change_of_sign_makes_no_click():
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    samples, _ = mixed(tone(), np.where((seconds > 0.5) & (seconds < 1.5), -1, 1) * tone())
    steepest = np.abs(np.diff(np.round(tone() * 32_768))).max()
    assert np.abs(np.diff(samples.astype(int))).max() <= 1.02 * steepest
    assert loudness(samples) == pytest.approx(1.0, abs=0.05)


def test_silence_changes_no_decision():
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    heard = tone() * ((seconds < 0.5) | (seconds > 1.5))
    samples, _ = mixed(heard, -heard)
    np.testing.assert_array_equal(samples, np.rint(heard.astype(np.float32) * 32_768).astype(np.int16))


def test_how_it_is_cut_changes_nothing(tmp_path):
    """Neither the blocks of the decoder nor the pieces of the file: prepare and windows hear the same."""
    times = np.arange(4 * RATE_HZ) / RATE_HZ
    left = np.concatenate([tone(440, 1.03), tone(700, 1.21), tone(300, 1.76)])
    sound = np.stack([left, np.where(np.sin(3 * times) > 0, -1, 1) * left], axis=1)
    path = make_media(
        tmp_path / "a.mkv",
        pictures=grey([90] * 20),
        rate_hz=5,
        sound=np.round(sound * 32_767).astype(np.int16),
        sound_rate_hz=RATE_HZ,
        layout="stereo",
        audio_codec="flac",
    )
    whole = read_whole(path, OPTIONS).audio
    for seconds in (0.4, 1.0):
        pieces = list(read_segments(path, OPTIONS, segment_seconds=seconds))
        np.testing.assert_array_equal(np.concatenate([piece.audio for piece in pieces]), whole)
    clip = spec.ClipSpec(
        frames=5, frame_rate_hz=5.0, frame_size=32, sample_rate_hz=RATE_HZ, modalities=("video", "audio")
    )
    *windows, end = windows_of(path, clip)
    np.testing.assert_array_equal(np.concatenate([window.audio for window in windows]), whole[:, 0])
    assert end.warnings == (OPPOSITE,)


def test_channels_that_are_kept_stay_as_they_are(tmp_path):
    sound = np.round(np.stack([tone(), -tone()], axis=1) * 32_767).astype(np.int16)
    path = make_media(
        tmp_path / "a.wav", sound=sound, sound_rate_hz=RATE_HZ, layout="stereo", audio_codec="pcm_s16le"
    )
    media = read_whole(path, MediaOptions(audio_rate_hz=RATE_HZ, mono=False))
    np.testing.assert_array_equal(media.audio, sound)
    assert media.warnings == []
