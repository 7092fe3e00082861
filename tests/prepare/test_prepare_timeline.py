"""Clocks that begin again or jump: audio and video go on together, or the file ends there and says so."""

from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from media_maker import make_media, read_whole

from vatt.embed.file_windows import windows_of
from vatt.prepare.doctor.examine import examine
from vatt.prepare.folder import plan_folder
from vatt.prepare.job import Running
from vatt.prepare.media import MediaError, MediaOptions, read_segments
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.record import RecordOptions
from vatt.prepare.timeline import JUMPED_AHEAD, JUMPED_BACK, Timeline
from vatt.spec import ClipSpec

SOUND_HZ = 16_000
SECONDS = 3.0
OPTIONS = MediaOptions(max_frame_rate_hz=25.0, short_side_pixels=32, audio_rate_hz=SOUND_HZ)
RED, BLUE = (200, 20, 20), (20, 20, 200)
LOW_HZ, HIGH_HZ = 440, 1500
SEEN_AND_HEARD = [
    ("ts", "libx264", "aac"),
    ("ts", "mpeg2video", "mp2"),
    ("mpg", "mpeg2video", "mp2"),
    ("vob", "mpeg2video", "ac3"),
    ("mkv", "libx264", "aac"),
    ("webm", "libvpx", "libopus"),
]
HEARD = [("ogg", "flac"), ("opus", "libopus"), ("mp3", "libmp3lame"), ("aac", "aac"), ("flac", "flac")]


