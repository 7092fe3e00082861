"""Interlaced video comes out without comb, with its frames and their times."""

import itertools
from collections import Counter

import av
import numpy as np
import pytest
from interlaced_maker import HEIGHT, bar_at, comb, make_interlaced, woven
from media_maker import make_media, read_whole

from vatt import spec
from vatt.embed.file_windows import End, windows_of
from vatt.prepare.container import decoded_frames, open_container
from vatt.prepare.deinterlace import deinterlaced
from vatt.prepare.media import MediaOptions, read_segments
from vatt.prepare.streams import choose_streams

OPTIONS = MediaOptions(max_frame_rate_hz=25.0, short_side_pixels=HEIGHT)
SAID = "interlaced frames were de-interlaced"
DV_SIZE = {"height": 576, "width": 720}


@pytest.mark.parametrize(
    "name, codec, field, pixel_format",
    [
        ("a.mpg", "mpeg2video", "tff", "yuv420p"),
        ("a.ts", "mpeg2video", "bff", "yuv420p"),
        ("a.mp4", "libx264", "tff", "yuv420p"),
        ("a.mkv", "libx264", "bff", "yuv420p10le"),
        ("a.avi", "mpeg4", "tff", "yuv420p"),
        ("a.mkv", "ffv1", "tff", "yuv420p"),
        ("a.mov", "prores_ks", "bff", "yuv422p10le"),
    ],
)
def test_a_moving_bar_has_no_comb(tmp_path, name, codec, field, pixel_format):
    pictures = [woven(frame, field == "tff") for frame in range(12)]
    assert max(map(comb, pictures)) > 200
    path = make_interlaced(tmp_path / name, pictures, codec=codec, field=field, pixel_format=pixel_format)
    media = read_whole(path, OPTIONS)
    assert media.warnings == [SAID]
    assert max(map(comb, media.frames)) < 6
    for number, frame in enumerate(media.frames):  # each stands at the instant of its first field
        assert np.abs(frame.astype(int) - bar_at(2 * number)).mean() < 3
    assert (media.frame_rate_hz, len(media.frames)) == (25.0, 12)
    assert media.end_seconds == pytest.approx(0.48)


def test_digital_video(tmp_path):
    pictures = [woven(frame, False, **DV_SIZE) for frame in range(3)]
    path = make_interlaced(tmp_path / "a.avi", pictures, codec="dvvideo", field="bff")
    media = read_whole(path, MediaOptions(short_side_pixels=576))
    assert (len(media.frames), media.warnings) == (3, [SAID])
    assert max(map(comb, media.frames)) < 6


def test_the_container_may_say_it(tmp_path):
    pictures = [woven(frame) for frame in range(4)]
    path = make_interlaced(
        tmp_path / "a.mkv",
        pictures,
        codec="libx265",
        options={"field_order": "tt", "crf": "4", "x265-params": "log-level=none"},
    )
    with av.open(str(path)) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))
    media = read_whole(path, OPTIONS)
    assert media.warnings == [SAID]
    assert max(map(comb, media.frames)) < 6


@pytest.mark.parametrize("name, codec", [("a.mpg", "mpeg2video"), ("a.mp4", "libx264")])
def test_whole_frames_stay_untouched(tmp_path, name, codec):
    """Lines that differ would be mixed by the filter."""
    stripes = [np.roll(woven(0), frame, axis=1) for frame in range(5)]
    path = make_interlaced(tmp_path / name, stripes, codec=codec, field="prog")
    media = read_whole(path, OPTIONS)
    assert media.warnings == []
    assert min(map(comb, media.frames)) > 180


def test_whole_frames_between_interlaced_ones_stay_untouched(tmp_path):
    """Both kinds in one stream: frames, times, durations and their order are those of the file."""
    parts = []
    for number, field in enumerate(("prog", "tff", "prog")):
        pictures = [woven(3 * number + frame) for frame in range(3)]
        path = make_interlaced(tmp_path / f"{number}.mkv", pictures, codec="ffv1", field=field)
        with open_container(path) as container:
            (video,) = container.streams.video
            parts += [frame for _, frame in decoded_frames(container, [video], Counter())]
    for number, frame in enumerate(parts):
        frame.pts, frame.duration = 100 * number + number**2, 50 + number
    frames = [(video, frame) for frame in parts]
    times = [(frame.pts, frame.duration, frame.time_base) for frame in parts]
    found = [frame for _, frame in deinterlaced(frames, video, Counter())]
    assert [(frame.pts, frame.duration, frame.time_base) for frame in found] == times
    combs = [comb(frame.to_ndarray(format="rgb24")) > 100 for frame in found]
    assert combs == [True] * 3 + [False] * 3 + [True] * 3


def test_a_size_that_changes_in_mid_stream(tmp_path):
    path = tmp_path / "a.ts"
    path.write_bytes(b"")
    for number, height in enumerate((96, 64, 96)):
        part = tmp_path / f"{number}.mkv"
        make_interlaced(part, [woven(frame, height=height) for frame in range(5)])
        with av.open(str(part)) as source, av.open(str(tmp_path / "part.ts"), "w") as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.pts += number * 200
                    packet.dts += number * 200
                    packet.stream = stream
                    target.mux(packet)
        path.write_bytes(path.read_bytes() + (tmp_path / "part.ts").read_bytes())
    with open_container(path) as container:
        video, _ = choose_streams(container, path, Counter(), ("video",))
        plain = [
            (frame, frame.pts, frame.height) for _, frame in decoded_frames(container, [video], Counter())
        ]
        frames = ((video, frame) for frame, *_ in plain)
        found = [(frame.pts, frame.height) for _, frame in deinterlaced(frames, video, Counter())]
    assert found == [tuple(rest) for _, *rest in plain]
    assert [height for height, _ in itertools.groupby(height for _, height in found)] == [96, 64, 96]


@pytest.mark.parametrize("frames", [1, 2])
def test_short_ones(tmp_path, frames):
    path = make_interlaced(tmp_path / "a.mkv", [woven(frame) for frame in range(frames)])
    media = read_whole(path, OPTIONS)
    assert (len(media.frames), media.warnings) == (frames, [SAID])


def test_frames_too_small_for_the_filter(tmp_path):
    pictures = np.full((3, 2, 2, 3), 99, np.uint8)
    path = make_media(
        tmp_path / "a.mkv",
        pictures=pictures,
        video_codec="ffv1",
        pixel_format="yuv444p",
        video_options={"field_order": "tt"},
    )
    assert len(read_whole(path, OPTIONS).frames) == 3


def test_in_pieces_from_the_middle_and_in_windows(tmp_path):
    path = make_interlaced(tmp_path / "a.mpg", [woven(frame % 8) for frame in range(50)])
    pieces = list(read_segments(path, OPTIONS, start_seconds=0.4, segment_seconds=0.4))
    assert sum(len(piece.frames) for piece in pieces) == 40
    assert max(comb(frame) for piece in pieces for frame in piece.frames) < 6
    clip = spec.ClipSpec(frames=8, frame_rate_hz=25.0, frame_size=HEIGHT, modalities=("video",))
    *windows, end = windows_of(path, clip)
    assert isinstance(end, End) and SAID in end.warnings
    assert len(windows) == 6 and max(comb(frame) for each in windows for frame in each.video) < 6
