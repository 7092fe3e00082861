"""Checks of one record's captions: readable text, words that the model knows, times that can be true."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vatt.data.words import split_words
from vatt.prepare.doctor.clip_record import ClipRecord, Setting
from vatt.prepare.doctor.findings import ERROR, WARNING, Check, Findings
from vatt.prepare.doctor.sources import ABSENT, USEFUL, USELESS, best_of_sources
from vatt.prepare.doctor.tally import Tally

EMPTY = Check(
    name="caption-empty",
    severity=WARNING,
    rule="A caption must have at least one word.",
    way_out="Leave empty captions out: a clip without captions is masked, an empty one is not needed.",
)
UNKNOWN = Check(
    name="caption-unknown",
    severity=WARNING,
    rule="A caption must have at least one word of the vocabulary; 5 % without are common in a test split.",
    way_out="Build the vocabulary from this set's training captions, or check that the language is the same.",
    tolerated_share=0.05,
    among="captions",
)
STOP_WORDS_ONLY = Check(
    name="caption-stop-words",
    severity=WARNING,
    rule="A caption must say something; 10 % of nothing but stop words are common in transcribed speech.",
    way_out="Join short captions to sentences before preparing.",
    tolerated_share=0.10,
    among="captions",
)
ENCODING = Check(
    name="caption-encoding",
    severity=WARNING,
    rule="Captions must be UTF-8, decoded once and with the right encoding.",
    way_out="Convert the caption files to UTF-8 and prepare the set again.",
)
TIMES = Check(
    name="caption-times",
    severity=ERROR,
    rule="A caption must end after it starts, and not be before the source begins.",
    way_out="Check the caption files' unit of time and their offset to the video.",
)
OUTSIDE = Check(
    name="caption-outside",
    severity=WARNING,
    rule="Of most sources with captions, one caption must overlap one clip.",
    way_out="Check the unit of time: milliseconds read as seconds look like this.",
)

_MOST_OUTSIDE = 0.5  # share of sources
# English, because the paper's captions are; other languages have none that this finds, which is no defect.
_STOP_WORDS = frozenset(
    split_words(
        "a about am an and are as at be been but by can did do does for from go going gonna had has have he "
        "her here him his how i if im in is it its just like me my no not now of oh ok okay on or our out "
        "right she so some that thats the their them then there these they this those to uh um up us was we "
        "well were what when which who will with would yeah yes you your"
    )
)
_CLOCK_SLACK_SECONDS = 1.0
# UTF-8 read as Windows-1252 or Latin-1: a letter of C2 to F4 followed by what stands for a byte 80 to BF.
_CONTINUATION = "\x80-\xbf" + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
_MOJIBAKE = re.compile(f"[\xc2-\xf4][{_CONTINUATION}]+")


def inspect(clip: ClipRecord, setting: Setting, tally: Tally) -> Iterator[tuple[Check, str]]:
    """Counts the captions of a clip and yields what is wrong with them."""
    tally.captions_of_clip[len(clip.captions.texts)] += 1
    if not clip.captions.texts:
        return
    tally.counts["with_captions"] += 1
    known = _vocabulary(setting.vocabulary_file)
    for caption in clip.captions.texts:
        yield from _inspect_text(caption, known, tally)
    if clip.captions.times is None:
        return
    for (start, end), caption in zip(clip.captions.times.tolist(), clip.captions.texts, strict=True):
        span = f"{start:.2f} s to {end:.2f} s: {_shown(caption)}"
        if not end >= start or not np.isfinite((start, end)).all():
            yield TIMES, span
        elif clip.start_seconds + end < -_CLOCK_SLACK_SECONDS:
            yield TIMES, f"{span}, before the source's beginning"
    tally.counts["captions_inside"] += int(_inside(clip).sum())


def level(clip: ClipRecord) -> int:
    """`sources.ABSENT` without captions or times, `USELESS` if all captions are outside of the clip,
    `USEFUL`.

    Captions outside of a clip are common: pieces of a video keep the nearest ones before and after them.
    """
    if not clip.captions.texts or clip.captions.times is None:
        return ABSENT
    return USEFUL if _inside(clip).any() else USELESS


def _inside(clip: ClipRecord) -> np.ndarray:
    """Which captions overlap the clip, bool [captions]."""
    assert clip.captions.times is not None
    starts, ends = clip.captions.times.T
    return (starts <= max(clip.video_seconds, clip.audio_seconds)) & (ends >= 0)


def conclude(records: np.ndarray, findings: Findings) -> None:
    """Checks that need the whole set, `shard.RECORD_HASHES`: whether the captions' times are those of the
    clips.
    """
    _, best = best_of_sources(records, "caption_level")
    outside, captioned = int((best == USELESS).sum()), int((best != ABSENT).sum())
    if captioned and outside > _MOST_OUTSIDE * captioned:
        findings.add(OUTSIDE, f"of {outside} of {captioned} sources, every caption is outside of every clip")


def _inspect_text(caption: bytes, known: frozenset[str], tally: Tally) -> Iterator[tuple[Check, str]]:
    tally.counts["captions"] += 1
    text = caption.decode("utf-8", "replace")
    if damage := encoding_damage(text):
        yield ENCODING, f"{damage}: {_shown(caption)}"
    words = split_words(text)
    tally.words_of_caption[len(words)] += 1
    tally.counts["words"] += len(words)
    unknown = sum(word not in known for word in words) if known else 0
    tally.counts["unknown_words"] += unknown
    if not words:
        yield EMPTY, _shown(caption)
    elif known and unknown == len(words):
        yield UNKNOWN, _shown(caption)
    elif _STOP_WORDS.issuperset(words):
        yield STOP_WORDS_ONLY, _shown(caption)


def encoding_damage(text: str) -> str:
    """What happened to the text on its way; "" where nothing can be seen."""
    if "\ufffd" in text:
        return "bytes that are no UTF-8 (�)"
    for match in _MOJIBAKE.finditer(text):
        for encoding in ("cp1252", "latin-1"):
            try:
                original = match[0].encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
            return f"UTF-8 read as {encoding}: {match[0]} was {original}"
    return ""


def _shown(caption: bytes, length: int = 60) -> str:
    text = caption.decode("utf-8", "replace")
    return repr(text if len(text) <= length else text[: length - 1] + "…")


@functools.lru_cache(maxsize=2)
def _vocabulary(path: str) -> frozenset[str]:
    """The set's words; none where the file can not be read, which is a finding of its own."""
    try:
        return frozenset(Path(path).read_text(encoding="utf-8").split("\n")[2:]) - {""}
    except (OSError, UnicodeError):
        return frozenset()
