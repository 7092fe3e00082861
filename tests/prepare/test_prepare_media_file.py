"""Media that lie in object stores and in tar files."""

import av
import numpy as np
import pytest

from tests.prepare.media_maker import make_media
from vatt import cli
from vatt.files import places
from vatt.prepare import media_file
from vatt.prepare.media import MediaOptions, read_segments
from vatt.prepare.pool import Failure, WorkerPool
from vatt.prepare.record import Clip

HOURS, WINDOWS, WINDOW_SECONDS = 2, 10, 3.2


@pytest.fixture(autouse=True)
def nothing_cached(monkeypatch):
    monkeypatch.setattr(media_file, "STORES", media_file.StoreBlocks())
    monkeypatch.setattr(media_file, "_source", media_file.STORES)


@pytest.fixture
def video(tmp_path):
    pictures = np.stack([np.full((48, 64, 3), 10 * each, np.uint8) for each in range(20)])
    make_media(tmp_path / "v.mp4", pictures=pictures, sound=np.arange(32_000, dtype=np.int16)[:, np.newaxis])
    return tmp_path / "v.mp4"


def frames_of(path):
    (media,) = read_segments(path, MediaOptions())
    return np.stack(media.frames), media.audio


@pytest.mark.parametrize("where", ["store", "tar", "tar in a store"])
def test_media_decode_alike_wherever_they_are(video, bucket, tmp_path, where):
    content, start = video.read_bytes(), 0
    path = f"{bucket}/videos/v.mp4"
    if where != "store":
        start = 512
        (tmp_path / "x.tar").write_bytes(b"\0" * start + content + b"more")
        holder = str(tmp_path / "x.tar") if where == "tar" else f"{bucket}/x.tar"
        path = str(media_file.Member(holder, start, len(content), "v.mp4"))
    if where != "tar":
        object_of = path if where == "store" else holder
        folder, _, name = object_of.rpartition("/")
        places.open_store(folder).write(name, b"\0" * start + content + b"more" * bool(start))
    for here, there in zip(frames_of(video), frames_of(path), strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("where", ["folder", "store", "tar", "tar in a store"])
def test_a_second_video_behind_it_is_said(video, bucket, tmp_path, where):
    """As `cat a.mp4 b.mp4` leaves it; of the next member of a tar file nothing is said."""
    content, start = video.read_bytes(), 512
    path = tmp_path / "joined.mp4"
    path.write_bytes(content * 2)
    if where == "store":
        path = f"{bucket}/joined.mp4"
        places.open_store(bucket).write("joined.mp4", content * 2)
    elif where != "folder":
        whole = b"\0" * start + content * 3
        (tmp_path / "x.tar").write_bytes(whole)
        places.open_store(bucket).write("x.tar", whole)
        holder = str(tmp_path / "x.tar") if where == "tar" else f"{bucket}/x.tar"
        path = media_file.Member(holder, start, 2 * len(content), "v.mp4")
        (alone,) = read_segments(str(path._replace(size=len(content))), MediaOptions())
        assert not alone.warnings
    (media,) = read_segments(str(path), MediaOptions())
    said = f"another file is joined behind this one, at byte {len(content)}, and was not read"
    assert list(media.warnings) == [said]


def sizes(clip):
    with media_file.opened(clip.media) as file:
        return len(file.read())


def outside(clip):
    with media_file.opened(clip.media_id) as file:
        return file.read()


def test_a_worker_gets_the_media_of_its_task_and_nothing_else(video, bucket):
    store = places.open_store(bucket)
    store.write("v.mp4", video.read_bytes())
    store.write("secret", b"1")
    clip = Clip(media=f"{bucket}/v.mp4", media_id=f"{bucket}/secret", split="train")
    with WorkerPool(workers=1) as pool:
        assert [found for _, found in pool.run(sizes, [(clip,)])] == [video.stat().st_size]
        ((_, refused),) = pool.run(outside, [(clip,)])
        assert isinstance(refused, Failure) and "the media of its task only" in refused.reason


def test_a_manifest_names_objects_and_what_is_missing(video, bucket, tmp_path, capsys):
    places.open_store(bucket).write("videos/v.mp4", video.read_bytes())
    rows = [
        "path,caption",
        f"{bucket}/videos/v.mp4,a red disc",
        f"{bucket}/videos/gone.mp4,nothing",
        "v.mp4,it spins",
    ]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    arguments = [str(tmp_path / "list.csv"), str(tmp_path / "set"), "--test_share=0", "--processes=1"]
    assert cli.main(["prepare", "folder", *arguments]) == 0
    assert "2 clips, 2 with captions, 0 for testing; 1 are missing" in capsys.readouterr().err


def long_video(path):
    """Two hours, made in a few seconds: the packets of four seconds, again and again."""
    draw, rate = np.random.default_rng(0), 10
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate, options={"g": "20"})
        stream.width, stream.height, stream.bit_rate = 160, 112, 600_000
        packets = []
        for _ in range(4 * rate):
            picture = draw.integers(0, 256, (112, 160, 3), "uint8")
            packets += stream.encode(av.VideoFrame.from_ndarray(picture))
        packets += stream.encode()
        kept = [(bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in packets]
        for repeat in range(HOURS * 3600 // 4):
            for content, pts, dts, is_keyframe in kept:
                packet = av.Packet(content)
                packet.stream, packet.is_keyframe = stream, is_keyframe
                packet.pts, packet.dts = pts + repeat * len(kept), dts + repeat * len(kept)
                packet.time_base = stream.codec_context.time_base
                container.mux(packet)


@pytest.mark.slow
def test_ten_windows_of_two_hours_take_a_twentieth_of_its_bytes(bucket, bad_network, tmp_path):
    long_video(tmp_path / "long.mp4")
    whole = (tmp_path / "long.mp4").stat().st_size
    places.open_store(bucket).write("long.mp4", tmp_path / "long.mp4")
    network = bad_network()  # counts, and is not bad
    for number in range(WINDOWS):
        start = 300.0 + number * 650
        window = {"start_seconds": start, "end_seconds": start + WINDOW_SECONDS, "modalities": ("video",)}
        (there,) = read_segments(f"{bucket}/long.mp4", MediaOptions(), **window)
        (here,) = read_segments(tmp_path / "long.mp4", MediaOptions(), **window)
        assert len(here.frames) == 32
        np.testing.assert_array_equal(np.stack(here.frames), np.stack(there.frames))
    assert network.bytes_read <= whole / 20, (network.bytes_read, whole)
    print(f"{network.bytes_read:,} of {whole:,} bytes: 1/{whole / network.bytes_read:.0f}")  # with -s
