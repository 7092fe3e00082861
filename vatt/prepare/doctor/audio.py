"""Checks of one record's audio: valid samples, no silence, the duration of the video.

A known script of DMVR has FFmpeg write 32-bit integers and reads the bytes as 32-bit floats. Small positive
samples then become denormals and powers of two far below one, small negative ones NaN or some -1e38, which a
loss turns into NaN or a clip of silence. The integers are all there and can be had back: `uncast`.
"""

import enum
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vatt.prepare.doctor.clip_record import ClipRecord, Setting
from vatt.prepare.doctor.findings import ERROR, WARNING, Check, Findings, Place
from vatt.prepare.doctor.sources import ABSENT, USEFUL, USELESS, best_of_sources
from vatt.prepare.doctor.tally import Tally

CAST = Check(
    name="audio-cast",
    severity=ERROR,
    rule="Audio stored as floats must be samples in [-1, 1], not integers that were cast or relabelled.",
    way_out="Run `vatt doctor RECORDS --repair OUT`, which scales the integers back.",
    is_mended=True,
)
NOT_A_NUMBER = Check(
    name="audio-not-a-number",
    severity=ERROR,
    rule="Every sample must be a finite number.",
    way_out="Prepare these clips again from their media: what stood there is lost.",
)
DENORMAL = Check(
    name="audio-denormal",
    severity=WARNING,
    rule="No sample may be a denormal number (below 1.2e-38, not 0): such arithmetic is many times slower.",
    way_out="Prepare these clips again; set such samples to 0.",
)
OUT_OF_RANGE = Check(
    name="audio-out-of-range",
    severity=ERROR,
    rule="Every sample must be in [-1, 1].",
    way_out="Divide the audio by its full scale and write the records again.",
)
SILENT = Check(
    name="audio-silent",
    severity=WARNING,
    rule="A source's audio must not be digital silence from end to end.",
    way_out="Check how it was extracted. If the video has no audio, its mask excludes it from training.",
)
RATE = Check(
    name="audio-rate",
    severity=ERROR,
    rule="Every record with audio must have the `audio_rate_hz` of dataset.json.",
    way_out="Prepare the set again with one rate.",
)
LENGTH = Check(
    name="audio-length",
    severity=WARNING,
    rule="Audio and frames must end within one frame of each other.",
    way_out="If most clips are off by the same share, a rate is stated wrongly; else the sources' tracks end "
    "apart, and the rest is read as silence.",
)

_SMALLEST_NORMAL = np.finfo(np.float32).tiny
# Samples of true audio are between the noise of 24 bits with room to spare and far overload; of integers read
# as floats only those do whose exponent bits happen to fit, amplitudes 0.38 to 0.52 and -0.62 to -0.48.
_ORDINARY = (1e-9, 16.0)
_INT16_SCALE, _INT32_SCALE = 1 << 15, 1 << 31
# As integers, overload of true float audio is never this: whole numbers, and some well above 1.
_WHOLE_NUMBERS_FROM = 2.0
_BLOCK_SECONDS = 0.1
_DECIBELS_PER_STEP = 6.02  # a factor of two
_QUIETEST_STEP = 16  # of 16 bits


class Cast(enum.StrEnum):
    """How integers came to be stored as float samples."""

    INT32_BITS = "the bits of int32 samples read as floats"
    INT32_VALUES = "int32 samples stored as floats without a scale"
    INT16_VALUES = "int16 samples stored as floats without a scale"


def inspect(clip: ClipRecord, setting: Setting, tally: Tally) -> Iterator[tuple[Check, str]]:
    """Counts the audio of a clip and yields what is wrong with it; silence is for `conclude` to judge."""
    if clip.audio is None:
        return
    tally.counts["with_audio"] += 1
    tally.counts["audible"] += clip.is_audible
    tally.seconds["audio"] += clip.audio_seconds
    tally.audio_rates[clip.audio_rate_hz] += 1
    if clip.audio_rate_hz != setting.audio_rate_hz:
        yield RATE, f"{clip.audio_rate_hz} samples a second instead of {setting.audio_rate_hz}"
    elif _ends_apart(clip):
        yield (
            LENGTH,
            f"{clip.audio_seconds:.3f} s of audio, {clip.video_seconds:.3f} s of video "
            f"({clip.audio_seconds / clip.video_seconds - 1:+.2%})",
        )
    if clip.audio.dtype == np.int16:
        _measure_level(clip, _INT16_SCALE, tally)
        return
    audio = clip.audio
    if (cast := cast_of(audio)) is not None:
        finite = np.abs(audio[np.isfinite(audio) & (audio != 0)])
        span = f"magnitudes {finite.min():.3g} to {finite.max():.3g}, " if len(finite) else ""
        yield CAST, f"{cast}: {span}{np.mean(~np.isfinite(audio)):.0%} not finite"
        return
    magnitude = np.abs(audio)
    if not np.isfinite(audio).all():
        yield NOT_A_NUMBER, f"{int((~np.isfinite(audio)).sum())} of {len(audio)} samples are NaN or infinite"
        magnitude = np.nan_to_num(magnitude, nan=0.0, posinf=0.0)
    if (denormal := int(((magnitude > 0) & (magnitude < _SMALLEST_NORMAL)).sum())) > 0:
        yield DENORMAL, f"{denormal} of {len(audio)} samples are denormal"
    if magnitude.max() > 1:
        yield OUT_OF_RANGE, f"{int((magnitude > 1).sum())} of {len(audio)} samples, up to {magnitude.max():g}"
    _measure_level(clip, 1, tally)


