"""Checks of one record's frames: JPEGs that decode, of one size, no larger than they claim.

Frames are decoded at the smallest size of at least 32 pixels that libjpeg can scale to: all of the
compressed data is read, and hardly any pixel is made.
"""

import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from vatt.prepare.container import MAX_PIXELS
from vatt.prepare.doctor.clip_record import ClipRecord, Setting
from vatt.prepare.doctor.findings import ERROR, Check
from vatt.prepare.doctor.tally import Tally

UNDECODABLE = Check(
    name="frame-undecodable",
    severity=ERROR,
    rule="Every frame must be a whole JPEG.",
    way_out="Prepare these clips again; where the media is damaged, leave it out.",
)
BOMB = Check(
    name="frame-bomb",
    severity=ERROR,
    rule="No frame may claim more than 67 million pixels: decoding it would take gigabytes of memory.",
    way_out="Remove the record, and do not train on files from where it came before looking at them.",
)
SIZE = Check(
    name="frame-size",
    severity=ERROR,
    rule="All frames of a clip must have one size, the one that the record states, with a short side of at "
    "most dataset.json's `short_side_pixels`.",
    way_out="Prepare the clip again.",
)
FRAME_RATE = Check(
    name="frame-rate",
    severity=ERROR,
    rule="A clip's frame rate must be above 0 and at most the `frame_rate_hz` of dataset.json.",
    way_out="Prepare the set again with one `max_frame_rate_hz`.",
)

_LEAST_PIXELS = 32  # of a decoded frame
_FINGERPRINTED = (0.25, 0.5, 0.75)  # places in the clip
_STEP = 3  # grey levels: less is JPEG noise, which must not change a fingerprint
_LEAST_BITS = 8  # of 64; a frame with fewer edges than that looks like too many others


def inspect(
    clip: ClipRecord, setting: Setting, tally: Tally, *, decodes_all: bool
) -> tuple[list[tuple[Check, str]], np.ndarray]:
    """Counts the frames of a clip.

    Args:
        clip, setting, tally: as for every check of a record.
        decodes_all: read the compressed data of every frame; otherwise of three, and the others' headers
            and end marks.

    Returns:
        What is wrong with them; and fingerprints of the frames at a quarter, half and three quarters of the
        clip, uint64 [3]: whether each of 8 x 8 places is brighter than its left neighbour, 0 for a frame
        with too few edges to distinguish it from others.
    """
    fingerprints = np.zeros(len(_FINGERPRINTED), np.uint64)
    if not clip.jpegs:
        return [], fingerprints
    tally.counts["with_video"] += 1
    tally.counts["frames"] += len(clip.jpegs)
    tally.seconds["video"] += clip.video_seconds
    tally.frame_rates[round(clip.frame_rate_hz, 3)] += 1
    wrong = []
    if not 0 < clip.frame_rate_hz <= setting.frame_rate_hz * (1 + 1e-6):
        wrong.append(
            (FRAME_RATE, f"{clip.frame_rate_hz:g} frames a second, the set has {setting.frame_rate_hz:g}")
        )
    chosen = [int(share * len(clip.jpegs)) for share in _FINGERPRINTED]
    sizes = set()
    seen, frame = None, None  # the JPEG that was looked at last: one that stands is the same object
    for number, jpeg in enumerate(clip.jpegs):
        if jpeg is not seen or frame is None and number in chosen:
            seen, frame = jpeg, None
            try:
                size, frame = read_jpeg(jpeg, "L" if decodes_all or number in chosen else None)
            except JpegError as error:
                wrong.append((error.check, f"frame {number}: {error}"))
                continue
            sizes.add(size)
        if frame is not None and number in chosen:
            fingerprints[chosen.index(number)] = _fingerprint(frame)
    return [*wrong, *_wrong_sizes(clip, sizes, setting, tally)], fingerprints


class JpegError(ValueError):
    """A frame that must not or can not be decoded, and the check that it fails."""

    def __init__(self, check: Check, reason: str):
        super().__init__(reason)
        self.check = check


def read_jpeg(
    jpeg: bytes, mode: str | None, least_pixels: int = _LEAST_PIXELS
) -> tuple[tuple[int, int], Any]:
    """Size and content of a JPEG.

    Args:
        jpeg: the bytes.
        mode: "L" (grey) or "RGB"; None: headers and end mark only.
        least_pixels: width and height that the frame must keep when it is scaled down.

    Returns:
        (width, height) of the JPEG in pixels, and the frame scaled down to an eighth at most, or None.

    Raises:
        JpegError: it is no JPEG, cut short, damaged, or claims too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is stricter
            frame = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
        size = frame.size
    except Image.DecompressionBombError as error:
        raise JpegError(BOMB, str(error)) from None
    except (OSError, SyntaxError, ValueError) as error:
        reason = "an empty string" if not jpeg else f"no JPEG ({len(jpeg)} bytes)"
        raise JpegError(UNDECODABLE, reason) from error
    if size[0] * size[1] > MAX_PIXELS:
        raise JpegError(BOMB, f"{len(jpeg)} bytes claim {size[0]} x {size[1]} pixels")
    if mode is None:
        if not jpeg.rstrip(b"\0").endswith(b"\xff\xd9"):
            raise JpegError(UNDECODABLE, "the JPEG is cut short: it lacks its end mark")
        return size, None
    try:
        frame.draft(mode, (least_pixels, least_pixels))
        frame.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise JpegError(UNDECODABLE, str(error)) from error
    return size, frame.convert(mode)


def _wrong_sizes(clip, sizes, setting, tally) -> Iterator[tuple[Check, str]]:
    if not sizes:
        return
    names = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
    tally.frame_sizes[next(iter(sizes)) if len(sizes) == 1 else (0, 0)] += 1
    if len(sizes) > 1:
        yield SIZE, f"frames of {names} in one clip"
    elif clip.stated_size is not None and sizes != {clip.stated_size}:
        yield SIZE, f"{names} pixels, but the record states {clip.stated_size[0]} x {clip.stated_size[1]}"
    elif setting.short_side_pixels and min(next(iter(sizes))) > setting.short_side_pixels:
        yield SIZE, f"{names} pixels; the short side may have {setting.short_side_pixels}"


def _fingerprint(frame: Image.Image) -> np.uint64:
    grey = np.asarray(frame.resize((9, 8), Image.Resampling.BOX), np.int16)
    bits = grey[:, 1:] > grey[:, :-1] + _STEP
    return np.packbits(bits).view(">u8")[0] if bits.sum() >= _LEAST_BITS else np.uint64(0)
