"""One record as the checks see it, from any writer: our spellings, DMVR's, and the released example's."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from vatt.data.set_description import READABLE, READABLE_VERSIONS, SetDescription
from vatt.prepare.doctor.findings import ERROR, Check
from vatt.prepare.example_reader import Example, parse
from vatt.prepare.record import with_repeats
from vatt.prepare.stored_audio import decoded

RECORD_SCHEMA = Check(
    name="record-schema",
    severity=ERROR,
    rule="Every feature must have the name, the type and the number of values that readers expect.",
    way_out="Prepare the set again with this version, or correct the program that wrote it.",
)
FLOAT_AUDIO = ("WAVEFORM/feature/floats", "waveform/floats")
_LABELS = ("clip/label/index", "label/index")
_LABEL_TEXTS = ("clip/label/text", "label/text")
_KINDS = {bytes: "bytes", float: "floats", int: "integers"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """What dataset.json says of every record, for the checks."""

    frame_rate_hz: float  # the highest of any record, and that of records which state none
    audio_rate_hz: int  # of every record that has audio
    short_side_pixels: int  # of frames, at most; 0: unknown
    labels: tuple[str, ...] = ()  # label texts by id; empty: nothing is said
    vocabulary_file: str | Path = ""  # the set's words; "": nothing is known of words

    @classmethod
    def of(cls, described: SetDescription) -> "Setting":
        """What is said of the records of a set."""
        names = (field.name for field in dataclasses.fields(cls))
        return cls(**{name: getattr(described, name) for name in names})


@dataclasses.dataclass
class Captions:
    """A clip's captions."""

    texts: list[bytes]  # as stored
    times: np.ndarray | None  # float32 [captions, 2], start and end; None: not stated


@dataclasses.dataclass
class Labels:
    """A clip's labels."""

    ids: list[int]  # of the classes
    texts: list[bytes]  # as stored


@dataclasses.dataclass(kw_only=True)
class ClipRecord:
    """What a record holds; times are in seconds from its first frame, except `start_seconds` itself."""

    media_id: str  # name of the source
    split: str | None  # as the record states it; None: it does not
    # the part of the source; the end is None where it is not stated
    start_seconds: float
    end_seconds: float | None
    jpegs: list[bytes]  # the frames
    frame_rate_hz: float  # stated by the record, else by the set
    stated_size: tuple[int, int] | None  # (width, height), pixels; None: not stated
    audio: np.ndarray | None  # int16 [S, channels] or float32 [S, 1], as stored; None without audio
    audio_rate_hz: int  # stated by the record, else by the set
    captions: Captions  # texts and times
    labels: Labels  # ids and texts
    problems: list[str]  # what does not fit the schema, in words

    @property
    def clip_id(self) -> str:
        return f"{self.media_id}@{self.start_seconds:.3f}"

    @property
    def is_audible(self) -> bool:
        """Whether it has audio that is not digital silence."""
        return self.audio is not None and bool(self.audio.any())

    @property
    def video_seconds(self) -> float:
        return len(self.jpegs) / self.frame_rate_hz if self.frame_rate_hz > 0 else 0.0

    @property
    def audio_seconds(self) -> float:
        return 0.0 if self.audio is None else len(self.audio) / max(self.audio_rate_hz, 1)


def read_clip(content: bytes, setting: Setting) -> ClipRecord:
    """The clip of a serialised record; ExampleError if the bytes are no SequenceExample."""
    example = parse(content)
    problems: list[str] = []

    def values(kind, *keys) -> list | np.ndarray:
        return _first_present(example.context, kind, keys, problems)

    def value(kind, key, default=None) -> Any:
        found = values(kind, key)
        return found[0] if len(found) else default

    version = value(int, "schema_version")
    if version not in (None, *READABLE_VERSIONS):
        problems.append(f"schema_version is {version}, this version reads {READABLE}")
    width, height = value(int, "image/width"), value(int, "image/height")
    end = value(int, "clip/end/timestamp")
    times = values(float, "caption/start_seconds"), values(float, "caption/end_seconds")
    captions = list(values(bytes, "caption/string"))
    if len(times[0]) != len(times[1]) or len(times[0]) not in (0, len(captions)):
        problems.append(f"{len(captions)} captions have {len(times[0])} starts and {len(times[1])} ends")
        times = (), ()
    rate = value(float, "image/frame_rate", 0.0)
    split = value(bytes, "clip/split")
    return ClipRecord(
        media_id=value(bytes, "clip/media_id", b"").decode("utf-8", "replace"),
        split=None if split is None else split.decode("utf-8", "replace"),
        start_seconds=value(int, "clip/start/timestamp", 0) * 1e-6,
        end_seconds=None if end is None else end * 1e-6,
        jpegs=_frames(example, version or 0, problems),
        frame_rate_hz=float(rate) if rate != 0 else setting.frame_rate_hz,
        stated_size=(width, height) if width and height else None,
        audio=_audio(example, value, problems),
        audio_rate_hz=value(int, "WAVEFORM/sample_rate", 0) or setting.audio_rate_hz,
        captions=Captions(captions, np.stack(times, axis=1) if len(times[0]) else None),
        labels=Labels(list(values(int, *_LABELS)), list(values(bytes, *_LABEL_TEXTS))),
        problems=problems,
    )


def _first_present(features: dict, kind: type, keys: tuple[str, ...], problems: list[str]) -> Any:
    """The values of the first spelling that has any; [] where none has, or its type is another one."""
    for key in keys:
        found = features.get(key, [])
        if len(found):
            its_kind = float if isinstance(found, np.ndarray) else type(found[0])
            if its_kind is kind:
                return found
            problems.append(f"`{key}` holds {_KINDS[its_kind]} instead of {_KINDS[kind]}")
    return []


def _frames(example: Example, version: int, problems: list[str]) -> list[bytes]:
    """JPEG per frame; of a tf.train.Example, its one image."""
    steps = example.frames.get("image/encoded")
    if steps is None:
        return list(_first_present(example.context, bytes, ("image/encoded",), problems))
    if any(len(step) != 1 or isinstance(step, np.ndarray) or type(step[0]) is not bytes for step in steps):
        problems.append("`image/encoded` must hold one byte string per frame")
        return []
    return with_repeats([bytes(step[0]) for step in steps], version)


def _audio(example: Example, value, problems: list[str]) -> np.ndarray | None:
    pcm16 = value(bytes, "WAVEFORM/pcm16", b"")
    if pcm16:
        channels = value(int, "WAVEFORM/num_channels", 1)
        if channels < 1 or len(pcm16) % (2 * channels):
            problems.append(f"`WAVEFORM/pcm16` has {len(pcm16)} bytes for {channels} channels of 16 bits")
            return None
        return np.frombuffer(pcm16, "<i2").reshape(-1, channels)
    if streams := example.context.get("WAVEFORM/encoded"):
        try:
            return decoded(list(streams), value(int, "WAVEFORM/num_samples", 0))
        except ValueError as error:
            problems.append(f"`WAVEFORM/encoded`: {error}")
            return None
    for key in FLOAT_AUDIO:
        steps = [step for step in example.frames.get(key, ()) if len(step)]
        if steps and all(isinstance(step, np.ndarray) for step in steps):
            return np.concatenate(steps)[:, np.newaxis]
        if steps:
            problems.append(f"`{key}` must hold floats")
    return None
