"""One clip of a media file -> its records: the pure function that every runner of the preparation calls.

A record is a `tf.train.SequenceExample` (docs/formats.md): JPEG per frame, audio, captions with times. A
frame that repeats the one before it, as a slide does for as long as it stands, is stored as an empty string.
Pillow encodes the JPEGs: at clip sizes it is seven times as fast as FFmpeg's encoder, which has to be opened
per frame, and its quality scale is the usual one.
"""

import dataclasses
import functools
import io
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from vatt.data.set_description import PCM16, READABLE_VERSIONS
from vatt.prepare import media_file, tfrecord
from vatt.prepare.captions import Caption
from vatt.prepare.image_and_audio import read_image_and_audio
from vatt.prepare.media import Media, MediaOptions, read_segments
from vatt.prepare.record_captions import ClipCaptions
from vatt.prepare.sequence_example import serialise
from vatt.prepare.stored_audio import check_codec, features

SCHEMA_VERSION, _PACKED_AUDIO_VERSION = READABLE_VERSIONS[-2:]
_FIRST_WITH_REPEATS = 2  # before that every frame has a JPEG of its own

# What a record can hold, as dataset.json and the report count it.
CONTENTS = ("video", "audio", "captions", "labels")

# A few bytes of media can decode to any number of others: speech in Opus grows by a factor of 130, a camera
# that sees nothing move by 200.
_SURE_BYTES, _MOST_GROWTH = 1 << 26, 1000

