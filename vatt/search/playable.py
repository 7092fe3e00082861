"""Parts of files as MP4: small ones for browsers that do not play a file as it is, whole ones to keep."""

import io
from fractions import Fraction

import av
import numpy as np

from vatt.prepare.media import MediaOptions, read_segments
from vatt.prepare.media_file import MediaPath
from vatt.prepare.pool import Failure, WorkerPool

# By file name; a browser that can not decode the contents shows a frame instead.
PLAYABLE = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".ogv": "video/ogg",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
}
_RATE_HZ = 48_000
_SAMPLES = 1024  # of a frame of AAC
_PIECE_SECONDS = 2.0  # that are in memory
SMALL = MediaOptions(max_frame_rate_hz=25.0, short_side_pixels=360, audio_rate_hz=_RATE_HZ)
# At the file's own rate and size; mono, as `vatt.prepare.media` reads it.
FULL = MediaOptions(max_frame_rate_hz=240.0, short_side_pixels=1 << 14, audio_rate_hz=_RATE_HZ)
_QUALITY = {SMALL: "24", FULL: "18"}  # lower is better


def as_mp4(
    path: str, start_seconds: float, end_seconds: float, pool: WorkerPool, options: MediaOptions = SMALL
) -> bytes | str:
    """A part of a file or object as H.264 and AAC in MP4, to the frame; or the reason why there is none."""
    ((_, outcome),) = pool.run(encode, [(MediaPath(path), start_seconds, end_seconds, options)])
    return outcome.reason.removeprefix(f"{path}: ") if isinstance(outcome, Failure) else outcome


def encode(name: str, start_seconds: float, end_seconds: float, options: MediaOptions = SMALL) -> bytes:
    """What a worker process does; `options` is `SMALL` or `FULL`.

    Raises:
        MediaError: nothing can be decoded.
    """
    pieces = read_segments(
        name,
        options,
        start_seconds=start_seconds,
        end_seconds=end_seconds,
        segment_seconds=_PIECE_SECONDS,
    )
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = audio = None
        samples, written = np.zeros(0, np.int16), 0
        for number, media in enumerate(pieces):
            if number == 0 and media.frames:
                video = _video_stream(container, media, _QUALITY[options])
            if number == 0 and media.audio is not None:
                audio = container.add_stream("aac", rate=_RATE_HZ, layout="mono")
            if video is not None:
                for frame in media.frames:
                    even = np.ascontiguousarray(_padded(frame)[: video.height, : video.width])
                    container.mux(video.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            if audio is not None and media.audio is not None:
                samples = np.concatenate([samples, media.audio[:, 0]])
                whole = len(samples) // _SAMPLES * _SAMPLES
                _encode_audio(container, audio, samples[:whole], written)
                samples, written = samples[whole:], written + whole
        if video is not None:
            container.mux(video.encode(None))
        if audio is not None:
            _encode_audio(container, audio, samples, written)
            container.mux(audio.encode(None))
    return stream.getvalue()


def _video_stream(container, media, quality: str):
    rate = Fraction(media.frame_rate_hz).limit_denominator(1001)
    video = container.add_stream(
        "libx264", rate=rate, options={"preset": "veryfast", "crf": quality, "threads": "1"}
    )
    height, width = (side // 2 * 2 or 2 for side in media.frames[0].shape[:2])  # H.264's are even
    video.height, video.width, video.pix_fmt = height, width, "yuv420p"
    return video


def _padded(frame: np.ndarray) -> np.ndarray:
    """At least 2 x 2 pixels."""
    grow = [(0, max(0, 2 - side)) for side in frame.shape[:2]]
    return np.pad(frame, [*grow, (0, 0)], mode="edge") if any(map(max, grow)) else frame


def _encode_audio(container, audio, samples: np.ndarray, written: int) -> None:
    """Encodes samples [S] that come after `written` others."""
    for first in range(0, len(samples), _SAMPLES):
        part = np.ascontiguousarray(samples[first : first + _SAMPLES].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _RATE_HZ, written + first, Fraction(1, _RATE_HZ)
        container.mux(audio.encode(frame))
