"""Makes media in any colour space: linear light -> stored Y'CbCr or R'G'B', by the formulas of BT.2100."""

import av
import numpy as np

# ITU-R BT.2087: BT.709 -> BT.2020.
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
LUMA = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
UNSPECIFIED, BT709, BT2020, PQ, HLG = 2, 1, 9, 16, 18
LIMITED, FULL = 1, 2


def stored_pq(nits):
    """SMPTE ST 2084: cd/m² -> stored values."""
    light = (np.asarray(nits, np.float64) / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * light) / (1 + 2392 / 128 * light)) ** (2523 / 32)


def stored_hlg(light):
    """ARIB STD-B67: light of the scene, 1 at its peak -> stored values."""
    light = np.asarray(light, np.float64)
    bright = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)


def displayed_hlg(nits):
    """As zscale has it: cd/m² on a display of 1000 -> stored values."""
    return stored_hlg((np.asarray(nits, np.float64) / 1000) ** (1 / 1.2))


def make_colours(
    path,
    stored,
    *,
    transfer,
    primaries=BT2020,
    matrix=BT2020,
    colour_range=LIMITED,
    codec="libx265",
    pixel_format="yuv420p10le",
    size=64,
):
    """A frame of each colour R'G'B' in `stored`, at 10 Hz."""
    options = {
        "libx265": {"x265-params": "log-level=none", "crf": "4"},
        "libsvtav1": {"crf": "8"},
    }
    tags = {"color_trc": transfer, "color_primaries": primaries, "colorspace": matrix}
    tags["color_range"] = colour_range
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = size, size, pixel_format
        for name, code in tags.items():
            setattr(stream.codec_context, name, code)
        for number, colour in enumerate(stored):
            frame = _frame(colour, pixel_format, matrix, colour_range, size)
            frame.pts = number
            for name, code in tags.items():
                setattr(frame, name, code)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _frame(colour, pixel_format, matrix, colour_range, size):
    frame = av.VideoFrame(size, size, pixel_format)
    bits = 10 if "10" in pixel_format else 8
    largest, unit = 2**bits - 1, 2 ** (bits - 8)
    if frame.format.is_rgb:
        red, green, blue = (largest * value for value in colour)
        values = (green, blue, red)
    else:
        kr, kb = LUMA[matrix]
        luma = kr * colour[0] + (1 - kr - kb) * colour[1] + kb * colour[2]
        chroma = (colour[2] - luma) / (2 * (1 - kb)), (colour[0] - luma) / (2 * (1 - kr))
        if colour_range == FULL:
            values = (largest * luma, *(2 ** (bits - 1) + largest * each for each in chroma))
        else:
            values = (unit * (16 + 219 * luma), *(unit * (128 + 224 * each) for each in chroma))
    kind = np.uint16 if bits > 8 else np.uint8
    for plane, value in zip(frame.planes, values):
        count = plane.buffer_size // kind().itemsize
        plane.update(np.full(count, min(round(value), largest), kind))
    return frame
