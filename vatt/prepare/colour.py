"""What the numbers of a decoded frame mean as colour, and which of those meanings can be brought to BT.709.

The codes are those of ITU-T H.273, as FFmpeg gives them.
"""

import dataclasses
from typing import Any

from av import VideoFrame

from vatt.prepare.container import FrameError

_UNSPECIFIED = (2, None)
_FULL_RANGE = 2  # FFmpeg's, not H.273's
PQ, HLG = 16, 18  # SMPTE ST 2084 and ARIB STD-B67: the transfer functions of ITU-R BT.2100
BT709, BT2020, DCI_P3, DISPLAY_P3 = 1, 9, 11, 12
_WIDE_PRIMARIES = {BT2020: "BT.2020", DCI_P3: "DCI-P3", DISPLAY_P3: "Display P3"}
_TRANSFERS = {PQ: "PQ", HLG: "HLG"}
_RGB_MATRIX = 0
# Shares of red and blue in luma, by matrix; of these green's follows.
LUMA = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087)}
LUMA[BT2020] = (0.2627, 0.0593)
_OTHER_MATRICES = {
    8: "YCgCo",
    10: "BT.2020 with constant luminance",
    11: "SMPTE 2085",
    12: "a matrix derived from primaries",
    13: "a matrix derived from primaries, with constant luminance",
    14: "ICtCp",
    15: "IPT",
    16: "YCgCo-R",
    17: "YCgCo-R",
}
# Sample entries of Dolby Vision whose base layer nothing else can show, unless it says what it is.
_DOLBY_VISION_TAGS = ("dvh1", "dvhe", "dva1", "dvav", "dav1")


@dataclasses.dataclass(frozen=True)
class Colour:
    """The colour space of frames."""

    # codes of H.273
    transfer: int
    primaries: int
    matrix: int
    is_full_range: bool  # whether black is 0 and white the largest code

    @property
    def name(self) -> str | None:
        """What a BT.709 display can not show as it is; None: everything that it can."""
        names = (_TRANSFERS.get(self.transfer), _WIDE_PRIMARIES.get(self.primaries))
        return ", ".join(filter(None, names)) or None


def colour_of(frame: VideoFrame, stream: Any) -> Colour:
    """The colour space of a frame; what the frame leaves open its stream may say. FrameError if it can not be
    read.
    """
    context = stream.codec_context if stream is not None else None
    transfer = _first_stated(frame.color_trc, context and context.color_trc)
    primaries = _first_stated(frame.color_primaries, context and context.color_primaries)
    matrix = _first_stated(frame.colorspace, context and context.colorspace)
    if matrix in _OTHER_MATRICES:
        raise FrameError(f"frames in {_OTHER_MATRICES[matrix]} are not read: convert them to BT.709 first")
    if transfer in _UNSPECIFIED and _is_dolby_vision(frame, stream):
        raise FrameError(
            "frames in Dolby Vision without a compatible base layer (profile 5, IPT) are not read: "
            "convert them to BT.709, HDR10 or HLG first"
        )
    if frame.format.is_rgb:
        matrix = _RGB_MATRIX
    elif matrix not in LUMA:
        matrix = BT2020 if primaries == BT2020 or transfer in _TRANSFERS else BT709
    if transfer in _TRANSFERS and primaries in _UNSPECIFIED:
        primaries = BT2020  # the only ones of BT.2100
    is_full = frame.format.is_rgb or frame.format.name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    return Colour(transfer=transfer, primaries=primaries, matrix=matrix, is_full_range=is_full)


def _first_stated(*codes) -> int:
    return next((int(code) for code in codes if code not in _UNSPECIFIED), 2)


def _is_dolby_vision(frame, stream) -> bool:
    tag = stream.codec_tag if stream is not None else ""
    return tag in _DOLBY_VISION_TAGS or frame.side_data.get("DOVI_METADATA") is not None
