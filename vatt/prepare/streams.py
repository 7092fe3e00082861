"""Chooses which video and which audio of a media file are read, and opens their decoders.

Of several the one that is marked as the default is taken, else the first; of audio one that is heard goes
before a silent one. Which it was is said.
"""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from vatt.prepare.container import (
    MAX_PIXELS,
    MediaError,
    decoded_frames,
    open_container,
    pass_on_exhaustion,
    reason_of,
)

# Of a codec. Preparing runs a process per core, so a second thread has no core of its own. It took 0.85 to
# 1.01 of the processor time for videos of 640x360 (`python benchmarks/preparation_choices.py`, two cores,
# shared), on another machine up to 1.3; and nothing is faster by it where every core is busy.
DECODE_THREADS = 1
# Codecs of single images: in a file with audio such a stream is more often its cover than its video.
STILL_CODECS = ("mjpeg", "png", "bmp", "gif", "tiff", "webp")
# Of HEIF. Its images are mostly grids of tiles, of which FFmpeg would give the first.
_IMAGE_BRANDS = ("avif", "heic", "heim", "heis", "heix", "mif1", "mif2")
# Made for some listeners in addition to the programme's own audio.
_SECONDARY = (
    Disposition.comment
    | Disposition.visual_impaired
    | Disposition.hearing_impaired
    | Disposition.descriptions
    | Disposition.karaoke
)
_HEARD = 1e-4  # of full scale: below -80 dB are what codecs make of digital silence, and noise of converters
# Whether an audio is silent is found out here, where there are several; of files up to the sum, in all of it.
_PROBE_PLACES = (0.0, 0.2, 0.4, 0.6, 0.8)  # shares of the file's length
_PROBE_SECONDS = 12.0  # heard at each


def choose_streams(
    container: InputContainer, path: str | Path, warnings: Counter, modalities: Sequence[str]
) -> tuple[Any, Any]:
    """The video stream and the audio stream to decode, ready for it; None if missing or not wanted.

    `warnings` takes which of several was taken, and what can not be decoded. MediaError: it is an image, or
    claims frames too large to decode.
    """
    brand = container.metadata.get("major_brand")
    if brand in _IMAGE_BRANDS:
        raise MediaError(
            path, f"is a HEIF image ({brand}), which is not read: convert it to JPEG, PNG or AVIF"
        )
    videos = _videos(container, path)
    video = next((stream for stream in videos if _is_ready(stream, warnings)), None)
    if video is not None and len(videos) > 1 and "video" in modalities:
        warnings[_taken(video, videos, "video")] = 1
    audio = _choose_audio(container, path, video, warnings) if "audio" in modalities else None
    return (video if "video" in modalities else None), audio


def _videos(container, path) -> list:
    """Streams of video, the one to take first: no covers, as far as that can be seen, and the default."""
    videos = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    for stream in videos:
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MAX_PIXELS:
            raise MediaError(path, f"claims frames of {width}x{height}, more than {MAX_PIXELS} pixels")
    moving = [stream for stream in videos if stream.codec_context.name not in STILL_CODECS]
    return sorted(moving or videos, key=lambda stream: not _is_default(stream))  # stable: else in their order


def _choose_audio(container, path, video, warnings: Counter):
    audios = [stream for stream in container.streams.audio if stream.codec_context is not None]
    own = _of_the_programme(container, video, audios)
    own.sort(key=lambda stream: (not _is_default(stream), bool(stream.disposition & _SECONDARY)))
    ready = [stream for stream in own if _is_ready(stream, warnings)]
    if not ready:
        ready = [stream for stream in audios if stream not in own and _is_ready(stream, warnings)][:1]
    if not ready:
        return None
    taken = _first_heard(path, ready) if len(ready) > 1 else ready[0]
    if len(audios) > 1:
        why = ": the first that is heard" if taken is not ready[0] else ""
        warnings[_taken(taken, audios, "audio") + why] = 1
    return taken


def _of_the_programme(container, video, audios: list) -> list:
    """Those that belong to the video, where a transport stream holds several programmes; otherwise all."""
    if video is None or len(audios) < 2:
        return audios
    best = container.streams.best
    own = best("audio", related=video)  # of one programme all have the same best
    return [stream for stream in audios if best("audio", related=stream) is own] or audios


def _is_default(stream) -> bool:
    return bool(stream.disposition & Disposition.default)


def _taken(stream, streams: list, kind: str) -> str:
    number = 1 + sorted(each.index for each in streams).index(stream.index)
    return f"of {len(streams)} {kind} tracks number {number} was taken"


def _is_ready(stream, warnings: Counter) -> bool:
    """Opens the decoder of a stream; says so if that fails, as it does for audio declared at 0 Hz."""
    context = stream.codec_context
    context.thread_count = DECODE_THREADS
    if stream.type == "video":
        context.options = {"max_pixels": str(MAX_PIXELS)}  # a size can change in mid stream
    try:
        context.open(strict=False)
    except Exception as error:
        pass_on_exhaustion(error)
        warnings[f"the {stream.type} can not be decoded: {reason_of(error)}"] += 1
        return False
    return True


def _first_heard(path, candidates: list):
    """The first that is not silent; the first of all if none is heard. Looks into the file a second time."""
    with open_container(path) as container:
        streams = [container.streams[stream.index] for stream in candidates]
        for stream in streams:
            _is_ready(stream, Counter())
        heard = set()
        for place, seconds in _probes(container):
            if place > 0:
                try:
                    container.seek(int(place * av.time_base))
                except (FFmpegError, OverflowError):
                    break  # not seekable
            _listen(container, streams, seconds, heard)
            if streams[0].index in heard:
                break
    return next((stream for stream in candidates if stream.index in heard), candidates[0])


def _probes(container) -> list[tuple[float, float]]:
    """(where on the file's clock, how many seconds) to listen."""
    total = len(_PROBE_PLACES) * _PROBE_SECONDS
    length = container.duration / av.time_base if container.duration else 0.0
    if length <= total:
        return [(0.0, total)]
    start = (container.start_time or 0) / av.time_base
    return [(start + share * length if share else 0.0, _PROBE_SECONDS) for share in _PROBE_PLACES]


def _listen(container, streams: list, seconds: float, heard: set) -> None:
    """Adds to `heard` the index of each stream that is not silent here, until the first of them is."""
    lasted = dict.fromkeys((stream.index for stream in streams), 0.0)
    for stream, frame in decoded_frames(container, streams, Counter(), is_in_the_middle=True):
        if stream.index not in heard and _is_heard(frame):
            heard.add(stream.index)
        if streams[0].index in heard:
            return
        lasted[stream.index] += frame.samples / (frame.sample_rate or math.inf)
        # A stream may come later in the file than the others, or end before them.
        if min(lasted.values()) > seconds or max(lasted.values()) > 2 * seconds:
            return


def _is_heard(frame) -> bool:
    samples = frame.to_ndarray()
    if samples.dtype == np.uint8:
        loudest = np.abs(samples.astype(np.int16) - 128).max(initial=0) / 128
    elif samples.dtype.kind == "i":
        loudest = np.abs(samples.astype(np.float64)).max(initial=0) / -float(np.iinfo(samples.dtype).min)
    else:
        loudest = np.abs(np.nan_to_num(samples)).max(initial=0)
    return loudest > _HEARD
