import numpy as np
import pytest
from media_maker import read_whole
from PIL import Image

from vatt.prepare.media import MediaError, MediaOptions, read_segments

OPTIONS = MediaOptions(max_frame_rate_hz=5.0, short_side_pixels=20)
ORIENTATION = 0x0112  # the tag's number in EXIF


def corner():
    """An image that looks different however it is turned or mirrored, uint8 [40, 60, 3]."""
    picture = np.full((40, 60, 3), 40, np.uint8)
    picture[:20, :30] = 220
    picture[20:, :30] = 120
    return picture


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "webp", "bmp", "tif", "tiff"])
def test_an_image_is_a_record_of_one_frame(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(corner()).save(path)
    for segment_seconds in (None, 1.0):
        media = read_whole(path, OPTIONS, segment_seconds=segment_seconds)
        assert media.audio is None and media.frame_rate_hz == 5.0 and media.warnings == []
        assert (media.start_seconds, media.end_seconds) == (0.0, 0.2)
        assert (media.height, media.width) == media.frames[0].shape[:2] == (20, 30)
        assert np.mean(np.abs(media.frames[0].astype(int) - corner()[::2, ::2])) < 6


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize(
    "orientation, turn",
    [
        (2, np.fliplr),
        (3, lambda picture: np.rot90(picture, 2)),
        (4, np.flipud),
        (5, lambda picture: picture.transpose(1, 0, 2)),
        (6, lambda picture: np.rot90(picture, -1)),
        (7, lambda picture: np.rot90(picture, 2).transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
def test_exif_orientation(tmp_path, suffix, orientation, turn):
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(corner()).save(path, exif=exif)
    frame = read_whole(path, OPTIONS).frames[0]
    expected = turn(corner()[::2, ::2])
    assert frame.shape == expected.shape
    assert np.mean(np.abs(frame.astype(int) - expected)) < 8


@pytest.mark.parametrize(
    "name, mode",
    [("a.jpg", "CMYK"), ("a.jpg", "L"), ("a.png", "P"), ("a.png", "LA"), ("a.png", "RGBA"), ("a.bmp", "1")],
)
def test_modes(tmp_path, name, mode):
    image = Image.fromarray(np.full((30, 30, 3), 255, np.uint8)).convert(mode)
    image.save(tmp_path / name)
    frame = read_whole(tmp_path / name, OPTIONS).frames[0]
    assert frame.shape == (20, 20, 3) and frame.dtype == np.uint8
    assert np.all(frame > 250)


def test_16_bit_grey_is_scaled_not_cut(tmp_path):
    Image.fromarray(np.full((30, 30), 100 * 257, np.uint16)).save(tmp_path / "a.png")
    assert np.all(read_whole(tmp_path / "a.png", OPTIONS).frames[0] == 100)


def test_what_is_transparent_is_black(tmp_path):
    pixels = np.full((20, 20, 4), 200, np.uint8)
    pixels[:10, :, 3] = 0
    pixels[10:, :, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    frame = read_whole(tmp_path / "a.png", OPTIONS).frames[0]
    assert np.all(frame[:10] == 0) and np.all(frame[10:] == 200)


def test_the_name_lies_about_the_format(tmp_path):
    Image.fromarray(corner()).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.JPEG")
    assert read_whole(tmp_path / "a.JPEG", OPTIONS).frames[0].shape == (20, 30, 3)


@pytest.mark.parametrize(
    "content", [None, b"", b"not an image", b"\xff\xd8\xff\xe0cut", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_errors_name_the_file(tmp_path, content):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match="a.jpg"):
        list(read_segments(path, OPTIONS))


def test_damaged_images_are_read_or_refused(tmp_path):
    random = np.random.default_rng(0)
    for suffix in ("jpg", "png", "webp", "tif"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(random.integers(0, 255, (40, 60, 3), np.uint8)).save(path)
        whole = path.read_bytes()
        for _ in range(40):
            data = bytearray(whole)
            for position in random.integers(0, len(data), 8):
                data[position] = random.integers(256)
            path.write_bytes(data)
            try:
                assert read_whole(path, OPTIONS).frames[0].dtype == np.uint8
            except MediaError as error:
                assert str(path) in str(error)
