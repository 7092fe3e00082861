import tracemalloc

import numpy as np
import pytest
from PIL import Image

from tests.prepare.media_maker import grey, make_media
from tests.toy_embedder import CLIP, tone
from vatt.embed import file_windows
from vatt.embed.file_windows import End, windows_of
from vatt.prepare.media import Media, MediaError
from vatt.spec import ClipSpec

# Lossless, so that an image's grey level is the number of its frame.
EXACT = {"video_codec": "ffv1", "pixel_format": "bgr0", "audio_codec": "pcm_s16le"}


def film(path, frames, **options):
    return make_media(path, pictures=grey(np.arange(frames)), **EXACT, **options)


def cut(path, clip=CLIP, **options):
    *windows, end = windows_of(path, clip, **options)
    assert isinstance(end, End)
    return windows


def levels(window):
    return window.video[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    "frames, stride, starts",
    [
        (2, None, [0]),  # shorter than a clip: one window
        (4, None, [0]),
        (5, None, [0]),
        (6, None, [0, 2]),  # one and a half: the rest of half a stride has a window of its own, at the end
        (8, None, [0, 4]),
        (9, None, [0, 4]),
        (10, None, [0, 4, 6]),
        (11, 0.2, [0, 2, 4, 6, 7]),  # overlapping
        (30, 1.0, [0, 10, 20, 26]),  # with holes
    ],
)
def test_windows_cover_a_film(tmp_path, frames, stride, starts):
    windows = cut(film(tmp_path / "a.mkv", frames), stride_seconds=stride)
    last = frames - 1
    assert [levels(each) for each in windows] == [
        [min(start + step, last) for step in range(4)] for start in starts
    ]
    assert [round(each.start_seconds * 10) for each in windows] == starts
    assert [round(each.end_seconds * 10) for each in windows] == [min(each + 4, frames) for each in starts]


def test_a_short_film_is_seen_in_its_middle_as_in_evaluation(tmp_path):
    clip = ClipSpec(frames=8, frame_size=8, sample_rate_hz=1000)
    (window,) = cut(film(tmp_path / "a.mkv", 11), clip)
    assert levels(window) == list(range(1, 9)) and window.start_seconds == pytest.approx(0.1)


def test_sound_begins_with_the_first_frame_of_its_window(tmp_path):
    hum = tone("green", 1.2) * (np.arange(1.2 * 16_000) >= 0.65 * 16_000)[:, None].astype(np.int16)
    hum[round(0.75 * 16_000) :] = 0
    path = film(tmp_path / "a.mkv", 12, sound=hum)
    windows = cut(path)
    assert [each.audio is not None for each in windows] == [False, True, False]
    loud = np.flatnonzero(np.abs(windows[1].audio) > 5000)
    assert 0.64 < 0.4 + loud[0] / CLIP.sample_rate_hz < 0.66
    assert windows[1].audio.shape == (CLIP.samples,) and windows[1].audio.dtype == np.int16


def test_sound_that_is_longer_than_the_pictures(tmp_path):
    clip = ClipSpec(frames=4, frame_size=8, sample_rate_hz=1000, audio_seconds=0.6)
    windows = cut(film(tmp_path / "a.mkv", 12, sound=tone("green", 1.2)), clip)
    assert [levels(each) for each in windows] == [[0, 1, 2, 3], [6, 7, 8, 9]]
    assert all(each.audio.shape == (600,) for each in windows)


def test_sound_alone(tmp_path):
    path = make_media(tmp_path / "a.wav", sound=tone("green", 1.0), audio_codec="pcm_s16le")
    windows = cut(path)
    assert [(each.start_seconds, each.end_seconds) for each in windows] == [
        (0.0, 0.4),
        (0.4, 0.8),
        (pytest.approx(0.6), pytest.approx(1.0)),
    ]
    assert all(each.video is None and each.audio.any() for each in windows)


def test_a_picture_stands_still(tmp_path):
    Image.fromarray(np.full((20, 40, 3), 90, np.uint8)).save(tmp_path / "a.png")
    (window,) = cut(tmp_path / "a.png")
    assert window.audio is None and levels(window) == [90] * 4


