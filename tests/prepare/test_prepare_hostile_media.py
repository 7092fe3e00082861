"""Files made to do harm: nothing but the file itself is opened, and nothing crashes, hangs or swells."""

import io
import struct
import zlib
from fractions import Fraction

import av
import pytest
from media_maker import grey, make_media, read_whole
from PIL import Image

from tests import access_time
from tests.web_server import asked_server
from vatt import resident_memory
from vatt.prepare.media import MediaError, MediaOptions

OPTIONS = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=32, audio_rate_hz=16_000)
MAX_SECONDS = 10.0


@pytest.fixture
def canary(tmp_path):
    """A video, also behind a web server: (address, path, what was asked of the server)."""
    secret = make_media(tmp_path / "secret.mp4", pictures=grey([9] * 5))
    content = secret.read_bytes()
    access_time.forget(secret)
    with asked_server(content) as (address, requests):
        yield f"{address}/secret.mp4", secret, requests


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL>'
    '<SegmentBase indexRange="0-100"/></Representation></AdaptationSet></Period></MPD>'
)
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
PLAYLISTS = {
    "list.m3u8": HLS,
    "list.mp4": HLS,
    "list.mpg": HLS,
    "list.gif": HLS,
    "concat.txt": "ffconcat version 1.0\nfile {target}\n",
    "concat.mkv": "ffconcat version 1.0\nfile {target}\n",
    "list.mpd": DASH,
    "dash.mov": DASH,
    "list.sdp": SDP,
    "sdp.avi": SDP,
    "list.asx": '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    "list.wmv": "[Reference]\nRef1={target}\n",
    "list.ram": "{target}\n",
    "subtitled.avs": 'DirectShowSource("{target}")\n',
    "picture.mp4": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{target}"/></svg>',
}


@pytest.mark.parametrize("by_address", [True, False])
@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_open_nothing_else(tmp_path, canary, name, by_address):
    address, secret, requests = canary
    path = tmp_path / name
    path.write_text(PLAYLISTS[name].format(target=address if by_address else secret))
    with pytest.raises(MediaError, match="can not be opened"):
        read_whole(path, OPTIONS)
    assert not requests
    access_time.assert_was_not_read(secret)


def test_addresses_are_no_paths(canary):
    address, secret, requests = canary
    for path in (
        address,
        f"concat:{secret}",
        f"subfile,,start,0,end,0,,:{secret}",
        "pipe:0",
        "tcp://127.0.0.1:1",
    ):
        with pytest.raises(MediaError, match="no such file"):
            read_whole(path, OPTIONS)
    assert not requests


@pytest.mark.parametrize("kind", [b"url ", b"alis"])
def test_external_references_of_quicktime_are_not_followed(tmp_path, canary, kind):
    """A track whose data are said to lie elsewhere: a `dref` that is not marked as this file."""
    address, secret, requests = canary
    path = make_media(tmp_path / "a.mov", pictures=grey([9] * 5))
    data = path.read_bytes()
    at = data.index(b"dref") - 4
    (size,) = struct.unpack_from(">I", data, at)
    target = (address if kind == b"url " else f"file://{secret}").encode() + b"\0"
    entry = struct.pack(">I4sI", 12 + len(target), kind, 0) + target
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    changed = bytearray(data[:at] + box + data[at + size :])
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = changed.index(parent) - 4
        (old,) = struct.unpack_from(">I", changed, place)
        struct.pack_into(">I", changed, place, old + len(box) - size)
    path.write_bytes(changed)
    try:
        read_whole(path, OPTIONS)  # its own data are there too, so it may play
    except MediaError as error:
        assert str(path) in str(error)
    assert not requests
    access_time.assert_was_not_read(secret)


def png(width, height):
    """A PNG of some hundred bytes that claims a size and has next to no data."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(99)))
        + chunk(b"IEND", b"")
    )


def jpeg(width, height):
    """A JPEG of some hundred bytes that claims a size."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 9, 9)).save(stream, "JPEG")
    data = bytearray(stream.getvalue())
    at = data.index(b"\xff\xc0") + 5
    struct.pack_into(">HH", data, at, height, width)
    return bytes(data)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_picture_bombs_are_refused_by_their_header(tmp_path, suffix):
    path = tmp_path / f"bomb.{suffix}"
    path.write_bytes(png(30_000, 30_000) if suffix == "png" else jpeg(30_000, 30_000))
    before = resident_memory.peak()
    with pytest.raises(MediaError, match="bomb"):
        read_whole(path, OPTIONS)
    assert resident_memory.peak() - before < 100e6  # of 2.7 GB that it claims to be


def jpeg_film(path, sizes):
    """A video of JPEGs that claim to be squares of these sizes."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mjpeg", rate=10)
        stream.width = stream.height = sizes[0]
        stream.pix_fmt = "yuvj420p"
        for number, size in enumerate(sizes):
            packet = av.Packet(jpeg(size, size))
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 10), True
            packet.pts = packet.dts = number
            file.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["mkv", "mov", "avi", "nut"])
def test_films_that_claim_giant_pictures_are_refused(tmp_path, suffix):
    path = jpeg_film(tmp_path / f"bomb.{suffix}", [16_000] * 3)
    with pytest.raises(MediaError, match="bomb"):
        read_whole(path, OPTIONS)


def test_a_picture_that_grows_in_mid_stream_costs_itself(tmp_path):
    media = read_whole(jpeg_film(tmp_path / "a.nut", [16] * 4 + [16_000] + [16] * 4), OPTIONS)
    assert len(media.frames) == 9 and {frame.shape for frame in media.frames} == {(16, 16, 3)}
    assert any("damaged video packet" in warning for warning in media.warnings)
