"""Media that once came out wrong: what `vatt prepare` makes and says of them, and the doctor's word."""

import json

import numpy as np
import pytest
from colour_maker import PQ, TO_BT2020, make_colours, stored_pq
from interlaced_maker import make_interlaced, woven
from media_maker import make_media
from PIL import Image
from track_maker import make_tracks

from vatt import cli

RATE_HZ = 16_000


def patches(seed, count, size=64):
    """Random patches that move, so that no two frames or files look alike; uint8 [T, H, W, 3]."""
    pattern = np.random.default_rng(seed).integers(30, 226, (8, 8, 3), np.uint8)
    whole = np.asarray(Image.fromarray(pattern).resize((size, size), Image.Resampling.BICUBIC))
    return np.stack([np.roll(whole, 3 * frame, axis=1) for frame in range(count)])


def tones(hz, signs, seconds=2.0):
    """int16 [S, channels]: a tone that swells, in each channel with its sign."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 9_000 * np.sin(2 * np.pi * hz * times) * (0.3 + 0.7 * times / seconds)
    return np.stack([sign * wave for sign in signs], axis=1).astype(np.int16)


@pytest.fixture
def media(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    random = np.random.default_rng(0)
    colours = [stored_pq(203 * TO_BT2020 @ random.random(3) ** 2) for _ in range(20)]
    make_colours(folder / "hdr.mp4", colours, transfer=PQ)
    make_interlaced(folder / "interlaced.mpg", [woven(frame) for frame in range(16)])
    make_media(
        folder / "opposite.mkv",
        pictures=patches(1, 20),
        sound=tones(440, (1, -1)),
        sound_rate_hz=RATE_HZ,
        layout="stereo",
        audio_codec="flac",
    )
    make_tracks(folder / "tracks.mp4", [0 * tones(440, (1,))[:, 0], tones(700, (1,))[:, 0]], levels=(90,))
    first, *rest = map(Image.fromarray, patches(2, 6))
    first.save(
        folder / "animated.webp", save_all=True, append_images=rest, duration=[300, 100, 500, 200, 300, 400]
    )
    return folder


def test_they_are_prepared_and_the_doctor_finds_nothing(media, tmp_path, capsys):
    records = tmp_path / "records"
    assert (
        cli.main(["prepare", "folder", str(media), str(records), "--test_share", "0.3", "--processes", "1"])
        == 0
    )
    report = json.loads((records / "preparation.json").read_bytes())
    assert report["failed"] == []
    assert {item["media_id"]: item["lost"] for item in report["kept_in_part"]} == {
        "hdr.mp4": "frames in PQ, BT.2020 were mapped to BT.709: what it can not show was cut off",
        "interlaced.mpg": "interlaced frames were de-interlaced",
        "opposite.mkv": "channels of opposite sign would cancel each other: one of them was taken",
        "tracks.mp4": "of 2 audio tracks number 2 was taken: the first that is heard",
    }
    capsys.readouterr()
    status = cli.main(["doctor", str(records), "--processes", "1"])
    assert status == 0, capsys.readouterr().out