def test_the_middle_square_is_seen(tmp_path):
    pictures = np.zeros((4, 16, 48, 3), np.uint8)
    pictures[:, :, 16:32] = 200
    (window,) = cut(make_media(tmp_path / "a.mkv", pictures=pictures, **EXACT))
    assert (window.video == 200).all()


def test_small_pictures_grow():
    assert file_windows.middle_square(np.full((4, 6, 3), 7, np.uint8), 8).tolist() == [[[7] * 3] * 8] * 8


def test_slow_films_repeat_their_frames(tmp_path):
    windows = cut(film(tmp_path / "a.mkv", 8, rate_hz=5))
    assert [levels(each) for each in windows] == [[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5], [6, 6, 7, 7]]


def test_only_what_is_asked_for_is_decoded(tmp_path):
    path = film(tmp_path / "a.mkv", 8, sound=tone("green", 0.8))
    assert all(each.video is None for each in cut(path, modalities=("audio",)))
    assert all(each.audio is None and each.video is not None for each in cut(path, modalities=("video",)))


def test_a_part(tmp_path):
    windows = cut(film(tmp_path / "a.mkv", 20), start_seconds=0.5, end_seconds=1.3)
    assert [levels(each)[0] for each in windows] == [5, 9]
    assert windows[0].start_seconds == pytest.approx(0.5)


@pytest.mark.parametrize(
    "content, modalities, reason",
    [
        ("film", ("audio",), "has no audio"),
        ("sound", ("video",), "has no video"),
        ("silence", ("video", "audio"), "holds nothing but digital silence"),
        ("words", ("video", "audio"), "can not be opened as media"),
        ("nothing", ("video", "audio"), "the file is empty"),
        ("none", ("video", "audio"), "there is no such file"),
    ],
)
def test_files_without_what_is_asked_for(tmp_path, content, modalities, reason):
    path = tmp_path / "a.mkv"
    if content == "film":
        film(path, 4)
    elif content in ("sound", "silence"):
        sound = tone("green", 0.5) * (content == "sound")
        path = make_media(tmp_path / "a.wav", sound=sound, audio_codec="pcm_s16le")
    elif content != "none":
        path.write_text("words, no film" if content == "words" else "")
    with pytest.raises(MediaError, match=reason):
        cut(path, modalities=modalities)


def test_what_no_model_takes_is_refused(tmp_path):
    clip = ClipSpec(modalities=("video", "text"))
    with pytest.raises(ValueError, match="must be the model's"):
        cut(tmp_path / "a.mkv", clip, modalities=("audio",))
    with pytest.raises(ValueError, match="`stride_seconds` must be positive"):
        cut(tmp_path / "a.mkv", stride_seconds=0)


def pieces_of(hours):
    """As `read_segments`, of a long video."""
    sound = np.ones((400, 1), np.int16)
    for number in range(round(hours * 9000)):
        frames = [np.zeros((8, 8, 3), np.uint8) for _ in range(4)]
        start = number * 0.4
        yield Media(frames, 10.0, 8, 8, sound, start, start + 0.4, [])


def test_of_a_long_film_little_lies_in_memory(monkeypatch):
    monkeypatch.setattr(file_windows, "read_segments", lambda *_, **__: pieces_of(hours=0.5))
    tracemalloc.start()
    windows = sum(1 for _ in windows_of("film", CLIP, stride_seconds=0.2)) - 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows == 2 * 4500 - 1
    assert peak < 1 << 20  # of 16 MB


def test_a_gap_between_two_sounds_begins_anew(monkeypatch):
    def pieces(*_, **__):
        for start in (0.0, 0.4, 100.0):
            yield Media([], 0.0, 0, 0, np.full((400, 1), 9, np.int16), start, start + 0.4, [])

    monkeypatch.setattr(file_windows, "read_segments", pieces)
    assert [each.start_seconds for each in cut("sound")] == [0.0, 0.4, 100.0]
