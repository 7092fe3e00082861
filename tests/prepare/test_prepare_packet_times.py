"""Times that demuxers make up: mended where the right ones are known, doubted in words where they are not."""

import shutil
import subprocess
from collections import Counter
from types import SimpleNamespace

import av
import numpy as np
import pytest
from media_maker import beep, grey, make_media, read_whole

from vatt.prepare.media import MediaOptions
from vatt.prepare.packet_times import UNSTATED, with_stated_times

RATE_HZ, SOUND_HZ, SECONDS = 25, 48_000, 6.0
OPTIONS = MediaOptions(max_frame_rate_hz=RATE_HZ, short_side_pixels=32, audio_rate_hz=SOUND_HZ)
# Two flashes, at 2 and at 4 s, and what `mpdecimate -vsync vfr` leaves of the rest: frames that change.
TIMES, LEVELS = np.array([0, 2.0, 2.2, 4.0, 4.2, 5.0]), (10, 230, 10, 230, 10, 40)


def slides(path, **options):
    """Frames that stand for up to two seconds, with a beep at the beginning of the first flash."""
    return make_media(
        path,
        pictures=grey(LEVELS, size=64),
        picture_times=TIMES,
        rate_hz=RATE_HZ,
        sound=beep(SECONDS, at=2.0, rate_hz=SOUND_HZ),
        sound_rate_hz=SOUND_HZ,
        **options,
    )


def flashes(media):
    """When flashes begin, in seconds from the first frame."""
    bright = np.array([np.mean(frame) > 128 for frame in media.frames])
    return np.flatnonzero(np.diff(bright.astype(int)) == 1) / media.frame_rate_hz + 1 / media.frame_rate_hz


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg command, which has an encoder")
@pytest.mark.parametrize("sync", ["vfr", "cfr"])
def test_theora_shows_frames_when_they_come(tmp_path, sync):
    """Frames that are left out, or repeated as packets of no bytes."""
    source, path = slides(tmp_path / "a.mkv", video_codec="ffv1", audio_codec="flac"), tmp_path / "a.ogv"
    command = ["ffmpeg", "-v", "error", "-i", source, "-vsync", sync, "-c:v", "libtheora", "-c:a", "flac"]
    subprocess.run([*command, path], check=True, timeout=60)
    media = read_whole(path, OPTIONS)
    np.testing.assert_allclose(flashes(media), [2.0, 4.0], atol=0.041)
    assert np.argmax(np.abs(media.audio) > 1000) / SOUND_HZ == pytest.approx(2.0, abs=0.01)


def test_avi_with_reordered_frames_that_stand(tmp_path):
    """AVI has no times of frames: what lies behind the decoder's delay has its own, the last two have not."""
    options = {"video_codec": "libx264", "video_options": {"bf": "2"}, "audio_codec": "pcm_s16le"}
    media = read_whole(slides(tmp_path / "a.avi", **options), OPTIONS)
    np.testing.assert_allclose(flashes(media)[:2], [2.0, 4.0], atol=0.09)
    assert any(warning.startswith(UNSTATED) for warning in media.warnings)


def test_avi_with_reordered_frames_keeps_its_last_ones(tmp_path):
    path = make_media(
        tmp_path / "a.avi",
        pictures=grey(np.arange(50) * 5, size=64),
        rate_hz=RATE_HZ,
        video_codec="libx264",
        video_options={"bf": "2"},
    )
    media = read_whole(path, OPTIONS)
    assert len(media.frames) == 50 and not media.warnings
    assert [round(float(np.mean(frame))) for frame in media.frames] == pytest.approx(
        list(np.arange(50) * 5), abs=4
    )


@pytest.mark.parametrize("pause_seconds, doubted", [(0.04, 0), (0.4, 0), (2.0, 3)])
def test_program_streams_with_several_frames_in_a_packet_are_doubted(pause_seconds, doubted):
    """Only the first of them has a time and a place in the file: the others may have come seconds later."""
    stream = SimpleNamespace(type="video", guessed_rate=25)
    times = [0, 0.04, 0.08, 0.12, 0.12 + pause_seconds]
    packets = [
        SimpleNamespace(stream=stream, dts=time * 25, time_base=1 / 25, pos=place)
        for time, place in zip(times, [30, None, None, None, 4000])
    ]
    warnings = Counter()
    container = SimpleNamespace(format=SimpleNamespace(name="mpeg"))
    assert list(with_stated_times(packets, container, warnings)) == packets
    assert warnings[UNSTATED] == doubted


