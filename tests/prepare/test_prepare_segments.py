"""A video in pieces is the video: nothing lost, doubled or shifted, and never all of it in memory."""

import os
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from media_maker import beep, grey, make_media, read_whole

from vatt.prepare.media import MediaError, MediaOptions, read_segments

SOUND_HZ = 16_000
OPTIONS = MediaOptions(max_frame_rate_hz=25.0, short_side_pixels=16, audio_rate_hz=SOUND_HZ)


def film(path, *, seconds, rate_hz, **options):
    """Images and audio without two equal moments."""
    random = np.random.default_rng(0)
    count = round(seconds * rate_hz)
    pictures = random.integers(0, 255, (count, 2, 2, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    sound = (random.standard_normal((round(seconds * SOUND_HZ), 1)) * 3000).astype(np.int16)
    return make_media(
        path,
        pictures=pictures,
        picture_times=np.arange(count) / float(rate_hz),
        rate_hz=rate_hz,
        sound=sound,
        **{"audio_codec": "flac", **options},
    )


@pytest.mark.parametrize("segment_seconds", [1.0, 0.77, 2.5, 7.0, 100.0, 0.01])
@pytest.mark.parametrize("rate_hz", [10, Fraction(24000, 1001), Fraction(30000, 1001), 50])
def test_the_pieces_make_up_the_whole(tmp_path, rate_hz, segment_seconds):
    path = film(tmp_path / "a.mkv", seconds=6, rate_hz=rate_hz)
    whole = read_whole(path, OPTIONS)
    pieces = list(read_segments(path, OPTIONS, segment_seconds=segment_seconds))
    frames = [frame for media in pieces for frame in media.frames]
    np.testing.assert_array_equal(frames, whole.frames)
    np.testing.assert_array_equal(np.concatenate([media.audio for media in pieces]), whole.audio)
    assert len(whole.audio) == pytest.approx(6 * SOUND_HZ, abs=SOUND_HZ / 25)
    step = max(segment_seconds * whole.frame_rate_hz, 1)
    begin = 0
    for number, media in enumerate(pieces):
        assert begin == round(number * step), "each piece begins where the multiple of its length does"
        assert media.start_seconds == pytest.approx(whole.start_seconds + begin / media.frame_rate_hz)
        begin += len(media.frames)
        assert media.end_seconds == pytest.approx(whole.start_seconds + begin / media.frame_rate_hz)
        sound_begin = round((media.start_seconds - whole.start_seconds) * SOUND_HZ)
        np.testing.assert_array_equal(media.audio, whole.audio[sound_begin:][: len(media.audio)])
        assert len(media.frames) >= min(step / 2, len(whole.frames)) - 1
        assert len(media.frames) <= step * 1.5 + 1
    assert pieces[-1].end_seconds == whole.end_seconds


@pytest.mark.parametrize("segment_seconds", [0.5, 0.333])
def test_sound_alone_in_pieces(tmp_path, segment_seconds):
    sound = (np.random.default_rng(0).standard_normal((5 * SOUND_HZ + 7, 1)) * 3000).astype(np.int16)
    path = make_media(tmp_path / "a.wav", sound=sound, audio_codec="pcm_s16le")
    pieces = list(read_segments(path, OPTIONS, segment_seconds=segment_seconds))
    np.testing.assert_array_equal(np.concatenate([media.audio for media in pieces]), sound)
    starts = np.cumsum([0] + [len(media.audio) for media in pieces])
    assert [round(media.start_seconds * SOUND_HZ) for media in pieces] == list(starts[:-1])
    assert list(starts[:-1]) == [round(n * segment_seconds * SOUND_HZ) for n in range(len(pieces))]
    assert len(pieces[-1].audio) >= segment_seconds * SOUND_HZ / 2


def test_a_part_in_pieces(tmp_path):
    path = film(tmp_path / "a.mkv", seconds=6, rate_hz=10)
    whole = read_whole(path, OPTIONS)
    part = {"start_seconds": 1.23, "end_seconds": 4.4}
    pieces = list(read_segments(path, OPTIONS, **part, segment_seconds=1.0))
    assert [media.start_seconds for media in pieces] == pytest.approx([1.2, 2.2, 3.2])
    assert pieces[-1].end_seconds == pytest.approx(4.4)
    frames = [frame for media in pieces for frame in media.frames]
    np.testing.assert_array_equal(frames, whole.frames[12:44])
    audio = np.concatenate([media.audio for media in pieces])
    np.testing.assert_array_equal(audio, whole.audio[round(1.2 * SOUND_HZ) : round(4.4 * SOUND_HZ)])


def test_a_clip_that_begins_while_a_picture_stands(tmp_path):
    """Slides: the one that is shown at the start of the clip belongs to it, though it came before."""
    path = make_media(
        tmp_path / "a.mkv",
        pictures=grey([50, 150, 250]),
        picture_times=[0.0, 2.0, 4.0],
        sound=beep(6.0, at=3.0),
        audio_codec="flac",
    )
    media = read_whole(path, OPTIONS, start_seconds=2.5, end_seconds=4.5)
    assert media.start_seconds == 2.5
    shades = [int(frame.mean()) for frame in media.frames]
    assert shades[0] == pytest.approx(150, abs=5) and shades[-1] == pytest.approx(250, abs=5)
    assert np.argmax(np.abs(media.audio) > 4000) / SOUND_HZ == pytest.approx(0.5, abs=0.002)


def test_slow_slides_are_cut_to_the_second(tmp_path):
    path = make_media(
        tmp_path / "a.mkv", pictures=grey([50, 150, 250]), picture_times=[0, 30, 60], rate_hz=Fraction(1, 30)
    )
    pieces = list(read_segments(path, OPTIONS, segment_seconds=10.0))
    assert len(pieces) >= 6 and {len(media.frames) for media in pieces[:-1]} == {250}
    # One object, so one JPEG, for as long as a slide stands in a piece.
    assert all(len({id(frame) for frame in media.frames}) == 1 for media in pieces)


def test_pieces_without_sound_are_marked(tmp_path):
    """Audio from 2.2 to 3.1 s of a video of 5 s."""
    path = make_media(
        tmp_path / "a.mkv",
        pictures=grey([90] * 50),
        sound=beep(0.9, at=0.3),
        sound_start=2.2,
        audio_codec="flac",
    )
    pieces = list(read_segments(path, OPTIONS, segment_seconds=1.0))
    assert [media.audio is None for media in pieces] == [True, True, False, False, True]
    assert len(pieces[2].audio) == SOUND_HZ
    assert np.argmax(np.abs(pieces[2].audio) > 4000) / SOUND_HZ == pytest.approx(0.5, abs=0.002)
    assert len(pieces[3].audio) == pytest.approx(0.1 * SOUND_HZ, abs=20)


def test_a_pause_in_sound_alone_gives_no_empty_piece(tmp_path):
    path = make_media(tmp_path / "a.mkv", sound=beep(1.0, at=0.1), audio_codec="flac")
    late = make_media(tmp_path / "b.mkv", sound=beep(1.0, at=0.1), sound_start=7.0, audio_codec="flac")
    assert read_whole(late, OPTIONS).start_seconds == 0.0  # the file begins with its audio
    assert len(list(read_segments(path, OPTIONS, segment_seconds=1.0))) == 1


def test_the_last_frame_stands_until_the_audio_ends(tmp_path):
    path = make_media(
        tmp_path / "a.mkv", pictures=grey([90] * 10), sound=beep(4.0, at=0.5), audio_codec="flac"
    )
    media = read_whole(path, OPTIONS)
    assert len(media.audio) == 4 * SOUND_HZ and len(media.frames) == 40
    assert media.warnings == ["the video ends 3.0 s before the audio: its last frame stands"]


def test_one_and_a_half_pieces_of_pictures_lie_in_memory(tmp_path):
    path = film(tmp_path / "a.mkv", seconds=20, rate_hz=10)
    kept = given = most = 0

    def keep(picture):
        nonlocal kept, most
        kept += 1
        most = max(most, kept - given)
        return kept

    for media in read_segments(path, OPTIONS, keep=keep, segment_seconds=2.0):
        given += len(media.frames)
        assert media.frames == list(range(given - len(media.frames) + 1, given + 1))
    assert given == 200 and 30 <= most <= 35


def test_little_sound_lies_in_memory(tmp_path):
    minutes = 5
    sound = np.ones((minutes * 60 * SOUND_HZ, 1), np.int16)
    path = make_media(tmp_path / "a.wav", sound=sound, audio_codec="pcm_s16le")
    del sound
    tracemalloc.start()
    try:
        samples = sum(len(media.audio) for media in read_segments(path, OPTIONS, segment_seconds=5.0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert samples == minutes * 60 * SOUND_HZ
    assert peak < 5 * 5.0 * SOUND_HZ * 2  # bytes; the whole is sixty pieces


def test_a_reader_that_is_given_up_closes_its_file(tmp_path):
    path = film(tmp_path / "a.mkv", seconds=3, rate_hz=10)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    for _ in range(5):
        pieces = read_segments(path, OPTIONS, segment_seconds=0.5)
        next(pieces)
        pieces.close()
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("segment_seconds", [0.0, -1.0, float("nan")])
def test_a_length_must_be_positive(tmp_path, segment_seconds):
    with pytest.raises(ValueError, match="`segment_seconds` must be positive"):
        list(read_segments(tmp_path / "a.mkv", OPTIONS, segment_seconds=segment_seconds))


def test_a_part_behind_the_end_is_an_error(tmp_path):
    path = film(tmp_path / "a.mkv", seconds=1, rate_hz=10)
    with pytest.raises(MediaError, match="a.mkv: the range begins at 5.0 s, the file ends at 1.0 s"):
        list(read_segments(path, OPTIONS, start_seconds=5.0))
