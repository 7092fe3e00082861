"""Animated WebP, APNG and AVIF -> frames with their times, as the decoder of a video gives them.

Pillow decodes them, one frame after the other, so that an animation of any length takes the memory of one.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vatt.prepare.image_file import opened, quietly, rgb, upright

_TIME_BASE = Fraction(1, 1_000_000)
_FORMATS = ("WEBP", "PNG", "AVIF")  # of which several images are one after the other, not pages
_SECONDS = 0.1  # that a frame without a duration stands, as in browsers


@dataclasses.dataclass(frozen=True)
class _Codec:
    """What is asked of a video's decoder."""

    name: str = "animated image"
    field_order: int = 0
    color_trc: int | None = None
    color_primaries: int | None = None
    colorspace: int | None = None


@dataclasses.dataclass(frozen=True)
class AnimatedStream:
    """What is asked of a stream of video; its rate is not known."""

    type: str = "video"
    codec_context: _Codec = _Codec()
    codec_tag: str = ""
    time_base: Fraction = _TIME_BASE
    guessed_rate: Fraction | None = None
    average_rate: Fraction | None = None
    sample_aspect_ratio: Fraction | None = None


def is_animated(path: str | Path) -> bool:
    """Whether an image file holds more than one frame of an animation; MediaError if it can not be read."""
    with opened(path) as image, quietly():
        return image.format in _FORMATS and len(_numbers(image)) > 1


def animated_frames(path: str | Path, stream: AnimatedStream, warnings: Counter) -> Iterator[tuple]:
    """(stream, frame) of each frame, upright, with its time and duration; a damaged end is left out and said.
    MediaError if no frame can be read.
    """
    at = 0.0
    with opened(path) as image:
        for number in _numbers(image):
            try:
                with quietly():
                    image.seek(number)
                    image.load()
                    pixels = np.asarray(upright(image, rgb(image)))
                seconds = float(image.info.get("duration") or 0.0) / 1000
            except MemoryError:
                raise
            except Exception as error:  # of any kind, as in `opened`
                if number == 0:
                    raise
                warnings[f"reading stopped early: {error or type(error).__name__}"] += 1
                return
            if not seconds > 0:
                warnings[f"a frame without a duration stands for {_SECONDS} s"] += 1
                seconds = _SECONDS
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.time_base = _TIME_BASE
            frame.pts, frame.duration = round(at / _TIME_BASE), round(seconds / _TIME_BASE)
            at += seconds
            yield stream, frame


def _numbers(image) -> range:
    """Of the frames; the first image of a PNG may be one for programs that know no animation."""
    return range(1 if getattr(image, "default_image", False) else 0, getattr(image, "n_frames", 1))
