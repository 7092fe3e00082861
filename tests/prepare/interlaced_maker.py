"""Makes interlaced media: two fields a frame, of two instants, with a bar that moves from one to the next."""

from fractions import Fraction

import av
import av.filter
import numpy as np

_INTERLACED_DCT, _INTERLACED_ME = 1 << 18, 1 << 29  # FFmpeg's flags of encoders
HEIGHT, WIDTH, STEP = 96, 128, 3  # and pixels by which the bar moves from field to field


def bar_at(field, height=HEIGHT, width=WIDTH):
    """A white bar on black, as it stands in one field; uint8 [H, W, 3]."""
    picture = np.full((height, width, 3), 16, np.uint8)
    left = 8 + STEP * field
    picture[:, left : left + 24] = 235
    return picture


def woven(frame, is_top_first=True, **size):
    """Frame number `frame` of two fields; uint8 [H, W, 3]."""
    picture = bar_at(2 * frame, **size).copy()
    second = 1 if is_top_first else 0
    picture[second::2] = bar_at(2 * frame + 1, **size)[second::2]
    return picture


def make_interlaced(
    path, pictures, *, codec="mpeg2video", field="tff", rate_hz=25, pixel_format="yuv420p", options=None
):
    """Writes images; `field` is which comes first, "tff" or "bff", or "prog" for whole frames."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, options=options or {})
        stream.height, stream.width, stream.pix_fmt = height, width, pixel_format
        if field != "prog":
            stream.codec_context.flags |= _INTERLACED_DCT | _INTERLACED_ME
        stream.codec_context.bit_rate = 8_000_000
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("rgb24"), time_base=Fraction(1, rate_hz)
        )
        # To 4:2:0 field by field, as a camera does.
        scale = graph.add("scale", "interl=1" if field != "prog" else "interl=0")
        form = graph.add("format", pixel_format)
        mark = graph.add("setfield", field)
        graph.link_nodes(source, scale, form, mark, graph.add("buffersink")).configure()
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate_hz)
            graph.vpush(frame)
            container.mux(stream.encode(graph.vpull()))
        container.mux(stream.encode(None))
    return path


def comb(picture):
    """By how much the lines of an image differ from the mean of the two next to them, at most over columns.

    0 without any comb: a bar that stands upright is equal on all lines. Full comb: 220.
    """
    grey = picture.astype(np.float64).mean(axis=2)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean(axis=0).max())
