"""A media file, of any length, as pieces that an embedder takes: frames and samples at the clip's rates.

Pieces are whole windows, so that the windows of a video are those of its pieces one after the other.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vatt.prepare.media import Media, MediaError, MediaOptions, read_segments
from vatt.spec import AUDIO, VIDEO, ClipSpec

_WINDOWS = 16  # of a piece; the last piece of a file has half as many at least, and half as many more at most
_INT16 = 32768.0
_ROUNDING = 1e-4  # of a frame


def pieces_of(path: str | Path, clip: ClipSpec, modality: str) -> Iterator[np.ndarray]:
    """Video as uint8 [T, H, W, 3] at `clip.frame_rate_hz`, or audio as float32 [S] in [-1, 1] at
    `clip.sample_rate_hz`, one piece after the other.

    Raises:
        MediaError: the file is no media, or lacks the modality.
    """
    seconds = clip.clip_seconds if modality == VIDEO else clip.audio_span_seconds
    options = MediaOptions(max_frame_rate_hz=clip.frame_rate_hz, audio_rate_hz=clip.sample_rate_hz)
    is_empty = True
    for media in read_segments(path, options, segment_seconds=_WINDOWS * seconds):
        if modality == VIDEO and media.frames:
            is_empty = False
            yield np.stack(frames_at(media, clip))
        elif modality == AUDIO and media.audio is not None and len(media.audio):
            is_empty = False
            yield media.audio.mean(axis=1, dtype=np.float32) / _INT16
    if is_empty:
        raise MediaError(path, f"it has no {modality}")


def frames_at(media: Media, clip: ClipSpec) -> list:
    """The frames of a piece at the clip's rate: for each instant the last frame that is not later."""
    if media.frame_rate_hz == clip.frame_rate_hz:
        return media.frames
    seconds = len(media.frames) / media.frame_rate_hz
    count = max(1, round(seconds * clip.frame_rate_hz))
    places = np.floor(np.arange(count) * media.frame_rate_hz / clip.frame_rate_hz + _ROUNDING).astype(int)
    return [media.frames[place] for place in np.minimum(places, len(media.frames) - 1)]
