"""High dynamic range and wide gamuts come out as BT.709, or are refused by name."""

from collections import Counter

import av
import numpy as np
import pytest
from colour_maker import (
    BT709,
    BT2020,
    FULL,
    HLG,
    LIMITED,
    PQ,
    TO_BT2020,
    UNSPECIFIED,
    displayed_hlg,
    make_colours,
    stored_hlg,
    stored_pq,
)
from media_maker import read_whole

from vatt import spec
from vatt.embed.file_windows import End, windows_of
from vatt.prepare.media import MediaError, MediaOptions
from vatt.prepare.scale import FrameScaler

OPTIONS = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=32)
WHITE, RED, GREEN, BLUE = (1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)
SHOWN = {WHITE: (255, 255, 255), RED: (255, 0, 0), GREEN: (0, 255, 0), BLUE: (0, 0, 255)}
STORED = {
    "PQ": (PQ, lambda rgb: stored_pq(203 * TO_BT2020 @ rgb)),
    "HLG": (HLG, lambda rgb: displayed_hlg(203 * TO_BT2020 @ rgb)),
}


def middles(media):
    return [frame[16, 16].astype(int) for frame in media.frames]


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize(
    "container, codec, pixel_format",
    [
        ("mp4", "libx265", "yuv420p10le"),
        ("mkv", "libx265", "yuv420p10le"),
        ("ts", "libx265", "yuv420p10le"),
        ("mp4", "libsvtav1", "yuv420p10le"),
        ("webm", "libvpx-vp9", "yuv420p"),  # the transfer function stands in the container alone
    ],
)
def test_colours_of_bt709_come_back(tmp_path, name, container, codec, pixel_format):
    transfer, stored = STORED[name]
    path = make_colours(
        tmp_path / f"a.{container}",
        [stored(rgb) for rgb in SHOWN],
        transfer=transfer,
        codec=codec,
        pixel_format=pixel_format,
    )
    media = read_whole(path, OPTIONS)
    for shown, expected in zip(middles(media), SHOWN.values(), strict=True):
        np.testing.assert_allclose(shown, expected, atol=12 if expected[0] else 40)
    assert media.warnings == [
        f"frames in {name}, BT.2020 were mapped to BT.709: what it can not show was cut off"
    ]


@pytest.mark.parametrize("name", STORED)
def test_greys_keep_their_light(tmp_path, name):
    """A grey of BT.709 shown by a display of gamma 2.4, and stored: as it was before."""
    transfer, stored = STORED[name]
    greys = np.array([40, 90, 128, 200])
    light = (greys / 255) ** 2.4
    path = make_colours(
        tmp_path / "a.mkv", [stored([each] * 3) for each in light], transfer=transfer, codec="ffv1"
    )
    shown = np.array(middles(read_whole(path, OPTIONS)))
    np.testing.assert_allclose(shown, np.repeat(greys[:, None], 3, axis=1), atol=2)


def test_what_is_brighter_than_reference_white_is_white(tmp_path):
    path = make_colours(
        tmp_path / "a.mkv",
        [[stored_pq(nits)] * 3 for nits in (203, 1000, 4000)] + [stored_pq([4000, 0, 0])],
        transfer=PQ,
        codec="ffv1",
    )
    assert [tuple(each) for each in middles(read_whole(path, OPTIONS))] == [(255, 255, 255)] * 3 + [
        (255, 0, 0)
    ]
    peak = make_colours(tmp_path / "b.mkv", [(1, 1, 1), (1, 0, 0), (0.75, 0, 0)], transfer=HLG, codec="ffv1")
    assert [tuple(each) for each in middles(read_whole(peak, OPTIONS))] == [(255, 255, 255)] + [
        (255, 0, 0)
    ] * 2


def test_red_of_the_scene_in_hlg_is_red(tmp_path):
    """Light of the scene, without the system gamma that displays add: white and red at 75 %."""
    light = [np.full(3, 0.265), 0.265 * TO_BT2020 @ RED]
    path = make_colours(tmp_path / "a.mkv", map(stored_hlg, light), transfer=HLG, codec="ffv1")
    white, red = middles(read_whole(path, OPTIONS))
    np.testing.assert_allclose(white, 255, atol=1)
    np.testing.assert_allclose(red, (250, 0, 0), atol=6)


