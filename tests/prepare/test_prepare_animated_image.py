"""Animated images are videos of all their frames; of other files of several images one is taken, and said."""

import io

import numpy as np
import pytest
from media_maker import beep, make_media, read_whole
from PIL import Image, features

from vatt import spec
from vatt.embed.file_windows import windows_of
from vatt.prepare.image_and_audio import read_image_and_audio
from vatt.prepare.media import MediaError, MediaOptions, read_segments

OPTIONS = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=20)
LEVELS, MILLISECONDS = (20, 80, 140, 200), (200, 500, 100, 600)
SHOWN = [20] * 2 + [80] * 5 + [140] + [200] * 6  # on ticks of 0.1 s
has_avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow was built without AVIF")
KINDS = ["a.webp", "a.png", "a.apng", "a.gif", pytest.param("a.avif", marks=has_avif)]


def images(levels=LEVELS, size=(60, 40)):
    return [Image.new("RGB", size, (level,) * 3) for level in levels]


def save(path, frames, **options):
    first, *rest = frames
    kind = {".apng": "PNG", ".avifs": "AVIF"}.get(path.suffix)
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    options = {"duration": list(MILLISECONDS), "loop": 0} | lossless | options
    first.save(path, kind, save_all=True, append_images=rest, **options)
    return path


def levels_of(frames):
    return [int(frame[10, 10, 0]) for frame in frames]


@pytest.mark.parametrize("name", KINDS)
def test_all_frames_at_their_times(tmp_path, name):
    path = save(tmp_path / name, images())
    media = read_whole(path, OPTIONS)
    assert levels_of(media.frames) == pytest.approx(SHOWN, abs=2)
    assert (media.height, media.width, media.frame_rate_hz) == (20, 30, 10.0)
    assert (media.start_seconds, media.end_seconds) == (0.0, pytest.approx(1.4))
    assert media.audio is None and media.warnings == []


@pytest.mark.parametrize("name", KINDS)
def test_in_pieces_and_ranges(tmp_path, name):
    path = save(tmp_path / name, images())
    pieces = list(read_segments(path, OPTIONS, segment_seconds=0.5))
    assert sum([levels_of(piece.frames) for piece in pieces], []) == pytest.approx(SHOWN, abs=2)
    part = read_whole(path, OPTIONS, start_seconds=0.4, end_seconds=0.9)
    assert levels_of(part.frames) == pytest.approx(SHOWN[4:9], abs=2)
    assert (part.start_seconds, part.end_seconds) == pytest.approx((0.4, 0.9))


@pytest.mark.parametrize("name", KINDS)
def test_windows_show_the_same(tmp_path, name):
    path = save(tmp_path / name, images())
    clip = spec.ClipSpec(frames=7, frame_rate_hz=10.0, frame_size=20, modalities=("video",))
    *windows, end = windows_of(path, clip)
    assert sum([levels_of(window.video) for window in windows], []) == pytest.approx(SHOWN, abs=2)
    assert end.warnings == ()


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_what_is_transparent_lies_on_what_was_before(tmp_path, name):
    """A frame may change a part of the image only."""
    whole = Image.new("RGBA", (60, 40), (90, 90, 90, 255))
    changed = whole.copy()
    changed.paste((200, 200, 200, 255), (0, 0, 30, 40))
    path = save(tmp_path / name, [whole, changed], duration=[300, 300])
    frames = read_whole(path, OPTIONS).frames
    assert levels_of(frames) == [90] * 3 + [200] * 3
    assert int(frames[-1][10, 25, 0]) == 90


def test_the_image_for_programs_without_animation_is_left_out(tmp_path):
    path = save(tmp_path / "a.png", images((255, *LEVELS)), default_image=True)
    assert levels_of(read_whole(path, OPTIONS).frames) == SHOWN


