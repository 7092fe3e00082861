"""One clip of a media file -> one record: the pure function that every runner of the preparation calls.

The record is a `tf.train.SequenceExample` (schema in BUILD.md): JPEG per frame, 16-bit PCM, captions with
times. Pillow encodes the JPEGs: at clip sizes it is seven times as fast as FFmpeg's encoder, which has to be
opened per picture, and its quality scale is the one that everybody knows.
"""

import dataclasses
import io

import numpy as np
from PIL import Image

from vatt.prepare import tfrecord
from vatt.prepare.captions import Caption
from vatt.prepare.media import MediaOptions, read_media
from vatt.prepare.sequence_example import serialise

SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip to prepare.

    Attributes:
        media: path of the media file.
        media_id: name of the clip's source within the set; independent of where the set lies.
        split: "train", "test", ...
        group: clips of one group count as hits for each other in retrieval; "" for none.
        labels: (index, text) of each label.
        captions: (start, end, text), in seconds from the file's start.
        start_seconds, end_seconds: the part of the file; None: to its end.
    """

    media: str
    media_id: str
    split: str
    group: str = ""
    labels: tuple[tuple[int, str], ...] = ()
    captions: tuple[Caption, ...] = ()
    start_seconds: float = 0.0
    end_seconds: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """How clips are stored.

    Args:
        media: rates and sizes.
        jpeg_quality: 1 to 95, as Pillow counts.
    """

    media: MediaOptions = MediaOptions()
    jpeg_quality: int = 85


@dataclasses.dataclass(frozen=True)
class Record:
    """A framed record, ready to be appended to a TFRecord file, and what was lost on the way."""

    framed: bytes
    warnings: tuple[str, ...]


def make_record(clip: Clip, options: RecordOptions) -> Record:
    """Decodes a clip and serialises it.

    Raises:
        MediaError: the file gives neither pictures nor sound.
    """
    media = read_media(
        clip.media,
        options.media,
        keep=lambda picture: _jpeg(picture, options.jpeg_quality),
        start_seconds=clip.start_seconds,
        end_seconds=clip.end_seconds,
    )
    audio = media.audio
    seconds = media.end_seconds - media.start_seconds
    captions = [
        c for c in clip.captions if c[1] >= media.start_seconds and c[0] <= media.start_seconds + seconds
    ]
    context = {
        "schema_version": [SCHEMA_VERSION],
        "clip/media_id": [clip.media_id.encode()],
        "clip/split": [clip.split.encode()],
        "clip/group": [clip.group.encode()],
        "clip/start/timestamp": [round(media.start_seconds * 1e6)],
        "clip/end/timestamp": [round(media.end_seconds * 1e6)],
        "clip/label/index": [index for index, _ in clip.labels],
        "clip/label/text": [text.encode() for _, text in clip.labels],
        "image/frame_rate": [float(media.frame_rate_hz)],
        "image/height": [int(media.height)],
        "image/width": [int(media.width)],
        "WAVEFORM/pcm16": [] if audio is None else [audio.astype("<i2").tobytes()],
        "WAVEFORM/sample_rate": [options.media.audio_rate_hz],
        "WAVEFORM/num_channels": [0 if audio is None else audio.shape[1]],
        "caption/string": [text.encode() for _, _, text in captions],
        "caption/start_seconds": [start - media.start_seconds for start, _, _ in captions],
        "caption/end_seconds": [end - media.start_seconds for _, end, _ in captions],
    }
    frames = {"image/encoded": [[jpeg] for jpeg in media.frames]}
    return Record(tfrecord.frame(serialise(context, frames)), tuple(media.warnings))


def _jpeg(picture: np.ndarray, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return stream.getvalue()