def part(path, *, colour, tone_hz, video=None, audio=None, start=0.0, seconds=SECONDS):
    """A video of one colour and one tone, or of the tone alone."""
    rate_hz = 48_000
    tone = 12_000 * np.sin(2 * np.pi * tone_hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    seen = {}
    if video is not None:
        pictures = np.full((round(seconds * 25), 64, 64, 3), colour, np.uint8)
        seen = {"pictures": pictures, "rate_hz": 25, "picture_times": start + np.arange(len(pictures)) / 25}
        seen["video_codec"] = video
    if audio is not None:
        seen |= {"sound": tone.astype(np.int16)[:, None], "sound_rate_hz": rate_hz, "audio_codec": audio}
    return make_media(path, sound_start=start, **seen)


def joined(folder, suffix, video, audio, starts=(0.0, 0.0)):
    """Red with a low tone, then blue with a high one, as `cat` joins them."""
    path = folder / f"joined.{suffix}"
    with open(path, "wb") as file:
        for number, (colour, tone_hz, start) in enumerate(zip((RED, BLUE), (LOW_HZ, HIGH_HZ), starts)):
            one = part(
                folder / f"{number}.{suffix}",
                colour=colour,
                tone_hz=tone_hz,
                video=video,
                audio=audio,
                start=start,
            )
            file.write(one.read_bytes())
    return path


def is_high(samples):
    """Whether the high tone is louder than the low one, for each twentieth of a second."""
    step = SOUND_HZ // 20
    blocks = samples[: len(samples) // step * step, 0].reshape(-1, step).astype(float)
    spectrum = np.abs(np.fft.rfft(blocks))
    return spectrum[:, HIGH_HZ // 20] > spectrum[:, LOW_HZ // 20]


def is_blue(frames):
    return [np.mean(frame[..., 2]) > np.mean(frame[..., 0]) for frame in frames]


def changes(media):
    """When red becomes blue and when the low tone becomes the high one, in seconds from the first frame."""
    return np.argmax(is_blue(media.frames)) / media.frame_rate_hz, np.argmax(is_high(media.audio)) / 20


@pytest.mark.parametrize("suffix, video, audio", SEEN_AND_HEARD)
def test_what_is_joined_follows_and_stays_together(tmp_path, suffix, video, audio):
    media = read_whole(joined(tmp_path, suffix, video, audio), OPTIONS)
    assert len(media.frames) / media.frame_rate_hz == pytest.approx(2 * SECONDS, abs=0.2)
    assert len(media.audio) / SOUND_HZ == pytest.approx(2 * SECONDS, abs=0.2)
    blue, high = changes(media)
    assert blue == pytest.approx(SECONDS, abs=0.15) and high == pytest.approx(blue, abs=0.1)
    assert sum(np.diff(is_blue(media.frames))) == 1  # no frame of the one among those of the other
    assert media.warnings == [JUMPED_BACK]


@pytest.mark.parametrize("suffix, audio", HEARD)
def test_audio_that_is_joined_follows(tmp_path, suffix, audio):
    media = read_whole(joined(tmp_path, suffix, None, audio), OPTIONS)
    assert len(media.audio) / SOUND_HZ == pytest.approx(2 * SECONDS, abs=0.15)
    assert np.argmax(is_high(media.audio)) / 20 == pytest.approx(SECONDS, abs=0.1)
    assert is_high(media.audio)[70:-3].all()


@pytest.mark.parametrize(
    "starts, said",
    [((0.0, 2.0), JUMPED_BACK), ((50.0, 1.0), None), ((0.0, 500.0), JUMPED_AHEAD), ((0.0, 36_000.0), None)],
)
@pytest.mark.parametrize("suffix, video, audio", [("ts", "libx264", "aac"), ("ts", None, "mp2")])
def test_jumps_to_and_fro(tmp_path, suffix, video, audio, starts, said):
    path = joined(tmp_path, suffix, video, audio, starts)
    media = read_whole(path, OPTIONS)
    assert len(media.audio) / SOUND_HZ == pytest.approx(2 * SECONDS, abs=0.2)
    high = np.argmax(is_high(media.audio)) / 20
    if video is not None:
        blue, high = changes(media)
        assert blue == pytest.approx(SECONDS, abs=0.2)
    assert high == pytest.approx(SECONDS, abs=0.2)
    assert len(media.warnings) == 1 and media.warnings[0] in (said or (JUMPED_AHEAD, JUMPED_BACK))


def test_a_hole_that_is_short_stays_a_hole(tmp_path):
    """Four seconds that a receiver lost: the last frame stands, and it is silent."""
    path = joined(tmp_path, "ts", "libx264", "aac", starts=(0.0, SECONDS + 4.0))
    media = read_whole(path, OPTIONS)
    blue, high = changes(media)
    assert blue == pytest.approx(SECONDS + 4.0, abs=0.1) and high == pytest.approx(blue, abs=0.1)
    assert len(media.audio) / SOUND_HZ == pytest.approx(2 * SECONDS + 4.0, abs=0.1)
    assert media.warnings == ["the audio has a gap of more than a second: silence until it continues"]


@pytest.mark.parametrize("suffix, video, audio", [*SEEN_AND_HEARD, *((s, None, a) for s, a in HEARD)])
def test_ranges_of_what_is_joined(tmp_path, suffix, video, audio):
    path = joined(tmp_path, suffix, video, audio)
    for start, end, second in ((0.5, 1.5, False), (4.0, 5.0, True)):
        media = read_whole(path, OPTIONS, start_seconds=start, end_seconds=end)
        assert media.start_seconds == pytest.approx(start, abs=0.05)
        assert len(media.audio) / SOUND_HZ == pytest.approx(1.0, abs=0.06)
        assert set(is_high(media.audio)[:18]) == {second} and set(is_blue(media.frames)) <= {second}
    across = read_whole(path, OPTIONS, start_seconds=2.0, end_seconds=4.0)
    assert np.argmax(is_high(across.audio)) / 20 == pytest.approx(1.0, abs=0.15)
    with pytest.raises(MediaError, match="the range begins at 20.0 s, the file ends at 6"):
        read_whole(path, OPTIONS, start_seconds=20.0, end_seconds=21.0)


def test_pieces_and_windows_of_what_is_joined(tmp_path):
    path = joined(tmp_path, "ts", "libx264", "aac")
    pieces = list(read_segments(path, OPTIONS, segment_seconds=1.0))
    whole = read_whole(path, OPTIONS)
    np.testing.assert_array_equal([f for piece in pieces for f in piece.frames], whole.frames)
    np.testing.assert_array_equal(np.concatenate([piece.audio for piece in pieces]), whole.audio)
    clip = ClipSpec(frames=8, frame_size=16, frame_rate_hz=10.0, sample_rate_hz=SOUND_HZ)
    *windows, end = windows_of(path, clip)
    assert end.warnings == (JUMPED_BACK,)
    for window in windows:
        blue, high = is_blue(window.video), is_high(window.audio[:, None])
        assert np.mean(blue) == pytest.approx(np.mean(high), abs=0.2)
    assert windows[-1].end_seconds == pytest.approx(2 * SECONDS, abs=0.2)


def test_a_set_of_what_is_joined_is_clean(tmp_path):
    (tmp_path / "media").mkdir()
    parts = [("ts", "libx264", "aac"), ("vob", "mpeg2video", "ac3"), ("ogg", None, "flac")]
    for suffix, video, audio in parts:
        joined(tmp_path, suffix, video, audio).rename(tmp_path / f"media/{suffix}.{suffix}")
    plan = plan_folder(tmp_path / "media", segment_seconds=2.0)
    summary = prepare_clips(
        plan, tmp_path / "set", options=RecordOptions(media=OPTIONS), running=Running(processes=1)
    )
    assert summary.records == 9 and not summary.failures
    assert dict(summary.warnings) == {f"{suffix}.{suffix}": JUMPED_BACK for suffix, *_ in parts}
    assert not examine(tmp_path / "set", processes=1).findings


@pytest.mark.parametrize(
    "suffix, video, audio",
    [
        ("mp4", "mpeg4", "aac"),
        ("flv", "flv", "mp3"),
        ("wav", None, "pcm_s16le"),
        ("aiff", None, "pcm_s16be"),
        ("tta", None, "tta"),
        ("w64", None, "pcm_s16le"),
    ],
)
def test_a_file_whose_second_half_no_demuxer_reads_says_so(tmp_path, suffix, video, audio):
    media = read_whole(joined(tmp_path, suffix, video, audio), OPTIONS)
    assert len(media.audio) / SOUND_HZ == pytest.approx(SECONDS, abs=0.2)
    assert len(media.warnings) == 1 and "another file is joined behind this one" in media.warnings[0]
    alone = read_whole(tmp_path / f"0.{suffix}", OPTIONS)
    assert not alone.warnings


@pytest.mark.parametrize("start", [2**33 / 90_000 - 1.5, 36_000.0, 1.4])
def test_a_clock_that_wraps_or_starts_late(tmp_path, start):
    """33 bits at 90 kHz are 26.5 hours; a station's recording starts anywhere."""
    path = part(tmp_path / "a.ts", colour=RED, tone_hz=LOW_HZ, video="libx264", audio="aac", start=start)
    media = read_whole(path, OPTIONS)
    assert len(media.frames) == pytest.approx(75, abs=2) and not media.warnings
    assert media.start_seconds == pytest.approx(0.0, abs=0.1)
    assert len(media.audio) / SOUND_HZ == pytest.approx(SECONDS, abs=0.1)
    later = read_whole(path, OPTIONS, start_seconds=2.0, end_seconds=2.5)
    assert later.start_seconds == pytest.approx(2.0, abs=0.05) and len(later.frames) == pytest.approx(
        12, abs=1
    )


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts", "flv", "nut"])
@pytest.mark.parametrize("rate_hz", [1, 5, 25])
def test_reordered_frames_are_no_jump(tmp_path, suffix, rate_hz):
    """B-frames of slow video, whose decoding times FFmpeg makes up for some containers."""
    shades = np.repeat(np.arange(60) * 4 + 10, 32 * 32 * 3).reshape(-1, 32, 32, 3).astype(np.uint8)
    path = make_media(
        tmp_path / f"a.{suffix}",
        pictures=shades,
        rate_hz=rate_hz,
        video_codec="libx264",
        video_options={"bf": "3", "g": "24", "x264-params": "open-gop=1:b-pyramid=strict:scenecut=0"},
    )
    end = 60 / rate_hz
    for start in (0.0, 0.3 * end, 0.8 * end):
        media = read_whole(path, OPTIONS, start_seconds=start)
        levels = np.array([int(frame.mean()) for frame in media.frames])
        assert (np.diff(levels) >= -1).all() and not media.warnings
        assert media.end_seconds == pytest.approx(end, abs=0.2 * end)


# The rules by themselves, on made-up packets.

VIDEO = SimpleNamespace(index=0, type="video")
AUDIO = SimpleNamespace(index=1, type="audio")


def packet(stream, seconds, lasts):
    ticks = round(seconds * 1000)
    return SimpleNamespace(
        stream=stream,
        pts=ticks,
        dts=ticks,
        duration=round(lasts * 1000),
        time_base=Fraction(1, 1000),
        is_discard=False,
    )


def interleaved(start, end, offset=0.0):
    """Packets of video, every 40 ms, and of audio, every 20 ms, in the order of time."""
    made = [packet(VIDEO, offset + n * 0.04, 0.04) for n in range(round(start / 0.04), round(end / 0.04))]
    made += [packet(AUDIO, offset + n * 0.02, 0.02) for n in range(round(start / 0.02), round(end / 0.02))]
    return sorted(made, key=lambda each: each.pts)


def aligned(packets, *, flags=av.format.Flags.ts_discont.value):
    """Times by stream, and what was said."""
    warnings = Counter()
    container = SimpleNamespace(format=SimpleNamespace(flags=flags, name="any"))
    placed = list(Timeline(container, [VIDEO, AUDIO], warnings).aligned(packets))
    return [
        np.array([each.pts / 1000 for each in placed if each.stream is stream]) for stream in (VIDEO, AUDIO)
    ], dict(warnings)


def test_a_steady_clock_is_left_alone():
    (video, audio), said = aligned(interleaved(0, 20))
    assert not said and len(video) == 500 and len(audio) == 1000
    np.testing.assert_allclose(video, np.arange(500) * 0.04)


@pytest.mark.parametrize("offset", [-7.0, -1.0, 10.05, 10.9, 33.0, 40_000.0])
def test_both_streams_are_shifted_by_the_same(offset):
    """Whatever the size of the jump; those near the limit must not divide the streams."""
    (video, audio), said = aligned(interleaved(0, 8) + interleaved(8, 16, offset))
    np.testing.assert_allclose(video, np.arange(400) * 0.04, atol=0.002)
    np.testing.assert_allclose(audio, np.arange(800) * 0.02, atol=0.002)
    assert said == {JUMPED_BACK if offset < 0 else JUMPED_AHEAD: 1}


@pytest.mark.parametrize("stream, away", [(VIDEO, 5.0), (AUDIO, 5.0), (AUDIO, 4000.0), (AUDIO, -3.0)])
def test_one_wrong_time_shifts_nothing_else(stream, away):
    packets = interleaved(0, 20)
    stray = next(each for each in packets if each.stream is stream and each.pts >= 8000)
    stray.pts += round(away * 1000)
    stray.dts = stray.pts
    (video, audio), _ = aligned(packets)
    right = video if stream is VIDEO else audio
    step = 0.04 if stream is VIDEO else 0.02
    assert np.mean(np.abs(right - np.arange(len(right)) * step) < 0.002) > 0.99
    np.testing.assert_allclose(
        audio if stream is VIDEO else video,
        np.arange(len(audio if stream is VIDEO else video)) * (0.06 - step),
    )


def test_a_slide_that_stands_is_no_jump():
    packets = [packet(VIDEO, at, 0.04) for at in (0.0, 100.0, 250.0)]
    packets += [packet(AUDIO, n * 0.02, 0.02) for n in range(15_000)]
    (video, _), said = aligned(sorted(packets, key=lambda each: each.pts))
    assert list(video) == [0.0, 100.0, 250.0] and not said


def test_without_audio_and_in_other_containers_an_hour_may_pass():
    (video, _), said = aligned([packet(VIDEO, at, 0.04) for at in (0, 3000, 9000)], flags=0)
    assert list(video) == [0.0, 3000.0, pytest.approx(3000.04)] and said == {JUMPED_AHEAD: 1}


def test_a_clock_that_never_goes_on_ends_the_file():
    packets = [packet(AUDIO, 5.0 * (n % 2) + 20.0 * (n % 3) + n % 7, 0.02) for n in range(20_000)]
    (_, audio), said = aligned(packets)
    assert len(audio) < 20_000 and any("what follows was left out" in what for what in said)
