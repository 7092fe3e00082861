"""An image and an audio file as one piece of media: the image stands for as long as the audio lasts."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vatt.prepare.media import Media, MediaOptions, read_segments
from vatt.prepare.still import read_still


def read_image_and_audio(
    image: str | Path, audio: str | Path, options: MediaOptions, *, keep: Callable, **part: Any
) -> Iterator[Media]:
    """The audio in pieces, as `read_segments` cuts it, each with the image from its beginning to its end.

    The image is repeated, as one object, at `max_frame_rate_hz`; `keep` is called once, and `part` is what
    else `read_segments` takes. MediaError if one of the two files can not be decoded.
    """
    rate = options.max_frame_rate_hz
    still = read_still(image, options, keep)
    warnings = still.warnings
    for piece in read_segments(audio, options, modalities=("audio",), **part):
        ticks = max(1, round((piece.end_seconds - piece.start_seconds) * rate))
        yield dataclasses.replace(
            piece,
            frames=still.frames * ticks,
            frame_rate_hz=rate,
            height=still.height,
            width=still.width,
            warnings=[*warnings, *piece.warnings],
        )
        warnings = []