_HALF_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can name it, and UTF-8 can not hold it


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)  # there may be a million
class Clip:
    """A clip to prepare."""

    media: str  # path of the media file, or as `media_file` takes it
    media_id: str  # name of the clip's source within the set; independent of where the set is
    split: str  # "train", "test" …
    group: str = ""  # clips of one group count as hits for each other in retrieval; "" for none
    labels: tuple[tuple[int, str], ...] = ()  # (index, text) of each label
    # (start, end, text), in seconds from the file's start; an infinite end: of the whole file
    captions: tuple[Caption, ...] = ()
    # the part of the file; None: to its end
    start_seconds: float = 0.0
    end_seconds: float | None = None
    # that part is cut into records of about this length; None: it is one record
    segment_seconds: float | None = None
    # Not in the repr, of which fingerprints are made: most clips have none, and keep theirs.
    # path of an audio file that `media`, an image, stands for the length of; None: there is none
    audio: str | None = dataclasses.field(default=None, repr=False)

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of all its files."""
        return (self.media,) if self.audio is None else (self.media, self.audio)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """How clips are stored."""

    media: MediaOptions = MediaOptions()  # rates and sizes
    jpeg_quality: int = 85  # 1 to 95, as Pillow counts
    # of `AUDIO_CODECS`; not in the repr, of which fingerprints are made: those of PCM stay as they were
    audio_codec: str = dataclasses.field(default=PCM16, repr=False)

    def __post_init__(self):
        check_codec(self.audio_codec, self.media.audio_rate_hz)


def schema_version(audio_codec: str) -> int:
    """Of records and their set; another one where readers of the one before would hear nothing."""
    return SCHEMA_VERSION if audio_codec == PCM16 else _PACKED_AUDIO_VERSION


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """A framed record, ready to be appended to a TFRecord file, and what is said about it elsewhere."""

    framed: bytes  # the bytes
    seconds: float  # its length
    contents: frozenset[str]  # which of `CONTENTS` it holds; digital silence is no audio
    texts: tuple[str, ...]  # texts of the captions within it, without the neighbours stored for context
    warnings: tuple[str, ...]  # what was lost on the way, in words


class _Allowance:
    """Counts what a clip's records have, and says when it is enough.

    Attributes:
        jpeg_bytes: of the frames so far; the encoder adds to it.
    """

    def __init__(self, paths: Sequence[str], options: MediaOptions):
        self.jpeg_bytes = 0
        self._audio_bytes_per_second = 2 * options.audio_rate_hz
        self._paths = paths

    @functools.cached_property
    def _most_bytes(self) -> int:
        return _SURE_BYTES + _MOST_GROWTH * sum(media_file.size(path) for path in self._paths)

    def is_spent(self, audio_seconds: float) -> str | None:
        """Why no more is to be read than what has come; None while there is room."""
        if self.jpeg_bytes + audio_seconds * self._audio_bytes_per_second <= self._most_bytes:
            return None
        return f"a file of so few bytes may give {self._most_bytes / 1e6:.0f} MB; the rest was left out"


def make_records(clip: Clip, options: RecordOptions) -> Iterator[Record]:
    """Decodes a clip in one pass and gives a record whenever a segment of it is complete; MediaError if the
    file gives neither video nor audio.
    """
    allowance = _Allowance(clip.files, options.media)

    def keep(image: np.ndarray) -> bytes:
        jpeg = _jpeg(image, options.jpeg_quality)
        allowance.jpeg_bytes += len(jpeg)
        return jpeg

    read: Callable[..., Iterator[Media]] = read_segments if clip.audio is None else read_image_and_audio
    segments = read(
        *clip.files,
        options.media,
        keep=keep,
        start_seconds=clip.start_seconds,
        end_seconds=clip.end_seconds,
        segment_seconds=clip.segment_seconds,
        is_enough=allowance.is_spent,
    )
    clip, warnings = _without_half_surrogates(clip)
    captions = ClipCaptions(clip.captions, with_neighbours=clip.segment_seconds is not None)
    last = None  # is held back, since what no record has is known behind it
    for media in segments:
        if last is not None:
            yield _record(clip, last, captions, options, warnings)
        last = media
    if last is not None:
        yield _record(clip, last, captions, options, warnings, is_last=True)


def _without_half_surrogates(clip: Clip) -> tuple[Clip, tuple[str, ...]]:
    """The clip with texts that UTF-8 can hold, and a note."""
    captions = tuple((*times, _HALF_SURROGATE.sub("\ufffd", text)) for *times, text in clip.captions)
    labels = tuple((index, _HALF_SURROGATE.sub("\ufffd", text)) for index, text in clip.labels)
    damaged = sum(new != old for new, old in zip((*captions, *labels), (*clip.captions, *clip.labels)))
    if not damaged:
        return clip, ()
    warning = f"{damaged} texts hold half a surrogate, which was replaced by \ufffd"
    return dataclasses.replace(clip, captions=captions, labels=labels), (warning,)


def _record(
    clip: Clip,
    media: Media,
    of_clip: ClipCaptions,
    options: RecordOptions,
    warnings: tuple[str, ...],
    *,
    is_last: bool = False,
) -> Record:
    audio, start, end = media.audio, media.start_seconds, media.end_seconds
    captions, texts = of_clip.within(start, end)
    if is_last:
        warnings = (*of_clip.warnings(clip.start_seconds, clip.end_seconds), *warnings)
    context = {
        "schema_version": [schema_version(options.audio_codec)],
        "clip/media_id": [clip.media_id.encode()],
        "clip/split": [clip.split.encode()],
        "clip/group": [clip.group.encode()],
        "clip/start/timestamp": [round(start * 1e6)],
        "clip/end/timestamp": [round(end * 1e6)],
        "clip/label/index": [index for index, _ in clip.labels],
        "clip/label/text": [text.encode() for _, text in clip.labels],
        "image/frame_rate": [float(media.frame_rate_hz)],
        "image/height": [int(media.height)],
        "image/width": [int(media.width)],
        "WAVEFORM/sample_rate": [options.media.audio_rate_hz],
        **features(audio, options.audio_codec, options.media.audio_rate_hz),
        "caption/string": [text.encode() for _, _, text in captions],
        "caption/start_seconds": [caption_start - start for caption_start, _, _ in captions],
        "caption/end_seconds": [caption_end - start for _, caption_end, _ in captions],
    }
    frames = {"image/encoded": [[jpeg] for jpeg in without_repeats(media.frames)]}
    holds = {
        "video": bool(media.frames),
        "audio": audio is not None and bool(audio.any()),
        "captions": bool(captions),
        "labels": bool(clip.labels),
    }
    return Record(
        framed=tfrecord.frame(serialise(context, frames)),
        seconds=end - start,
        contents=frozenset(name for name in CONTENTS if holds[name]),
        texts=texts,
        warnings=(*media.warnings, *warnings),
    )


def without_repeats(jpegs: Sequence[bytes]) -> list[bytes]:
    """The JPEGs of a record as they are stored: b"" for one that repeats the one before it."""
    return [b"" if number and jpeg == jpegs[number - 1] else jpeg for number, jpeg in enumerate(jpegs)]


def with_repeats(stored: Sequence[bytes], version: int) -> list[bytes]:
    """The JPEGs of all frames, from what is stored; a repeat holds the same object as the frame before it.

    In records of a version without repeats b"" is a frame that was lost.
    """
    if version < _FIRST_WITH_REPEATS:
        return list(stored)
    jpegs: list[bytes] = []
    for jpeg in stored:
        jpegs.append(jpegs[-1] if not jpeg and jpegs else jpeg)
    return jpegs


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return stream.getvalue()
