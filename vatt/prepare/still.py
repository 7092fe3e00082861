"""One image file -> one frame, upright and scaled like the frames of a video."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vatt.prepare.image_file import opened, quietly, rgb, upright
from vatt.prepare.segments import Media, MediaOptions

# Formats whose images follow one another: the pages of a TIFF, and animations where one image is wanted. The
# others in a JPEG are smaller ones, or maps of its depth or brightness.
_SERIES = ("TIFF", "PNG", "WEBP", "AVIF", "GIF")


def read_still(path: str | Path, options: MediaOptions, keep: Callable[[np.ndarray], Any]) -> Media:
    """Decodes an image file; of several images in it the first, which is said. The frame stands for one tick
    of the highest frame rate and is scaled down, never up; MediaError: it is no image, or one that is not
    read.
    """
    with opened(path) as image, quietly():
        images = getattr(image, "n_frames", 1) if image.format in _SERIES else 1
        width, height = image.size
        scale = min(1.0, options.short_side_pixels / min(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image.draft("RGB", size)  # JPEGs can be decoded at a half, a quarter ..., for less
        # Turned after scaling, when it is cheap.
        frame = np.asarray(upright(image, rgb(image).resize(size, Image.Resampling.BOX)))
    return Media(
        frames=[keep(frame)],
        frame_rate_hz=options.max_frame_rate_hz,
        height=frame.shape[0],
        width=frame.shape[1],
        audio=None,
        start_seconds=0.0,
        end_seconds=1 / options.max_frame_rate_hz,
        warnings=[f"of {images} images in the file the first was taken"] if images > 1 else [],
    )
