"""One image file -> one picture, upright and scaled like the frames of a film. Pillow decodes it."""

import contextlib
import os
import warnings

import numpy as np
from PIL import Image, ImageOps

from vatt.prepare.container import MAX_PIXELS, MediaError
from vatt.prepare.segments import Media

# By what the file is called; what it really is, Pillow sees by its first bytes. ".gif" is a film.
STILL_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff")
# Of Pillow's plug-ins those that only decode: some others run programs or open further files.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


def is_still(path) -> bool:
    """Whether a path names an image file."""
    return os.fspath(path).lower().endswith(STILL_SUFFIXES)


def read_still(path, *, short_side_pixels: int, frame_rate_hz: float, keep) -> Media:
    """Decodes an image file; of several pictures in it the first.

    Args:
        path: a local file.
        short_side_pixels: the picture is scaled down (never up) so that its short side has this many pixels.
        frame_rate_hz: the picture stands for one tick of this rate.
        keep: as in `read_segments`.

    Raises:
        MediaError: it is no image, or too large a one.
    """
    picture = _picture(path, short_side_pixels)
    return Media(
        frames=[keep(picture)],
        frame_rate_hz=frame_rate_hz,
        height=picture.shape[0],
        width=picture.shape[1],
        audio=None,
        start_seconds=0.0,
        end_seconds=1 / frame_rate_hz,
        warnings=[],
    )


def _picture(path, short_side_pixels: int) -> np.ndarray:
    """uint8 [H, W, 3]."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise MediaError(path, f"claims a picture of {width}x{height}, more than {MAX_PIXELS} pixels")
            scale = min(1.0, short_side_pixels / min(width, height))
            size = max(1, round(width * scale)), max(1, round(height * scale))
            image.draft("RGB", size)  # JPEGs can be decoded at a half, a quarter ..., for less
            scaled = _rgb(image).resize(size, Image.Resampling.BOX)
            # After scaling, when turning is cheap; a damaged EXIF block is no reason to lose the picture.
            with contextlib.suppress(Exception):
                scaled = _upright(image, scaled)
            return np.asarray(scaled)
    except (MediaError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise MediaError(path, "there is no such file") from error
    except Exception as error:  # of any kind: Pillow's plug-ins raise whatever a damaged header leads to
        raise MediaError(path, f"can not be read as a picture: {error or type(error).__name__}") from error


def _rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB; 16-bit grey, which Pillow would cut off at 255, is scaled; the transparent turns black."""
    if image.mode.startswith("I"):
        grey = np.asarray(image.convert("I"), np.float64) / 257.0
        return Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")
    return image.convert("RGB")


def _upright(image: Image.Image, scaled: Image.Image) -> Image.Image:
    """`scaled` turned as the EXIF block of `image` says."""
    exif = image.getexif()
    if exif.get(0x0112, 1) == 1:  # the tag of the orientation; 1: as it is
        return scaled
    turned = scaled.copy()
    turned.info = {"exif": exif.tobytes()}
    return ImageOps.exif_transpose(turned)
