"""Frames that stand: slides, calls, screen recordings. Each is shown from its time on, and stored once."""

import argparse
import json
from fractions import Fraction

import numpy as np
import pytest
from media_maker import beep, grey, make_media, read_whole

from vatt.data import parse, video
from vatt.embed.file_windows import windows_of
from vatt.prepare import cli
from vatt.prepare.doctor.clip_record import Setting, read_clip
from vatt.prepare.doctor.examine import examine
from vatt.prepare.example_reader import parse as parse_example
from vatt.prepare.media import MediaError, MediaOptions, read_segments
from vatt.prepare.record import Clip, RecordOptions, make_records
from vatt.spec import ClipSpec

SOUND_HZ = 16_000
OPTIONS = MediaOptions(max_frame_rate_hz=25.0, short_side_pixels=32, audio_rate_hz=SOUND_HZ)
SLIDES = [0.0, 4.0, 5.0, 8.0, 9.0]
SHADES = [20, 230, 20, 230, 20]
CONTAINERS = [
    ("mp4", "libx264", "aac"),
    ("mov", "mpeg4", "pcm_s16le"),
    ("mkv", "libx264", "aac"),
    ("webm", "libvpx", "libopus"),
    ("ts", "libx264", "aac"),
    ("flv", "flv", "mp3"),
]


def beeps(seconds, at, rate_hz):
    return sum(beep(seconds, at=each, rate_hz=rate_hz, length=0.2) for each in at)


def slides(path, *, codec, audio=None, times=SLIDES, shades=SHADES, seconds=10.0, **options):
    """Flashes of a second at 4 and 8 s, with a beep at each; nothing in between is stored."""
    if audio is not None:
        options |= {
            "sound": beeps(seconds, (4.0, 8.0), 48_000),
            "sound_rate_hz": 48_000,
            "audio_codec": audio,
        }
    if codec == "libx264":
        options["video_options"] = {"bf": "0"}
    return make_media(
        path, pictures=grey(shades), picture_times=times, rate_hz=25, video_codec=codec, **options
    )


def flashes(frames, rate_hz):
    """When it becomes bright, in seconds."""
    bright = np.array([np.mean(frame) > 120 for frame in frames], int)
    return np.flatnonzero(np.diff(bright, prepend=0) == 1) / rate_hz


