"""Frames of high dynamic range or of a wide gamut -> the RGB of BT.709, as an SDR display shows it.

Reference white (ITU-R BT.2408: 203 cd/m², which is 58 % of PQ and 75 % of HLG) becomes white, 255. What is
darker keeps its light: linear light by the transfer function, BT.2020 or P3 primaries to BT.709's by a matrix
(ITU-R BT.2087), and back by the display's gamma of 2.4 (ITU-R BT.1886), which is linear near black. What is
brighter, or outside the gamut, is cut off at each of the three components, so the detail of highlights is
lost, and no more than that: exposure does not depend on what else is in the file, and no metadata are needed.
PQ is read by SMPTE ST 2084. Of HLG (ARIB STD-B67) the system gamma of 1.2, for a display of 1000 cd/m², is
applied to each component, as in zimg, which is FFmpeg's `zscale`.

Frames are scaled before, in the transfer function they are stored in, as SDR is: to map every pixel of a 4K
frame would take longer than to decode it.
"""

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange

from vatt.prepare import colour
from vatt.prepare.colour import Colour

_REFERENCE_WHITE, _PQ_PEAK, _HLG_PEAK = 203.0, 10_000.0, 1_000.0  # cd/m²
_HLG_SYSTEM_GAMMA = 1.2
_SDR_GAMMA = 2.4
# Below 22 of 255: there a step of 10-bit luma would show as a tint of what has none of a component.
_TOE_SLOPE = 30.0
_STEPS = 4096  # of the table from stored to linear values: 12 bits, of which HDR has 10 mostly
# Chromaticities x, y of red, green, blue and white (H.273).
_D65 = (0.3127, 0.3290)
_CHROMATICITIES = {
    colour.BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    colour.BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    colour.DCI_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    colour.DISPLAY_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}


class ToneMap:
    """Maps scaled frames of one colour space.

    Attributes:
        pixel_format: what to bring a frame to before, with `color_range` kept.
        color_range: of such a frame, as FFmpeg has it.
    """

    def __init__(self, source: Colour):
        self.pixel_format = "gbrp16le" if source.matrix == 0 else "yuv444p16le"
        self.color_range = ColorRange.JPEG if source.is_full_range else ColorRange.MPEG
        self._to_rgb, self._offset = _to_rgb(source)
        self._linear = _linear_table(source.transfer)
        to_xyz = _to_xyz(_CHROMATICITIES.get(source.primaries, _CHROMATICITIES[colour.BT709]))
        matrix = np.linalg.inv(_to_xyz(_CHROMATICITIES[colour.BT709])) @ to_xyz
        # White stays white, also that of cinemas, which is not D65.
        self._primaries = (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """A frame of `pixel_format` -> uint8 [H, W, 3]."""
        pixels = frame.to_ndarray()
        stored = pixels.reshape(-1, 3).T.astype(np.float32)
        rgb = _times(self._to_rgb, stored) + self._offset
        steps = np.clip(rgb * (_STEPS - 1) + 0.5, 0, _STEPS - 1).astype(np.int32)
        light = np.clip(_times(self._primaries, self._linear.take(steps)), 0.0, 1.0)
        shown = np.minimum(light ** np.float32(1 / _SDR_GAMMA), light * np.float32(_TOE_SLOPE))
        shown = (shown * 255 + 0.5).astype(np.uint8)
        return np.ascontiguousarray(shown.T).reshape(pixels.shape)


def _times(matrix: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """[3, 3] times [3, N]; in a fifth of BLAS's processor time, whose threads have no core of their own."""
    red, green, blue = planes
    return np.stack([row[0] * red + row[1] * green + row[2] * blue for row in matrix])


def _to_rgb(source: Colour) -> tuple[np.ndarray, np.ndarray]:
    """float32 [3, 3] and [3, 1]: codes of 16 bits -> R'G'B', black at 0 and white at 1."""
    if source.matrix == 0:
        return np.eye(3, dtype=np.float32) / 65535, np.zeros((3, 1), np.float32)
    red, blue = colour.LUMA[source.matrix]
    green = 1 - red - blue
    matrix = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 2 * (1 - blue), 0],
        ]
    )
    if source.is_full_range:
        spans, zeros = np.array([65535, 65535, 65535]), np.array([0, 32768, 32768])
    else:
        spans, zeros = np.array([219, 224, 224]) * 256, np.array([16, 128, 128]) * 256
    matrix = matrix / spans
    return matrix.astype(np.float32), -(matrix @ zeros).astype(np.float32)[:, None]


def _linear_table(transfer: int) -> np.ndarray:
    """float32 [_STEPS]: light of the stored values from 0 to 1; reference white has 1."""
    stored = np.linspace(0, 1, _STEPS)
    if transfer == colour.PQ:
        light = _PQ_PEAK * pq_light(stored) / _REFERENCE_WHITE
    elif transfer == colour.HLG:
        light = _HLG_PEAK * hlg_light(stored) ** _HLG_SYSTEM_GAMMA / _REFERENCE_WHITE
    else:
        light = stored**_SDR_GAMMA
    return light.astype(np.float32)


def pq_light(stored: np.ndarray) -> np.ndarray:
    """Stored values -> light as a share of 10,000 cd/m² (SMPTE ST 2084)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = stored ** (1 / m2)
    return (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def hlg_light(stored: np.ndarray) -> np.ndarray:
    """Stored values -> light of the scene as a share of its peak (ARIB STD-B67)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(stored <= 0.5, stored**2 / 3, (np.exp((stored - c) / a) + b) / 12)


def _to_xyz(chromaticities) -> np.ndarray:
    """[3, 3]: linear RGB of these primaries -> XYZ, white at Y = 1 (SMPTE RP 177)."""
    *primaries, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in chromaticities)
    columns = np.stack(primaries, axis=1)
    return columns * np.linalg.solve(columns, white)
