"""Draws a demo scene: one coloured shape that does one thing before a muted background, with a grey
distractor.

Shapes are signed distances in the shape's own frame (negative inside, unit = its radius), so that moving,
scaling and turning are changes of coordinates and the edge is anti-aliased at every size. All frames are
drawn at once.
"""

import dataclasses

import numpy as np

from vatt.demo.definition import Combination, definition

_RADIUS = (0.19, 0.26)  # of the frame's side: an object fills 38 to 52 % of it
_WEDGE_HALF_ANGLE = 0.62  # radians; every shape has a shaded wedge, so that a disc is seen to spin
_DISTRACTOR_REACH = (0.045, 0.07)  # half its height, of the frame's side


@dataclasses.dataclass(frozen=True)
class Motion:
    """Where and how the object is, per frame: arrays [T], lengths in units of the frame's side."""

    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    angle: np.ndarray  # radians
    visible: np.ndarray  # 0 or 1


def motion(
    action: str, phase: float, radius: float, times: np.ndarray, random: np.random.Generator
) -> Motion:
    """What an action is. `phase` in [0, 1) is where in its period it starts; the audio uses the same one."""
    x = np.full_like(times, 0.5 + random.uniform(-0.06, 0.06))
    y = np.full_like(times, 0.5 + random.uniform(-0.06, 0.06))
    scale, visible = np.ones_like(times), np.ones_like(times)
    angle = np.full_like(times, random.uniform(0, 2 * np.pi))
    cycle = times / definition()["actions"][action]["period_seconds"] + phase
    if action == "slides":  # from side to side and back, at constant speed
        x = 0.5 + 0.27 * (4 * np.abs(cycle % 1 - 0.5) - 1)
    elif action == "bounces":  # free flight between two hits of the floor
        fall = cycle % 1
        y = (0.98 - radius) - 0.40 * 4 * fall * (1 - fall)
    elif action == "grows":
        scale = 1.0 + 0.42 * np.sin(2 * np.pi * cycle)
    elif action == "spins":  # the sense of rotation has no name: a horizontal flip reverses it
        angle = angle + random.choice((-1, 1)) * 2 * np.pi * cycle
    elif action == "blinks":
        visible = (cycle % 1 < 0.5).astype(times.dtype)
    elif action == "shakes":
        direction = np.pi * np.cumsum(random.uniform(0.6, 1.4, times.shape))  # every step roughly turns back
        x = x + 0.075 * np.cos(direction)
        y = y + 0.075 * np.sin(direction)
        angle = angle + 0.2 * np.cos(direction)
    else:
        raise ValueError(f"No motion is known for the action {action!r}.")
    return Motion(x, y, scale, angle, visible)


def _polygon(x, y, corners: np.ndarray) -> np.ndarray:
    """Distance to a polygon that is convex as seen from its edges' outer normals (corners anticlockwise)."""
    distance = np.full(x.shape, -np.inf, x.dtype)
    for corner, following in zip(corners, np.roll(corners, -1, axis=0)):
        edge = following - corner
        normal = np.array([edge[1], -edge[0]]) / np.hypot(*edge)
        distance = np.maximum(distance, (x - corner[0]) * normal[0] + (y - corner[1]) * normal[1])
    return distance


def _corners(count: int, radius: float) -> np.ndarray:
    turns = 2 * np.pi * np.arange(count) / count
    return radius * np.stack([np.cos(turns), np.sin(turns)], axis=-1)


def _box(x, y, half_width, half_height):
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _star(x, y):
    """Five points: fold the plane into one half point and measure to its slanted edge."""
    outer, inner = 1.15, 0.46
    sector = np.pi / 5
    angle = np.abs((np.arctan2(y, x) + sector) % (2 * sector) - sector)
    distance = np.hypot(x, y)
    u, v = distance * np.cos(angle), distance * np.sin(angle)
    notch = inner * np.array([np.cos(sector), np.sin(sector)])
    edge = notch - np.array([outer, 0.0])
    normal = np.array([edge[1], -edge[0]]) / np.hypot(*edge)
    return (u - outer) * normal[0] + v * normal[1]


# Shape -> distance in units of the radius; the sizes give all shapes about the same weight to the eye.
_SHAPES = {
    "disc": lambda x, y: np.hypot(x, y) - 0.95,
    "square": lambda x, y: _box(x, y, 0.83, 0.83),
    "triangle": lambda x, y: _polygon(x, y, _corners(3, 1.25).astype(x.dtype)),
    "star": _star,
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.75) - 0.25,
    "cross": lambda x, y: np.minimum(_box(x, y, 1.05, 0.34), _box(x, y, 0.34, 1.05)),
}


