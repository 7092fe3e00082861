"""Files as they are met: covers for videos, odd channels and images, turned, damaged, half there."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from media_maker import beep, grey, make_media, read_whole, rotate_mp4

from vatt.prepare import container
from vatt.prepare.media import MediaError, MediaOptions, read_segments

OPTIONS = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=32, audio_rate_hz=16_000)


def onset_seconds(audio, rate_hz=16_000):
    return int(np.argmax(np.abs(audio[:, 0].astype(int)) > 2000)) / rate_hz


def corner():
    """An image that looks different however it is turned or mirrored, uint8 [32, 64, 3]."""
    picture = np.full((32, 64, 3), 40, np.uint8)
    picture[:16, :32] = 220
    picture[16:, :32] = 120
    return picture


@pytest.mark.parametrize(
    "matrix, turn",
    [
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda picture: np.rot90(picture, 2).transpose(1, 0, 2)),
    ],
)
def test_turned_and_mirrored_pictures(tmp_path, matrix, turn):
    path = make_media(tmp_path / "a.mp4", pictures=np.stack([corner()] * 3))
    rotate_mp4(path, matrix)
    frame = read_whole(path, OPTIONS).frames[0]
    expected = turn(corner())
    assert frame.shape == expected.shape
    assert np.mean(np.abs(frame.astype(int) - expected)) < 10


@pytest.mark.parametrize(
    "codec, pixel_format",
    [
        ("libx264", "yuv420p10le"),
        ("libx264", "yuv444p"),
        ("libx264", "yuv422p10le"),
        ("ffv1", "gray"),
        ("ffv1", "gray16le"),
        ("ffv1", "yuva420p"),
        ("png", "rgba"),
        ("png", "rgb48be"),
        ("rawvideo", "rgb24"),
    ],
)
def test_pixel_formats(tmp_path, codec, pixel_format):
    shades = np.arange(6) * 30 + 40
    path = make_media(tmp_path / "a.nut", pictures=grey(shades), video_codec=codec, pixel_format=pixel_format)
    frames = read_whole(path, OPTIONS).frames
    assert [int(frame.mean()) for frame in frames] == pytest.approx(list(shades), abs=8)


@pytest.mark.parametrize("size", [(33, 47), (1, 1), (2, 200), (301, 17)])
def test_odd_sizes(tmp_path, size):
    height, width = size
    path = make_media(
        tmp_path / "a.mkv",
        pictures=np.full((3, height, width, 3), 99, np.uint8),
        video_codec="ffv1",
        pixel_format="yuv444p",
    )
    frame = read_whole(path, OPTIONS).frames[0]
    scale = min(1.0, 32 / min(size))
    assert frame.shape == (max(1, round(height * scale)), max(1, round(width * scale)), 3)


def test_pixels_that_are_not_square(tmp_path):
    """PAL on DVD, 16:9: 720x576 pixels that are 64:45 as wide as high."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((576, 720, 3), 90, np.uint8), format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    media = read_whole(path, MediaOptions(short_side_pixels=256))
    assert (media.height, media.width) == (256, round(256 * 16 / 9))


def test_a_size_that_changes_in_mid_stream(tmp_path):
    path = tmp_path / "a.ts"
    path.write_bytes(b"")
    for number, size in enumerate(((48, 32), (96, 64), (32, 48))):
        part = tmp_path / f"{number}.ts"
        make_media(
            part,
            pictures=np.full((10, *size, 3), 50 + 60 * number, np.uint8),
            picture_times=number + np.arange(10) / 10,
            video_codec="mpeg2video",
            rate_hz=25,
        )
        path.write_bytes(path.read_bytes() + part.read_bytes())
    media = read_whole(path, OPTIONS)
    assert {frame.shape for frame in media.frames} == {(48, 32, 3)}
    assert media.frames[-1].mean() > 100 > media.frames[0].mean()


@pytest.mark.parametrize("channels", ["mono", "stereo", "2.1", "quad", "5.0", "5.1", "6.1", "7.1"])
@pytest.mark.parametrize("rate_hz", [8_000, 96_000])
def test_channels_and_rates(tmp_path, channels, rate_hz):
    count = av.AudioLayout(channels).nb_channels
    sound = np.repeat(beep(0.5, at=0.2, rate_hz=rate_hz), count, axis=1)
    path = make_media(
        tmp_path / "a.wav", sound=sound, layout=channels, sound_rate_hz=rate_hz, audio_codec="pcm_s16le"
    )
    media = read_whole(path, OPTIONS)
    assert media.audio.shape == (8_000, 1) and media.frames == []
    assert onset_seconds(media.audio) == pytest.approx(0.2, abs=0.002)
    assert np.abs(media.audio.astype(int)).max() > 6_000
    kept = read_whole(path, MediaOptions(audio_rate_hz=rate_hz, mono=False)).audio
    np.testing.assert_array_equal(kept, sound)


