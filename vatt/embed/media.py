"""A media file, of any length, as pieces that an embedder takes: frames and samples at the clip's rates.

Pieces are whole windows, so that the windows of a video are those of its pieces one after the other.
"""

from collections.abc import Iterator

import numpy as np

from vatt.prepare.media import Media, MediaError, MediaOptions, read_segments
from vatt.spec import ClipSpec

_WINDOWS = 16  # of a piece; the last piece of a file has half as many at least, and half as many more at most
_INT16 = 32768.0
_ROUNDING = 1e-4  # of a frame


def frame_pieces(path, clip: ClipSpec) -> Iterator[np.ndarray]:
    """uint8 [T, H, W, 3] at `clip.frame_rate_hz`, one piece after the other."""
    found = False
    for media in _pieces(path, clip, clip.clip_seconds):
        if media.frames:
            found = True
            yield np.stack(frames_at(media, clip))
    if not found:
        raise MediaError(path, "it has no video")


def sample_pieces(path, clip: ClipSpec) -> Iterator[np.ndarray]:
    """float32 [S] in [-1, 1] at `clip.sample_rate_hz`, one piece after the other."""
    found = False
    for media in _pieces(path, clip, clip.audio_span_seconds):
        if media.audio is not None and len(media.audio):
            found = True
            yield samples_of(media)
    if not found:
        raise MediaError(path, "it has no audio")


def frames_at(media: Media, clip: ClipSpec) -> list:
    """The frames of a piece at the clip's rate: for each instant the last frame that is not later."""
    if media.frame_rate_hz == clip.frame_rate_hz:
        return media.frames
    seconds = len(media.frames) / media.frame_rate_hz
    count = max(1, round(seconds * clip.frame_rate_hz))
    places = np.floor(np.arange(count) * media.frame_rate_hz / clip.frame_rate_hz + _ROUNDING).astype(int)
    return [media.frames[place] for place in np.minimum(places, len(media.frames) - 1)]


def samples_of(media: Media) -> np.ndarray:
    """float32 [S] of a piece with audio."""
    assert media.audio is not None
    return media.audio.mean(axis=1, dtype=np.float32) / _INT16


def _pieces(path, clip, window_seconds) -> Iterator[Media]:
    options = MediaOptions(max_frame_rate_hz=clip.frame_rate_hz, audio_rate_hz=clip.sample_rate_hz)
    return read_segments(path, options, segment_seconds=_WINDOWS * window_seconds)