def draw(combination: Combination, phase: float, random: np.random.Generator) -> np.ndarray:
    """The frames of a combination, uint8 [T, H, W, 3]; `phase`, in [0, 1), is where in its period the action
    starts. Drawn at random is everything that has no name: size, place, background, distractor.
    """
    facts = definition()
    frames, size = facts["clip"]["frames"], facts["clip"]["frame_size"]
    times = (np.arange(frames) / facts["clip"]["frame_rate_hz"]).astype(np.float32)
    radius = random.uniform(*_RADIUS)
    if combination.action == "grows":
        radius *= 0.85  # so that the largest still fits
    place = motion(combination.action, phase, radius, times, random)

    # Objects are blended within a square window around each, not over whole frames; a margin takes what
    # sticks out.
    reach = max(1.25 * radius * float(place.scale.max()), _DISTRACTOR_REACH[1])
    margin = int(np.ceil(reach * size)) + 2
    background = np.pad(_background(size, random), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    canvas = np.repeat(background.clip(0, 255).astype(np.uint8)[None], frames, axis=0)
    _paint_distractor(canvas, size, margin, times, random)
    _paint_object(canvas, size, margin, combination, place, radius)
    return np.ascontiguousarray(canvas[:, margin:-margin, margin:-margin])


class _Window:
    """A square window of `2 * reach + 1` pixels per frame around a moving centre.

    Attributes:
        dx, dy: float32 [T, 1, n] and [T, n, 1], pixels from the centre to each pixel of the window.
    """

    def __init__(self, canvas, size: int, margin: int, x: np.ndarray, y: np.ndarray, reach: int):
        self._canvas = canvas
        steps = np.arange(-reach, reach + 1)
        centres = [np.clip(np.floor(at * size).astype(int), 0, size - 1) for at in (x, y)]
        self._slices = [
            tuple(slice(c + margin - reach, c + margin + reach + 1) for c in (row, column))
            for column, row in zip(*centres)
        ]
        dx, dy = (
            (c[:, None] + steps + 0.5 - at[:, None] * size).astype(np.float32)
            for c, at in zip(centres, (x, y))
        )
        self.dx, self.dy = dx[:, None, :], dy[:, :, None]

    def blend(self, cover: np.ndarray, colour: np.ndarray) -> None:
        """Paints `colour` (broadcast to [T, n, n, 3]) where `cover` [T, n, n] is 1, mixed where less."""
        below = np.stack([frame[at] for frame, at in zip(self._canvas, self._slices)]).astype(np.float32)
        below += cover[..., None] * (colour - below)
        painted = (below + 0.5).clip(0, 255).astype(np.uint8)
        for frame, at, patch in zip(self._canvas, self._slices, painted):
            frame[at] = patch


def _paint_object(canvas, size, margin, combination: Combination, place: Motion, radius: float) -> None:
    window = _Window(canvas, size, margin, place.x, place.y, margin - 1)
    # Of one unit of the shape's frame.
    pixels = (place.scale * radius * size).astype(np.float32)[:, None, None]
    cosine, sine = (f(place.angle).astype(np.float32)[:, None, None] / pixels for f in (np.cos, np.sin))
    u, v = window.dx * cosine + window.dy * sine, window.dy * cosine - window.dx * sine

    cover = np.clip(0.5 - _SHAPES[combination.shape](u, v) * pixels, 0, 1)
    cover *= place.visible.astype(np.float32)[:, None, None]
    # Distance to the wedge |angle| < half angle around the u axis, for its own soft edge.
    outside = np.abs(v) * np.cos(_WEDGE_HALF_ANGLE) - u * np.sin(_WEDGE_HALF_ANGLE)
    wedge = np.clip(0.5 - outside * pixels, 0, 1)

    facts = definition()["colours"][combination.colour]
    colour, shade = (np.array(facts[name], np.float32) for name in ("rgb", "shade_rgb"))
    window.blend(cover, colour + wedge[..., None] * (shade - colour))


def _paint_distractor(canvas, size, margin, times: np.ndarray, random: np.random.Generator) -> None:
    """A small grey lozenge that drifts in a straight line."""
    start, velocity = random.uniform(0.1, 0.9, 2), random.uniform(-0.12, 0.12, 2)
    x, y = (np.clip(start[i] + velocity[i] * times, 0, 1) for i in range(2))
    reach = random.uniform(*_DISTRACTOR_REACH) * size
    window = _Window(canvas, size, margin, x, y, int(np.ceil(reach)) + 1)
    cover = np.clip(reach + 0.5 - np.abs(window.dx) - np.abs(window.dy), 0, 1)
    window.blend(cover, np.full(3, random.uniform(70, 190), np.float32))


def _background(size: int, random: np.random.Generator) -> np.ndarray:
    """A muted, cloudy gradient, float32 [H, W, 3]: mid-tones, so that black and white both stand out."""
    coarse = random.uniform(-1, 1, (5, 5, 1)) * 22 + random.uniform(-1, 1, (5, 5, 3)) * 9
    slope = random.uniform(-14, 14, 2)
    ramp = np.linspace(-1, 1, size)
    base = random.uniform(105, 150) + random.uniform(-10, 10, 3)
    # Bilinear enlargement of the coarse grid as two small matrix products.
    at = np.linspace(0, 4, size)
    weights = np.clip(1 - np.abs(at[:, None] - np.arange(5)), 0, None)
    clouds = np.tensordot(weights, np.tensordot(weights, coarse, (1, 1)), (1, 1))
    gradient = slope[0] * ramp[:, None, None] + slope[1] * ramp[None, :, None]
    return (base + clouds + gradient + random.normal(0, 2, (size, size, 1))).astype(np.float32)