def onsets(audio):
    """When it becomes loud, in seconds, to a hundredth."""
    step = SOUND_HZ // 100
    loud = np.abs(audio[: len(audio) // step * step, 0].astype(int)).reshape(-1, step).max(axis=1) > 4000
    return np.flatnonzero(np.diff(loud.astype(int), prepend=0) == 1) / 100


@pytest.mark.parametrize("suffix, codec, audio", CONTAINERS)
def test_flashes_are_seen_when_they_are_heard(tmp_path, suffix, codec, audio):
    path = slides(tmp_path / f"a.{suffix}", codec=codec, audio=audio)
    media = read_whole(path, OPTIONS)
    assert flashes(media.frames, media.frame_rate_hz) == pytest.approx([4.0, 8.0], abs=0.045)
    assert onsets(media.audio) == pytest.approx([4.0, 8.0], abs=0.06)
    assert len(media.frames) / media.frame_rate_hz == pytest.approx(10.0, abs=0.1)
    pieces = list(read_segments(path, OPTIONS, segment_seconds=3.0))
    assert [frame for piece in pieces for frame in piece.frames[:1]]
    together = [frame for piece in pieces for frame in piece.frames]
    np.testing.assert_array_equal(np.stack(together), np.stack(media.frames))


@pytest.mark.parametrize("suffix, codec, audio", CONTAINERS)
def test_a_range_begins_with_the_frame_that_stands(tmp_path, suffix, codec, audio):
    path = slides(tmp_path / f"a.{suffix}", codec=codec, audio=audio)
    for start, end, bright in ((1.0, 3.5, False), (4.3, 4.8, True), (6.0, 7.5, False), (9.3, 9.9, False)):
        media = read_whole(path, OPTIONS, start_seconds=start, end_seconds=end)
        assert media.start_seconds == pytest.approx(start, abs=0.03)
        assert len(media.frames) / media.frame_rate_hz == pytest.approx(end - start, abs=0.1)
        assert {np.mean(frame) > 120 for frame in media.frames} == {bright}


@pytest.mark.parametrize("suffix, codec", [("mkv", "ffv1"), ("mov", "png"), ("nut", "ffv1")])
@pytest.mark.parametrize("seed", range(3))
def test_at_any_times_no_tick_shows_the_future(tmp_path, suffix, codec, seed):
    random = np.random.default_rng(seed)
    times = np.cumsum(random.choice([1, 7, 39, 40, 41, 400, 2600], 40)) / 1000
    times -= times[0]
    path = make_media(
        tmp_path / f"a.{suffix}",
        pictures=grey(np.arange(40) * 6),
        picture_times=times,
        rate_hz=25,
        video_codec=codec,
        pixel_format="bgr0" if codec == "ffv1" else "rgb24",
    )
    media = read_whole(path, MediaOptions(max_frame_rate_hz=25.0))
    ticks = np.arange(len(media.frames)) / media.frame_rate_hz
    shown = np.searchsorted(times, ticks + 1e-6, side="right") - 1
    assert [int(frame[0, 0, 0]) for frame in media.frames] == pytest.approx(list(shown * 6), abs=1)
    assert len(ticks) / media.frame_rate_hz >= times[-1]


@pytest.mark.parametrize("rate_hz", [Fraction(24_000, 1001), Fraction(30_000, 1001), 30, 60])
@pytest.mark.parametrize("first", [0, 1])
def test_times_in_milliseconds_lose_and_double_no_frame(tmp_path, rate_hz, first):
    """Matroska rounds them, so a frame may seem to come a millisecond after its tick."""
    times = (first + np.arange(100)) / float(rate_hz)
    path = make_media(
        tmp_path / "a.mkv",
        pictures=grey(np.arange(100) * 2),
        picture_times=times,
        rate_hz=rate_hz,
        video_codec="ffv1",
        pixel_format="bgr0",
    )
    frames = read_whole(path, MediaOptions(max_frame_rate_hz=60.0)).frames
    assert [int(frame[0, 0, 0]) for frame in frames] == list(np.arange(100) * 2)


def test_a_gif_with_uneven_durations(tmp_path):
    from PIL import Image

    path = tmp_path / "a.gif"
    images = [Image.fromarray(np.full((16, 16), shade, np.uint8)) for shade in (10, 240, 10, 240)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=[1300, 200, 2500, 500], loop=0)
    media = read_whole(path, OPTIONS)
    assert flashes(media.frames, media.frame_rate_hz) == pytest.approx([1.3, 4.0], abs=0.041)
    assert len(media.frames) / media.frame_rate_hz == pytest.approx(4.5, abs=0.05)


def test_windows_show_what_stands(tmp_path):
    """What `embed` and `index` see: at each instant the last frame that is not later."""
    path = slides(tmp_path / "a.mp4", codec="libx264", audio="aac")
    clip = ClipSpec(frames=10, frame_size=16, frame_rate_hz=10.0, sample_rate_hz=SOUND_HZ)
    *windows, _ = windows_of(path, clip)
    assert len(windows) == 10
    frames = [frame for window in windows for frame in window.video]
    assert flashes(frames, 10.0) == pytest.approx([4.0, 8.0])
    audio = np.concatenate(
        [np.zeros(clip.samples) if window.audio is None else window.audio for window in windows]
    )
    assert onsets(audio[:, None]) == pytest.approx([4.0, 8.0], abs=0.02)


def test_what_is_lost_at_the_beginning_is_said(tmp_path):
    late = make_media(
        tmp_path / "late.mkv",
        pictures=grey([90] * 20),
        picture_times=2.0 + np.arange(20) / 10,
        sound=beep(4.0, at=3.0),
        audio_codec="flac",
    )
    for options in ({}, {"segment_seconds": 1.0}):
        first, *_ = read_segments(late, OPTIONS, **options)
        assert first.warnings == ["2.0 s of audio before the first frame were left out"]
        assert first.start_seconds == pytest.approx(2.0)
    early = make_media(
        tmp_path / "early.mkv",
        pictures=grey([90] * 40),
        sound=beep(2.0, at=1.0),
        sound_start=2.0,
        audio_codec="flac",
    )
    media = read_whole(early, OPTIONS)
    assert media.warnings == ["the audio begins 2.0 s after the first frame: silence until then"]
    assert onsets(media.audio) == pytest.approx([3.0])


def test_a_range_that_the_file_does_not_fill_says_what_is_left(tmp_path):
    path = slides(tmp_path / "a.mp4", codec="libx264", audio="aac")
    media = read_whole(path, OPTIONS, start_seconds=8.0, end_seconds=30.0)
    assert media.warnings == ["the range ends at 30.0 s, the file at 10.0 s: 2.0 s of it are left"]
    assert not read_whole(path, OPTIONS, start_seconds=8.0, end_seconds=10.0).warnings
    with pytest.raises(MediaError, match="the range begins at 12.0 s, the file ends at 10.0 s"):
        read_whole(path, OPTIONS, start_seconds=12.0, end_seconds=30.0)


# Records.


def bomb(path, times=(0.0, 599.0), size=256):
    """Frames of noise, so that each JPEG is large, far apart."""
    noise = np.random.default_rng(0).integers(0, 255, (len(times), size, size, 3), np.uint8)
    return make_media(path, pictures=noise, picture_times=times, rate_hz=25, video_codec="mpeg4")


def prepared(folder, out, *words):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.main(parser.parse_args(["folder", str(folder), str(out), "--processes", "1", *words])) == 0
    return json.loads((out / "preparation.json").read_text())


def test_two_frames_ten_minutes_apart_stay_small(tmp_path):
    (tmp_path / "media").mkdir()
    path = bomb(tmp_path / "media/a.mkv")
    jpeg = len(make_first(path).jpegs[0])
    for words, records in (((), 60), (("--segment_seconds", "0"), 1)):
        out = tmp_path / f"set{records}"
        report = prepared(tmp_path / "media", out, *words)
        assert report["records"] == records and report["hours"] == pytest.approx(599 / 3600, abs=0.001)
        stored = sum(each.stat().st_size for each in out.glob("*.tfrecord"))
        assert stored < (records + 2) * jpeg + 15_000 * 8  # a JPEG a record, some bytes a repeat
        assert not examine(out, processes=1).findings


def make_first(path):
    """The first record of a file, as the doctor reads it."""
    options = RecordOptions(media=MediaOptions(short_side_pixels=256))
    clip = Clip(media=str(path), media_id="a", split="train", segment_seconds=10.0)
    first = next(make_records(clip, options))
    return read_clip(
        first.framed[12:-4], Setting(frame_rate_hz=25.0, audio_rate_hz=48_000, short_side_pixels=0)
    )


def test_readers_see_every_frame(tmp_path):
    """The training reader, the doctor and the example reader, of frames that stand for different times."""
    path = slides(tmp_path / "a.mkv", codec="ffv1", pixel_format="bgr0", seconds=10.0)
    clip = Clip(media=str(path), media_id="a", split="train")
    (made,) = make_records(clip, RecordOptions(media=OPTIONS))
    content = made.framed[12:-4]
    stored = [step[0] for step in parse_example(content).frames["image/encoded"]]
    assert sum(map(bool, stored)) == 5 and len(stored) == pytest.approx(226, abs=1)
    seen = read_clip(content, Setting(frame_rate_hz=25.0, audio_rate_hz=48_000, short_side_pixels=0))
    assert (
        len(seen.jpegs) == len(stored) and len({id(jpeg) for jpeg in seen.jpegs}) == 5 and not seen.problems
    )
    record = parse.parse_record(content, frame_rate_hz=25.0, audio_rate_hz=SOUND_HZ)
    spec = ClipSpec(frames=30, frame_size=16, frame_rate_hz=10.0)
    for start, expected in ((0.0, []), (3.0, [1.0]), (4.48, []), (7.04, [0.96])):
        pictures, _ = video.clip_views(
            record, np.float64(start), clip=spec, choose_boxes=lambda h, w: video.squares(h, w, crops=1)
        )
        bright = flashes(pictures[0].numpy(), 10.0)
        assert [each for each in bright if each > 0] == pytest.approx(expected, abs=0.1)
        assert (pictures[0, 0].numpy().mean() > 120) == (4.0 <= start < 5.0)


def test_an_older_record_without_a_picture_is_still_damage(tmp_path):
    jpeg = make_first(bomb(tmp_path / "a.mkv", times=(0.0, 0.04))).jpegs[0]
    from vatt.prepare.sequence_example import serialise

    for version, frames in ((1, 2), (2, 1)):
        content = serialise({"schema_version": [version]}, {"image/encoded": [[jpeg], [b""]]})
        seen = read_clip(content, Setting(frame_rate_hz=25.0, audio_rate_hz=48_000, short_side_pixels=0))
        assert len(set(seen.jpegs)) == frames


def test_what_a_file_may_last_is_bounded(tmp_path):
    times = 3000.0 * np.arange(20)
    path = bomb(tmp_path / "a.mkv", times=times, size=16)
    hours = (3600 + path.stat().st_size / 20) / 3600
    ends = []
    for media in read_segments(path, OPTIONS, segment_seconds=100.0, keep=lambda picture: 0):
        ends.append(media.end_seconds)
    assert ends[-1] <= hours * 3600 + 1
    assert media.warnings == [f"a file of so few bytes may last {hours:.1f} hours; the rest was left out"]


def test_what_a_file_may_write_is_bounded(tmp_path, monkeypatch):
    from vatt.prepare import record

    monkeypatch.setattr(record, "_SURE_BYTES", 100_000)
    monkeypatch.setattr(record, "_MOST_GROWTH", 0)
    noise = np.random.default_rng(0).integers(0, 255, (100, 64, 64, 3), np.uint8)
    path = make_media(tmp_path / "a.mkv", pictures=noise, video_codec="ffv1", pixel_format="bgr0")
    for segment_seconds in (None, 1.0):
        clip = Clip(media=str(path), media_id="a", split="train", segment_seconds=segment_seconds)
        records = list(make_records(clip, RecordOptions()))
        assert 100_000 < sum(len(record.framed) for record in records) < 120_000
        assert records[-1].warnings == ("a file of so few bytes may give 0 MB; the rest was left out",)


def test_clips_that_lost_something_are_counted_not_losses(tmp_path, capsys):
    (tmp_path / "media").mkdir()
    with open(tmp_path / "media/a.mp4", "wb") as file:  # cut short, and with another file behind it
        first = make_media(
            tmp_path / "b.mp4",
            pictures=grey([90] * 20),
            picture_times=2.0 + np.arange(20) / 10,
            sound=beep(4.0, at=3.0),
        )
        file.write(first.read_bytes() * 2)
    report = prepared(tmp_path / "media", tmp_path / "set")
    assert "1 of 1 clips were kept in part" in capsys.readouterr().err
    (entry,) = report["kept_in_part"]
    assert "before the first frame" in entry["lost"] and "another file is joined" in entry["lost"]
