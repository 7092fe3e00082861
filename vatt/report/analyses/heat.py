"""Numbers as colours in an image of a pixel each, with nothing where they are zero: so they fit any page."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

from vatt.report.markup import Markup, element

NEGATIVE, POSITIVE = (0, 114, 178), (213, 94, 0)  # Okabe and Ito's blue and vermilion
_BLACK = (0, 0, 0)
_VEIL = 0.86  # of what gets least attention: still to be guessed


def signed_map(rows: Sequence[Sequence[float]], largest: float, alt: str, height: int) -> Markup:
    """Rows of signed numbers: the colour is the sign, its strength the size up to `largest`.

    Args:
        largest: what is drawn in full strength.
        alt: what the image shows, in words.
        height: of the image, in CSS pixels.
    """
    pixels = [(POSITIVE if value > 0 else NEGATIVE, abs(value) / largest) for row in rows for value in row]
    return element("img", src=_png(pixels, len(rows[0]), len(rows)), alt=alt, style=f"height:{height}px")


def signed_key(largest: str) -> Markup:
    """What the colours of `signed_map` mean."""
    ramp = [(NEGATIVE if n < 0 else POSITIVE, abs(n) / 20) for n in range(-20, 21)]
    bar = element("img", src=_png(ramp, len(ramp), 1), alt="from negative to positive")
    return element(
        "div",
        f"−{largest}",
        element("span", bar, class_="heat bar"),
        f"+{largest}",
        class_="heat-key",
    )


def veil(shares: Sequence[Sequence[float]], least: float, most: float) -> str:
    """Source of an image to lay over a frame: darker where there is less between `least` and `most`."""
    room = (most - least) or 1.0
    pixels = [(_BLACK, _VEIL * (1 - (share - least) / room)) for row in shares for share in row]
    return _png(pixels, len(shares[0]), len(shares), enlarged=8)


def _png(pixels, width: int, height: int, *, enlarged: int = 1) -> str:
    """A data URL of a PNG of (colour, opacity) pixels, row by row; enlarged smoothly."""
    image = Image.new("RGBA", (width, height))
    image.putdata([(*colour, round(255 * min(1.0, max(0.0, opacity)))) for colour, opacity in pixels])
    if enlarged > 1:
        image = image.resize((width * enlarged, height * enlarged), Image.Resampling.BICUBIC)
    held = io.BytesIO()
    image.save(held, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")
