"""Image files, opened by Pillow; what is in them as upright 8-bit RGB."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, features

from vatt.prepare import media_file
from vatt.prepare.colour import HLG, PQ
from vatt.prepare.container import MAX_PIXELS, MediaError

# By what the file is called; what it really is, Pillow sees by its first bytes. FFmpeg reads ".gif".
# fmt: off
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".avif", ".avifs", ".bmp", ".tif", ".tiff",
)
# fmt: on
# Of Pillow's plug-ins those that only decode: some others run programs or open further files.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", *(["AVIF"] if features.check("avif") else []))
# Where the formats that have them name their primaries and transfer function (H.273); AVIF has two bytes for
# each, PNG one.
_COLOUR_MARKS = {"AVIF": (b"colrnclx", 2), "PNG": (b"cICP", 1)}
_HEADER_BYTES = 1 << 16
_ORIENTATION = 0x0112  # a tag of EXIF; 1: as it is


def is_image(path: str | Path) -> bool:
    """Whether a path names an image file."""
    return os.fspath(path).lower().endswith(IMAGE_SUFFIXES)


def quietly() -> contextlib.AbstractContextManager:
    """A context in which Pillow warns of nothing: of what it can not read it raises."""
    return warnings.catch_warnings(action="ignore")


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """The image of a file, of whose frames none is decoded yet; whatever is raised inside names the file.

    MediaError: it is no image, too large a one, or of high dynamic range.
    """
    try:
        with quietly():
            image = Image.open(
                path if media_file.is_plain(path) else media_file.opened(path), formats=_FORMATS
            )
        with image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise MediaError(path, f"claims an image of {width}x{height}, more than {MAX_PIXELS} pixels")
            if (name := _hdr_name(path, image.format or "")) is not None:
                raise MediaError(path, f"images in {name} are not read: convert it to an SDR image first")
            yield image
    except (MediaError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise MediaError(path, "there is no such file") from error
    except Exception as error:  # of any kind: Pillow's plug-ins raise whatever a damaged header leads to
        raise MediaError(path, f"can not be read as an image: {error or type(error).__name__}") from error


def _hdr_name(path, kind: str) -> str | None:
    """The transfer function of high dynamic range, which Pillow takes for SDR's; None if the image is SDR."""
    if kind not in _COLOUR_MARKS:
        return None
    mark, size = _COLOUR_MARKS[kind]
    with media_file.opened(path) as file:
        _, found, rest = file.read(_HEADER_BYTES).partition(mark)
    transfer = int.from_bytes(rest[size : 2 * size], "big") if found else -1
    return {PQ: "PQ (high dynamic range)", HLG: "HLG (high dynamic range)"}.get(transfer)


def rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB; 16-bit grey, which Pillow would cut off at 255, is scaled; the transparent turns black."""
    if image.mode.startswith("I"):
        grey = np.asarray(image.convert("I"), np.float64) / 257.0
        return Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")
    return image.convert("RGB")


def upright(image: Image.Image, made: Image.Image) -> Image.Image:
    """`made` turned as the EXIF block of `image` says; a damaged block is no reason to lose the image."""
    with contextlib.suppress(Exception):
        exif = image.getexif()
        if exif.get(_ORIENTATION, 1) != 1:
            turned = made.copy()
            turned.info = {"exif": exif.tobytes()}
            return ImageOps.exif_transpose(turned)
    return made