def test_orientation_of_every_frame(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.webp", images(), exif=exif.tobytes())
    media = read_whole(path, OPTIONS)
    assert (media.height, media.width) == (30, 20)
    assert {frame.shape for frame in media.frames} == {(30, 20, 3)}


def test_frames_without_a_duration(tmp_path):
    path = save(tmp_path / "a.png", images(), duration=0)
    media = read_whole(path, OPTIONS)
    assert levels_of(media.frames) == list(LEVELS)
    assert media.warnings == ["a frame without a duration stands for 0.1 s (4 times)"]


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_one_frame_alone_is_an_image(tmp_path, name):
    images()[1].save(tmp_path / name)
    media = read_whole(tmp_path / name, OPTIONS)
    assert levels_of(media.frames) == pytest.approx([80], abs=1) and media.warnings == []


def test_of_pages_the_first_is_taken_and_said(tmp_path):
    images()[0].save(tmp_path / "a.tiff", save_all=True, append_images=images()[1:])
    media = read_whole(tmp_path / "a.tiff", OPTIONS)
    assert levels_of(media.frames) == [20]
    assert media.warnings == ["of 4 images in the file the first was taken"]


def test_beside_audio_one_is_taken_and_said(tmp_path):
    image = save(tmp_path / "a.webp", images())
    audio = make_media(tmp_path / "a.wav", sound=beep(1.0, at=0.2), audio_codec="pcm_s16le")
    (media,) = read_image_and_audio(image, audio, OPTIONS, keep=lambda frame: frame)
    assert levels_of(media.frames) == [20] * 10
    assert media.warnings == ["of 4 images in the file the first was taken"]


def test_only_audio_is_wanted(tmp_path):
    path = save(tmp_path / "a.webp", images())
    with pytest.raises(MediaError, match=r"a\.webp: "):
        list(read_segments(path, OPTIONS, modalities=("audio",)))


def test_damaged_ones_are_read_or_refused_or_cut_short_with_a_word(tmp_path):
    random = np.random.default_rng(0)
    noise = [Image.fromarray(random.integers(0, 255, (20, 20, 3), np.uint8)) for _ in range(4)]
    whole_frames = 14
    for name in ("a.webp", "a.png"):
        whole = save(tmp_path / name, noise).read_bytes()
        for number in range(60):
            data = bytearray(whole if number % 2 else whole[: random.integers(20, len(whole))])
            for position in random.integers(0, len(data), 3):
                data[position] = random.integers(256)
            (tmp_path / name).write_bytes(data)
            try:
                media = read_whole(tmp_path / name, OPTIONS)
            except MediaError as error:
                assert name in str(error)
                continue
            assert {frame.dtype for frame in media.frames} == {np.dtype(np.uint8)}
    for keep in (0.5, 0.8):
        (tmp_path / "a.png").write_bytes(
            save(tmp_path / "b.png", noise).read_bytes()[: int(keep * len(whole))]
        )
        media = read_whole(tmp_path / "a.png", OPTIONS)
        assert 0 < len(media.frames) < whole_frames and "reading stopped early" in media.warnings[0]


@has_avif
@pytest.mark.parametrize("transfer, name", [(16, "PQ"), (18, "HLG")])
def test_images_of_high_dynamic_range_are_refused_by_name(tmp_path, transfer, name):
    stream = io.BytesIO()
    images()[0].save(stream, "AVIF")
    data = bytearray(stream.getvalue())
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = bytes([0, 9, 0, transfer])
    (tmp_path / "a.avif").write_bytes(data)
    with pytest.raises(MediaError, match=rf"a\.avif: images in {name} .* are not read: convert"):
        read_whole(tmp_path / "a.avif", OPTIONS)


@has_avif
def test_other_images_of_heif_are_refused_by_name(tmp_path):
    """Their tiles would come one by one."""
    path = tmp_path / "a.heic"
    images()[0].save(path, "AVIF")
    path.write_bytes(path.read_bytes().replace(b"ftypavif", b"ftypheic", 1))
    with pytest.raises(MediaError, match=r"a\.heic: is a HEIF image \(heic\).*convert it"):
        read_whole(path, OPTIONS)