@pytest.mark.parametrize("count", [3, 5, 7, 8, 10])
def test_channels_without_a_meaning(tmp_path, count):
    """A recorder's tracks: WAV with a channel mask of 0."""
    path = tmp_path / "a.wav"
    samples = np.repeat(beep(0.5, at=0.2), count, axis=1)
    data = samples.astype("<i2").tobytes()
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    layout = struct.pack("<HHIIHHHHI", 0xFFFE, count, 16_000, 32_000 * count, 2 * count, 16, 22, 16, 0) + guid
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    media = read_whole(path, OPTIONS)
    assert media.audio.shape == (8_000, 1)
    assert onset_seconds(media.audio) == pytest.approx(0.2, abs=0.002)
    assert read_whole(path, MediaOptions(audio_rate_hz=16_000, mono=False)).audio.shape == (8_000, count)


def test_sound_at_0_hz_leaves_the_pictures(tmp_path):
    path = make_media(
        tmp_path / "a.mov", pictures=grey([90] * 5), sound=beep(0.5, at=0.1), audio_codec="pcm_s16le"
    )
    data = bytearray(path.read_bytes())
    at = data.index(b"sowt") + 4 + 24  # the rate lies 24 bytes behind the type of the sample description
    assert struct.unpack_from(">I", data, at)[0] == 16_000 << 16
    struct.pack_into(">I", data, at, 0)
    path.write_bytes(data)
    media = read_whole(path, OPTIONS)
    assert len(media.frames) == 5