def _ends_apart(clip: ClipRecord) -> bool:
    """Whether a video's audio and frames end more than a frame apart; a still has no length."""
    if len(clip.jpegs) < 2 or not clip.video_seconds > 0:
        return False
    return abs(clip.audio_seconds - clip.video_seconds) > 1 / clip.frame_rate_hz + 1e-6


def level(clip: ClipRecord) -> int:
    """`sources.ABSENT` for a clip without audio, `USELESS` for digital silence, `USEFUL`."""
    if clip.audio is None:
        return ABSENT
    return USEFUL if clip.is_audible else USELESS


def conclude(
    records: np.ndarray, read: Callable[[Any], tuple[ClipRecord, Place]], findings: Findings
) -> None:
    """Checks that need the whole set: sources that are silent from end to end.

    `records` are `shard.RECORD_HASHES` of the set; `read` gives the clip of one of them, and where it is.
    """
    first, best = best_of_sources(records, "audio_level")
    for row in first[best == USELESS].tolist():
        place = read(records[row])[1] if findings.takes_places(SILENT) else Place()
        findings.add(SILENT, "nothing but zeros, here and in every other clip of its source", place)


def _measure_level(clip: ClipRecord, full_scale: int, tally: Tally) -> None:
    """Counts how loud a clip is and how much of it is digital silence."""
    audio: Any = clip.audio
    peak = max(abs(float(np.nanmax(audio))), abs(float(np.nanmin(audio)))) / full_scale
    if not peak > 0:
        tally.seconds["digital_silence"] += clip.audio_seconds
        return
    steps = -20 * np.log10(min(peak, 1.0)) / _DECIBELS_PER_STEP
    tally.peaks[min(_QUIETEST_STEP, int(steps))] += 1
    block = max(1, round(_BLOCK_SECONDS * clip.audio_rate_hz))
    whole = audio[: len(audio) // block * block].reshape(-1, block * audio.shape[1])
    tally.seconds["digital_silence"] += _BLOCK_SECONDS * int((~whole.any(axis=1)).sum())


def cast_of(audio: np.ndarray) -> Cast | None:
    """How float32 [S, …] was cast from integers; None if it is true audio."""
    with np.errstate(invalid="ignore"):
        magnitude = np.abs(audio[audio != 0])  # NaN is not 0
        if not len(magnitude):
            return None
        ordinary = (magnitude >= _ORDINARY[0]) & (magnitude <= _ORDINARY[1])
        is_whole = bool(np.all(magnitude == np.rint(magnitude)))  # False where one is NaN
    if is_whole and _WHOLE_NUMBERS_FROM <= magnitude.max() <= _INT32_SCALE:
        return Cast.INT16_VALUES if magnitude.max() <= _INT16_SCALE else Cast.INT32_VALUES
    return Cast.INT32_BITS if ordinary.mean() < 0.5 else None


def uncast(audio: np.ndarray) -> np.ndarray:
    """True samples in [-1, 1], float32, of audio that was cast; any other as it is.

    Where the script went through Python's floats, the NaNs among the samples were made "quiet" on the way,
    which sets one bit: samples in (-0.0039, -0.0020) are then 0.0020 too high. No more is lost.
    """
    match cast_of(audio):
        case Cast.INT32_BITS:
            return (np.ascontiguousarray(audio).view("<i4") / _INT32_SCALE).astype(np.float32)
        case Cast.INT32_VALUES:
            return audio / np.float32(_INT32_SCALE)
        case Cast.INT16_VALUES:
            return audio / np.float32(_INT16_SCALE)
    return audio
