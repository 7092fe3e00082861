"""Faults 9 to 13: what can be wrong with records, images, videos and whole folders of them."""

import time

import numpy as np
import pytest
from PIL import Image

from tests import access_time, records_fixture
from tests.data.test_data_damage import bomb
from tests.prepare.media_maker import beep, grey, make_media, read_whole, rotate_mp4
from tests.web_server import asked_server
from vatt import cli, resident_memory, spec
from vatt.data.datasets.prepared import PreparedClips
from vatt.data.shard_offsets import scan_offsets
from vatt.prepare.media import MediaError, MediaOptions, read_segments

OPTIONS = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=32, audio_rate_hz=16_000)
MAX_SECONDS = 10.0
CLIP = spec.ClipSpec(frames=4, frame_size=16, sample_rate_hz=1000, words=4, candidates=2)


def first_pixels(batches):
    """Which records the clips of one frame each came from, as `records_fixture.jpegs` paints them."""
    return np.concatenate([batch[spec.VIDEO][:, 0, 0, 0, 0] for batch in batches])


def test_fault_09_exactly_the_unreadable_record_is_lost(tmp_path, capfd):
    numbers = range(0, 240, 30)  # greys that JPEG does not mix up
    written = [
        records_fixture.record(n, frames=1, pictures=records_fixture.jpegs(n, frames=1)) for n in numbers
    ]
    directory = records_fixture.write_set(tmp_path / "set", {"train": written, "test": written}, shards=2)
    shard = directory / "train-00000-of-00002.tfrecord"
    start = int(scan_offsets(shard)[1])
    content = bytearray(shard.read_bytes())
    content[start + 40] ^= 1
    shard.write_bytes(content)
    clip = spec.ClipSpec(frames=1, frame_size=8, modalities=("video",))

    def epoch(**options):
        dataset = PreparedClips(directory=directory, clip=clip, **options)
        batches = dataset.train_batches(batch_size=4, first_step=0, seed=0).take(2)
        return np.sort(first_pixels(batches.as_numpy_iterator())), dataset.info.corrupt_records()

    found, lost = epoch()
    np.testing.assert_allclose(found, [0, 60, 60, 90, 120, 150, 180, 210], atol=3)  # 60 replaces 30
    assert lost == 1
    told = [line for line in capfd.readouterr().err.splitlines() if "Damaged record" in line]
    assert len(told) == 1 and shard.name in told[0] and told[0].endswith(f"at byte {start}")
    with pytest.raises(Exception, match="at most 0.00% of them may be damaged"):
        epoch(max_corrupt_share=0.0)