def with_cover(path, *, is_attached, codec):
    """An audio file with a second stream of one image."""
    with av.open(str(path), "w") as file:
        audio = file.add_stream("flac" if path.suffix != ".mov" else "aac", rate=16_000, layout="mono")
        video = file.add_stream(codec, rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "rgb24"
        if is_attached:
            video.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(grey([77], size=64)[0], format="rgb24")
        picture.pts = 0
        file.mux(video.encode(picture))
        file.mux(video.encode(None))
        sound = beep(4.0, at=2.0)
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        file.mux(audio.encode(frame))
        file.mux(audio.encode(None))
    return path


@pytest.mark.parametrize(
    "name, is_attached, codec",
    [("a.flac", True, "mjpeg"), ("a.flac", True, "png"), ("a.mkv", False, "mjpeg"), ("a.mov", False, "png")],
)
def test_a_cover_is_no_film(tmp_path, name, is_attached, codec):
    path = with_cover(tmp_path / name, is_attached=is_attached, codec=codec)
    media = read_whole(path, OPTIONS)
    assert media.frames == [] and media.frame_rate_hz == 0.0
    assert len(media.audio) == pytest.approx(64_000, abs=600)
    assert onset_seconds(media.audio) == pytest.approx(2.0, abs=0.002)
    pieces = list(read_segments(path, OPTIONS, segment_seconds=1.0))
    assert len(pieces) == 4 and not any(media.frames for media in pieces)


def test_one_picture_alone_stays(tmp_path):
    media = read_whole(make_media(tmp_path / "a.mp4", pictures=grey([90])), OPTIONS)
    assert len(media.frames) == 1 and media.audio is None


def multiplex(first, first_map_pid, second, second_map_pid):
    """The packets of two transport streams, with one list of both programmes, 1 and 2."""
    programmes = (1, 0xE000 | first_map_pid, 2, 0xE000 | second_map_pid)
    section = struct.pack(">BHHBBBHHHH", 0, 0xB011, 1, 0xC1, 0, 0, *programmes)
    checksum = 0xFFFFFFFF
    for byte in section:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    listing = (b"\x47\x40\0\x10\0" + section + struct.pack(">I", checksum)).ljust(188, b"\xff")
    streams = [path.read_bytes() for path in (first, second)]
    packets = [data[at : at + 188] for data in streams for at in range(0, len(data), 188)]
    return listing + b"".join(packet for packet in packets if packet[1:3] != b"\x40\0")


def test_several_programmes(tmp_path):
    """Audio is taken from the programme of the images, though that of another comes first."""
    ids = ("mpegts_service_id", "mpegts_pmt_start_pid", "mpegts_start_pid")
    radio = make_media(
        tmp_path / "radio.ts",
        sound=beep(1.0, at=0.6),
        audio_codec="mp2",
        container_options=dict(zip(ids, ("1", "0x1000", "0x100"))),
    )
    television = make_media(
        tmp_path / "television.ts",
        pictures=grey([90] * 25),
        rate_hz=25,
        sound=beep(1.0, at=0.3),
        audio_codec="mp2",
        video_codec="mpeg2video",
        container_options=dict(zip(ids, ("2", "0x1001", "0x200"))),
    )
    path = tmp_path / "both.ts"
    path.write_bytes(multiplex(radio, 0x1000, television, 0x1001))
    with av.open(str(path)) as file:
        assert [stream.type for stream in file.streams] == ["audio", "video", "audio"]
    media = read_whole(path, OPTIONS)
    assert len(media.frames) == 10
    assert onset_seconds(media.audio) == pytest.approx(0.3, abs=0.002)


def test_raw_streams_without_timestamps(tmp_path):
    shades = np.arange(50) * 4 + 20
    path = make_media(
        tmp_path / "a.h264",
        pictures=grey(shades),
        rate_hz=25,
        video_codec="libx264",
        video_options={"bf": "2", "crf": "5"},
    )
    frames = read_whole(path, MediaOptions(max_frame_rate_hz=25.0, short_side_pixels=32)).frames
    assert [int(frame.mean()) for frame in frames] == pytest.approx(list(shades), abs=6)
    later = read_whole(path, MediaOptions(short_side_pixels=32), start_seconds=1.0, end_seconds=1.4).frames
    assert [int(frame.mean()) for frame in later] == pytest.approx(list(shades[25:35]), abs=6)


def test_negative_timestamps(tmp_path):
    path = make_media(
        tmp_path / "a.mov",
        pictures=grey(np.arange(20) * 10),
        picture_times=np.arange(20) / 10 - 0.5,
        sound=beep(2.0, at=1.0),
        sound_start=-0.5,
        audio_codec="pcm_s16le",
        container_options={"avoid_negative_ts": "disabled", "use_editlist": "0"},
    )
    media = read_whole(path, OPTIONS)
    assert len(media.frames) == 20
    assert onset_seconds(media.audio) == pytest.approx(1.0, abs=0.002)


def test_empty_packets_in_mid_stream_are_skipped(tmp_path, monkeypatch):
    path = make_media(tmp_path / "a.mkv", pictures=grey(np.arange(20) * 10), video_codec="ffv1")
    whole = read_whole(path, OPTIONS)

    class Holey:
        """A container that gives an empty packet after each real one."""

        def __init__(self, real):
            self._real = real

        def __getattr__(self, name):
            return getattr(self._real, name)

        def demux(self, streams):
            for packet in self._real.demux(streams):
                yield packet
                empty = av.Packet(b"")
                empty.stream = packet.stream
                yield empty

    decoded = container.decoded_frames
    monkeypatch.setattr(
        "vatt.prepare.source.decoded_frames",
        lambda file, streams, warnings: decoded(Holey(file), streams, warnings),
    )
    holey = read_whole(path, OPTIONS)
    assert len(holey.frames) == len(whole.frames) == 20 and not holey.warnings


@pytest.mark.parametrize("suffix", ["mkv", "ts", "avi", "mp4"])
def test_a_file_cut_at_any_place_keeps_its_start_or_says_why(tmp_path, suffix):
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (30, 32, 32, 3), np.uint8)
    path = make_media(tmp_path / f"a.{suffix}", pictures=noise, sound=beep(3.0, at=1.0), audio_codec="mp2")
    data = path.read_bytes()
    counts = []
    for share in (0.02, 0.3, 0.7, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        try:
            counts.append(len(read_whole(path, OPTIONS).frames))
        except MediaError as error:
            assert str(path) in str(error)
            counts.append(0)
    assert counts == sorted(counts)
    if suffix != "mp4":  # its index lies at the end
        assert counts[2] > 15


@pytest.mark.parametrize("of", ["VideoReformatter.reformat", "AudioResampler.resample"])
def test_frames_of_an_unknown_kind_name_the_file(tmp_path, monkeypatch, of):
    path = make_media(tmp_path / "a.mp4", pictures=grey([9] * 5), sound=beep(0.5, at=0.1))
    owner, method = of.split(".")

    class Failing:
        def __init__(self, *arguments):
            pass

    def fail(self, *arguments, **options):
        raise av.error.ArgumentError(22, "Invalid argument")

    setattr(Failing, method, fail)
    module = "vatt.prepare.scale" if owner == "VideoReformatter" else "vatt.prepare.resample.av"
    monkeypatch.setattr(f"{module}.{owner}", Failing)
    with pytest.raises(MediaError, match="a.mp4: .*Invalid argument"):
        read_whole(path, OPTIONS)


def test_headers_without_frames(tmp_path):
    path = make_media(tmp_path / "a.mp4", pictures=grey([9] * 5))
    data = path.read_bytes()
    at = data.index(b"mdat") + 4
    size = struct.unpack(">I", data[at - 8 : at - 4])[0] - 8
    path.write_bytes(data[:at] + bytes(size) + data[at + size :])
    with pytest.raises(MediaError, match="a.mp4"):
        read_whole(path, OPTIONS)


@pytest.mark.parametrize(
    "error", [AssertionError("odd"), IndexError(7), UnicodeDecodeError("utf-8", b"", 0, 1, "x")]
)
def test_any_error_on_opening_names_the_file(tmp_path, monkeypatch, error):
    path = make_media(tmp_path / "a.mp4", pictures=grey([9] * 5))

    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(container.av, "open", fail)
    with pytest.raises(MediaError, match="a.mp4: can not be opened"):
        read_whole(path, OPTIONS)
