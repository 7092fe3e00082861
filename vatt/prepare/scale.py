"""Decoded frames -> upright RGB frames of one size: scaled down, with square pixels, turned as declared.

High dynamic range and wide gamuts are brought to BT.709 by `vatt.prepare.tone_map`; all else FFmpeg converts.
"""

import struct
from collections import Counter
from typing import Any

import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from av.video.reformatter import Interpolation, VideoReformatter

from vatt.prepare.colour import Colour, colour_of
from vatt.prepare.container import FrameError
from vatt.prepare.tone_map import ToneMap

_SCALING = Interpolation.AREA  # every source pixel counts, so that fine patterns do not flicker
_MAX_STRETCH = 4.0  # a pixel that claims to be longer than this is a damaged header


class FrameScaler:
    """Frames -> uint8 [H, W, 3]; the size of the first frame is the size of all.

    Attributes:
        height, width: of the frames, in pixels; 0 before the first.
    """

    def __init__(self, stream: Any, short_side_pixels: int, warnings: Counter):
        """`stream` declares the shape of the pixels, and colours where frames do not; None: square, RGB."""
        self.height = self.width = 0
        self._stream, self._warnings = stream, warnings
        self._tone_maps = {}  # by colour space
        self._short_side_pixels = short_side_pixels
        # One for all: setting one up costs more than scaling a small frame.
        self._scaler = VideoReformatter()
        stretch = float((stream.sample_aspect_ratio if stream is not None else None) or 1)
        self._stretch = stretch if 1 / _MAX_STRETCH <= stretch <= _MAX_STRETCH else 1.0

    def image(self, frame: VideoFrame) -> np.ndarray:
        """uint8 [H, W, 3] of a frame, contiguous."""
        orientation = _orientation(frame)
        width, height = self._size(frame, orientation)
        colour = colour_of(frame, self._stream)
        try:
            array = self._rgb(frame, colour, width, height)
        except (FFmpegError, ValueError) as error:
            raise FrameError(f"frames {frame.format.name} can not be brought to RGB: {error}") from error
        array = _turned(array, orientation)
        self.height, self.width = array.shape[:2]
        return np.ascontiguousarray(array)

    def _rgb(self, frame, colour: Colour, width: int, height: int) -> np.ndarray:
        """uint8 [height, width, 3], not turned."""
        if colour.name is None:
            scaled = self._scaler.reformat(frame, width, height, "rgb24", interpolation=_SCALING, threads=1)
            return scaled.to_ndarray()
        self._warnings[f"frames in {colour.name} were mapped to BT.709: what it can not show was cut off"] = 1
        if colour not in self._tone_maps:
            self._tone_maps[colour] = ToneMap(colour)
        tone_map = self._tone_maps[colour]
        scaled = self._scaler.reformat(
            frame,
            width,
            height,
            tone_map.pixel_format,
            interpolation=_SCALING,
            src_color_range=tone_map.color_range,
            dst_color_range=tone_map.color_range,
            threads=1,
        )
        return tone_map(scaled)

    def _size(self, frame, orientation) -> tuple[int, int]:
        """Width and height to scale to, before turning."""
        if self.width:  # a size that changes in mid stream is brought back
            is_transposed = orientation is not None and orientation[0]
            return (self.height, self.width) if is_transposed else (self.width, self.height)
        # Pixels that are not square become so by shrinking the longer of their sides.
        width, height = frame.width * min(self._stretch, 1.0), frame.height / max(self._stretch, 1.0)
        scale = min(1.0, self._short_side_pixels / min(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))


def _orientation(frame) -> tuple[bool, bool, bool] | None:
    """(transpose, then flip horizontally, flip vertically) of the frame's display matrix; None without one.

    The matrix maps x' = a x + c y and y' = b x + d y; of an angle that is none of four the nearest is taken.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return None
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    is_transposed = abs(b) + abs(c) > abs(a) + abs(d)
    return (True, c < 0, b < 0) if is_transposed else (False, a < 0, d < 0)


def _turned(array: np.ndarray, orientation) -> np.ndarray:
    if orientation is None:
        return array
    is_transposed, flips_horizontally, flips_vertically = orientation
    if is_transposed:
        array = array.transpose(1, 0, 2)
    if flips_horizontally:
        array = array[:, ::-1]
    return array[::-1] if flips_vertically else array