def test_fault_10_broken_empty_and_bomb_pictures_are_replaced(tmp_path):
    (good,) = records_fixture.jpegs(90, frames=1)
    pictures = [good, b"", good, good[: len(good) // 2], good, bomb(), good]
    written = [records_fixture.record(frames=1, pictures=[each]) for each in pictures]
    directory = records_fixture.write_set(tmp_path / "set", {"train": written}, shards=1)
    clip = spec.ClipSpec(frames=1, frame_size=8, modalities=("video",))
    dataset = PreparedClips(directory=directory, clip=clip, max_corrupt_share=0.5)
    before = resident_memory.peak()
    batches = dataset.train_batches(batch_size=7, first_step=0, seed=0).take(2)
    found = first_pixels(batches.as_numpy_iterator())
    assert resident_memory.peak() - before < 100e6  # the bomb claims 8000 x 8000
    np.testing.assert_allclose(found, 90, atol=3)
    assert dataset.info.corrupt_records() == 3


def mutated(whole, random):
    """Bytes of a file after one of several kinds of damage."""
    data = bytearray(whole)
    kind = random.integers(4)
    if kind == 0:  # single bytes anywhere
        for position in random.integers(0, len(data), random.integers(1, 40)):
            data[position] = random.integers(256)
    elif kind == 1:  # a field of a header
        at = data.index(b"moov") + random.integers(0, 600)
        data[at : at + 4] = random.integers(0, 256, 4, np.uint8).tobytes()
    elif kind == 2:  # cut off
        del data[random.integers(1, len(data)) :]
    else:  # a block that is missing, or there twice
        begin, length = random.integers(0, len(data)), random.integers(1, 400)
        block = data[begin : begin + length]
        data[begin : begin + length] = block * 2 if random.integers(2) else b""
    return bytes(data)


def test_fault_11_two_hundred_damaged_films(tmp_path):
    film = {"pictures": grey(np.arange(20) * 12), "sound": beep(2.0, at=1.0)}
    whole = make_media(tmp_path / "whole.mp4", **film, video_codec="libx264").read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "mutant.mp4"
    read = refused = 0
    for number in range(200):
        path.write_bytes(mutated(whole, random))
        began = time.monotonic()
        try:
            pieces = list(read_segments(path, OPTIONS, segment_seconds=0.7 if number % 2 else None))
            assert pieces and all(media.frames or len(media.audio) for media in pieces)
            read += 1
        except MediaError as error:
            assert str(path) in str(error)
            refused += 1
        assert time.monotonic() - began < MAX_SECONDS
    assert read > 50 and refused > 20


@pytest.mark.slow  # preparation starts its workers
def test_fault_12_odd_media_give_whole_batches(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    five = {"pictures": grey(np.arange(5) * 40 + 20)}
    make_media(folder / "no_sound.mp4", **five)
    make_media(folder / "no_pictures.wav", sound=beep(1.0, at=0.1), audio_codec="pcm_s16le")
    make_media(folder / "uneven.mp4", **five, picture_times=[0.0, 0.1, 0.15, 0.7, 0.71], sound=beep(1.0, 0.1))
    make_media(folder / "rotated.mp4", **five, sound=beep(0.5, at=0.1))
    rotate_mp4(folder / "rotated.mp4", (0, 1, -1, 0))
    six = np.repeat(beep(0.5, at=0.1, rate_hz=48_000), 6, axis=1)
    make_media(folder / "surround.mkv", **five, sound=six, sound_rate_hz=48_000, layout="5.1")
    slow = beep(0.5, at=0.1, rate_hz=8_000)
    make_media(folder / "slow.mkv", **five, sound=slow, sound_rate_hz=8_000, audio_codec="pcm_s16le")
    make_media(folder / "spoken.mp4", **five, sound=beep(0.5, at=0.1))
    (folder / "spoken.srt").write_text("1\n00:00:00,000 --> 00:00:00,400\nthe red disc\n")
    (folder / "of_no_length.mp4").write_bytes((folder / "spoken.mp4").read_bytes()[:60])
    Image.fromarray(np.full((24, 32, 3), 90, np.uint8)).save(folder / "still.png")
    options = ["--test_share", "0", "--max_failures", "0.5"]
    assert cli.main(["prepare", "folder", str(folder), str(tmp_path / "set"), *options]) == 0
    dataset = PreparedClips(directory=tmp_path / "set", clip=CLIP)
    assert dataset.info.train_size == 8  # all but the one of no length
    (batch,) = dataset.train_batches(batch_size=8, first_step=0, seed=0).take(1).as_numpy_iterator()
    assert batch[spec.VIDEO].shape == (8, 4, 16, 16, 3) and batch[spec.AUDIO].shape == (8, 400)
    assert batch[spec.VIDEO_MASK].sum() == 7 and batch[spec.AUDIO_MASK].sum() <= 6
    assert (batch[spec.TEXT_MASK].max(axis=1) > 0).sum() == 1
    for name in (spec.VIDEO, spec.AUDIO, spec.TEXT):
        missing = batch[f"{name}_mask"] == 0
        assert np.isfinite(batch[name]).all() and not batch[name][missing].any()


@pytest.fixture
def web():
    """The address of a server and what it was asked for."""
    with asked_server() as (address, asked):
        yield f"{address}/film.mp4", asked


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {target}\n",
        "{target}\n",
    ],
    ids=["HLS", "concat", "bare"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".txt"])
def test_fault_13_playlists_and_addresses_open_nothing(tmp_path, web, playlist, suffix):
    address, asked = web
    secret = make_media(tmp_path / "secret.mp4", pictures=grey([9] * 5))
    access_time.forget(secret)
    for target in (address, secret):
        path = tmp_path / f"list{suffix}"
        path.write_text(playlist.format(target=target))
        with pytest.raises(MediaError):
            read_whole(path, OPTIONS)
    with pytest.raises(MediaError, match="no such file"):
        read_whole(address, OPTIONS)
    assert not asked
    access_time.assert_was_not_read(secret)