@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p10le", "gbrp10le"])
def test_ranges_and_formats(tmp_path, colour_range, pixel_format):
    path = make_colours(
        tmp_path / "a.mkv",
        [stored_pq(203 * TO_BT2020 @ rgb) for rgb in (WHITE, RED)],
        transfer=PQ,
        matrix=0 if pixel_format.startswith("gbr") else BT2020,
        colour_range=FULL if pixel_format.startswith("gbr") else colour_range,
        codec="ffv1",
        pixel_format=pixel_format,
    )
    for shown, expected in zip(middles(read_whole(path, OPTIONS)), ((255,) * 3, (255, 0, 0))):
        np.testing.assert_allclose(shown, expected, atol=6)


@pytest.mark.parametrize(
    "primaries, transfer, name",
    [(9, 14, "BT.2020"), (9, 1, "BT.2020"), (11, 1, "DCI-P3"), (12, 13, "Display P3")],
)
def test_wide_gamuts_of_standard_range(tmp_path, primaries, transfer, name):
    path = make_colours(
        tmp_path / "a.mkv",
        [WHITE, (0.5, 0.5, 0.5), RED],
        transfer=transfer,
        primaries=primaries,
        matrix=BT2020 if primaries == BT2020 else BT709,
        codec="ffv1",
    )
    media = read_whole(path, OPTIONS)
    for shown, expected in zip(middles(media), ((255,) * 3, (128,) * 3, (255, 0, 0))):
        np.testing.assert_allclose(shown, expected, atol=2)
    (warning,) = media.warnings
    assert f"frames in {name} were mapped" in warning


@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p10le"])
def test_standard_colours_are_as_they_were(tmp_path, matrix, colour_range, pixel_format):
    path = make_colours(
        tmp_path / "a.mkv",
        [WHITE, RED],
        transfer=BT709,
        primaries=BT709,
        matrix=matrix,
        colour_range=colour_range,
        codec="ffv1",
        pixel_format=pixel_format,
    )
    media = read_whole(path, OPTIONS)
    for shown, expected in zip(middles(media), ((255,) * 3, (255, 0, 0))):
        np.testing.assert_allclose(shown, expected, atol=3)
    assert media.warnings == []


def test_hdr_without_primaries_is_bt2020(tmp_path):
    path = make_colours(
        tmp_path / "a.mkv",
        [stored_pq(203 * TO_BT2020 @ RED)],
        transfer=PQ,
        primaries=UNSPECIFIED,
        matrix=BT2020,
        codec="ffv1",
    )
    np.testing.assert_allclose(middles(read_whole(path, OPTIONS))[0], (255, 0, 0), atol=6)


@pytest.mark.parametrize("matrix, name", [(8, "YCgCo"), (10, "constant luminance"), (14, "ICtCp")])
def test_other_matrices_are_refused_by_name(tmp_path, matrix, name):
    frame = av.VideoFrame(64, 64, "yuv420p10le")
    frame.colorspace = matrix
    with pytest.raises(ValueError, match=f"{name}.* are not read: convert"):
        FrameScaler(None, 32, Counter()).image(frame)


def test_dolby_vision_without_a_base_layer_is_refused_by_name(tmp_path):
    path = make_colours(
        tmp_path / "a.mp4",
        [WHITE] * 3,
        transfer=UNSPECIFIED,
        primaries=UNSPECIFIED,
    )
    data = path.read_bytes()
    assert data.count(b"hev1") == 1
    path.write_bytes(data.replace(b"hev1", b"dvh1"))
    with pytest.raises(MediaError, match=r"a\.mp4: frames in Dolby Vision without .* convert them"):
        read_whole(path, OPTIONS)


def test_windows_are_mapped_too(tmp_path):
    path = make_colours(tmp_path / "a.mp4", [stored_pq(203 * TO_BT2020 @ RED)] * 10, transfer=PQ)
    clip = spec.ClipSpec(
        frames=4, frame_rate_hz=10.0, frame_size=32, sample_rate_hz=8000, modalities=("video",)
    )
    *windows, end = windows_of(path, clip)
    assert isinstance(end, End) and "mapped to BT.709" in end.warnings[0]
    np.testing.assert_allclose(windows[0].video[0, 16, 16].astype(int), (255, 0, 0), atol=12)