def test_a_steady_program_stream_is_not_doubted(tmp_path):
    path = tmp_path / "a.mpg"
    make_media(path, pictures=grey([50] * 50, size=64), rate_hz=RATE_HZ, video_codec="mpeg2video")
    assert not read_whole(path, OPTIONS).warnings


@pytest.mark.parametrize("suffix, codec", [("aac", "aac"), ("ac3", "ac3"), ("mp3", "libmp3lame")])
@pytest.mark.parametrize("rates", [(44_100, 32_000), (32_000, 48_000)])
def test_streams_without_times_whose_sample_rate_changes(tmp_path, suffix, codec, rates):
    path = tmp_path / f"joined.{suffix}"
    with open(path, "wb") as file:
        for number, rate_hz in enumerate(rates):
            tone = np.sin(2 * np.pi * (440, 1500)[number] * np.arange(3 * rate_hz) / rate_hz)
            sound = (12_000 * tone).astype(np.int16)[:, None]
            one = tmp_path / f"{number}.{suffix}"
            make_media(one, sound=sound, sound_rate_hz=rate_hz, audio_codec=codec)
            file.write(one.read_bytes())
    media = read_whole(path, OPTIONS)
    assert len(media.audio) / SOUND_HZ == pytest.approx(6.0, abs=0.2)
    for at, tone_hz in ((1.0, 440), (2.7, 440), (3.4, 1500), (5.5, 1500)):
        heard = media.audio[round(at * SOUND_HZ) :][: SOUND_HZ // 5, 0]
        assert np.argmax(np.abs(np.fft.rfft(heard))) * 5 == pytest.approx(tone_hz, abs=5), at
    part = read_whole(path, OPTIONS, start_seconds=3.5, end_seconds=4.5)
    assert len(part.audio) / SOUND_HZ == pytest.approx(1.0, abs=0.01)
    assert not any("taken already" in warning for warning in media.warnings)


def test_frames_of_one_time_are_counted(tmp_path):
    """Joined MXF: what follows has the time of the last frame."""
    path = tmp_path / "joined.mxf"
    parts = [
        make_media(
            tmp_path / f"{level}.mxf",
            pictures=grey([level] * 25, size=64),
            rate_hz=25,
            video_codec="mpeg2video",
        )
        for level in (50, 200)
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    media = read_whole(path, OPTIONS)
    counts = {"frames": len(media.frames), "said": media.warnings}
    assert len(media.frames) >= 49 or any("skipped (2" in warning for warning in media.warnings), counts


def test_a_gap_of_the_audio_is_said(tmp_path):
    parts = [beep(2.0, at=0.5), beep(2.0, at=0.5)]
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        for start, sound in zip((0, 5), parts):
            for at in range(0, len(sound), 1600):
                frame = av.AudioFrame.from_ndarray(sound[at : at + 1600].reshape(1, -1), "s16", "mono")
                frame.sample_rate, frame.pts = 16_000, start * 16_000 + at
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    media = read_whole(path, OPTIONS)
    assert len(media.audio) / SOUND_HZ == pytest.approx(7.0, abs=0.3)
    assert media.warnings == ["the audio has a gap of more than a second: silence until it continues"]


def test_a_video_none_of_whose_frames_decode_says_so(tmp_path):
    path = slides(tmp_path / "a.mkv", video_codec="mpeg4", audio_codec="flac")
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as target:
        streams = [target.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                copy = av.Packet(bytes(len(bytes(packet))))
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.stream = streams[packet.stream.index]
                target.mux(copy)
                continue
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    media = read_whole(tmp_path / "b.mkv", OPTIONS)
    assert not media.frames and len(media.audio) / SOUND_HZ == pytest.approx(SECONDS, abs=0.2)
    assert "the video has no frame that decodes" in media.warnings
