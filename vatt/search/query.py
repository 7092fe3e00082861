"""Queries as vectors: a sentence, or the video or the audio of a file."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt import spec
from vatt.embed.files import Options, embed_files
from vatt.embed.inputs import unknown_words
from vatt.prepare.container import MediaError
from vatt.prepare.pool import Failure, WorkerPool
from vatt.prepare.segments import RANGE_ENDS
from vatt.unit_rows import unit_rows

MAX_WORDS = 1_000  # of a text; what follows is cut off, since a model reads the first few words of it
MAX_SECONDS = 60.0  # of a file that is asked with
Looked = tuple[dict[str, np.ndarray], list[str]]  # space -> float32 [D], and words that are not known


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """Something to search for."""

    modality: str  # "text", "video" or "audio"
    shown: str  # how to name it to people
    # space -> float32 [D] of unit length; {} for a text without a word that the model knows
    vectors: dict[str, np.ndarray]
    words: tuple[str, ...] = ()  # of a text, to look for in captions
    unknown: tuple[str, ...] = ()  # those of them that the model does not know
    problem: str = ""  # why there are no vectors
    notes: tuple[str, ...] = ()  # what the asker should know, in words


def text_query(embedder: Any, text: str, look_up: Callable[[str], Looked] | None = None) -> Query:
    """A sentence.

    Args:
        look_up: replaces this module's, for one sentence.

    A text without a word that the model knows has no vectors: it can be looked for in captions only.

    Raises:
        ValueError: there is no word in it.
    """
    whole = text.encode("utf-8", "replace").decode()
    words = whole.split()
    if not words:
        raise ValueError("A sentence must have a word. Received: none. Say what you look for.")
    notes = [] if whole == text else ["the text is no valid Unicode; what can not be read became ?"]
    asked = " ".join(words[:MAX_WORDS])
    if len(words) > MAX_WORDS:
        notes.append(f"the text has {len(words)} words; all behind the first {MAX_WORDS} were cut off")
    if len(words) > embedder.clip.words:
        notes.append(f"the model reads the first {embedder.clip.words} words of a text")
    problem = ""
    try:
        vectors, unknown = look_up(asked) if look_up is not None else look_up_all(embedder, [asked])[0]
    except ValueError as error:
        vectors, unknown, problem = {}, words[:MAX_WORDS], str(error)
    if unknown and not problem:
        notes.append(f"the model does not know the words {', '.join(unknown)}; the others were searched")
    shown = asked if len(asked) <= 120 else asked[:120] + "…"
    return Query(
        modality=spec.TEXT,
        shown=shown,
        vectors=vectors,
        words=tuple(words[:MAX_WORDS]),
        unknown=tuple(unknown),
        problem=problem,
        notes=tuple(notes),
    )


def look_up_all(embedder: Any, sentences: Sequence[str]) -> list[Looked]:
    """(vectors, words that the model does not know) of each sentence, by one call of the model."""
    made = embedder.embed_text(sentences)
    read = [list(dict.fromkeys(sentence.split()[: embedder.clip.words])) for sentence in sentences]
    unknown = set(unknown_words(" ".join(itertools.chain.from_iterable(read)), embedder.tokenizer))
    return [
        ({space: rows[number] for space, rows in made.items()}, [word for word in words if word in unknown])
        for number, words in enumerate(read)
    ]


def file_query(
    embedder: Any,
    path: str | Path,
    modality: str,
    *,
    start_seconds: float = 0.0,
    shown: str = "",
    pool: WorkerPool | None = None,
    max_seconds: float | None = None,
) -> Query:
    """The video or the audio of a media file: the mean of its windows, of at most `MAX_SECONDS`.

    Args:
        start_seconds: where to begin.
        shown: name for people; "" for the file's own.
        pool: processes that decode, which stay; None: one of its own.
        max_seconds: a file that takes longer to decode is given up; None: no limit.

    Raises:
        MediaError: it is no media, or lacks the modality.
    """
    path = Path(path)
    options = Options(modalities=(modality,), batch_size=8, processes=1, file_seconds=max_seconds)
    end_seconds = start_seconds + MAX_SECONDS
    outcomes = embed_files(
        embedder, [path], options, start_seconds=start_seconds, end_seconds=end_seconds, pool=pool
    )
    ((_, outcome),) = outcomes
    shown = shown or path.name
    if isinstance(outcome, Failure):
        raise MediaError(shown, outcome.reason)
    # The end is ours, not the asker's.
    notes = [each for each in outcome.warnings if not each.startswith(RANGE_ENDS)]
    if outcome.end_seconds.max(initial=0.0) > end_seconds - embedder.clip.span_seconds:
        notes.append(
            f"of {shown} at most {MAX_SECONDS:g} s count, from {start_seconds:g} s on; --start_seconds moves "
            f"them"
        )
    vectors = {}
    for name, rows in outcome.vectors.items():
        mean = rows[outcome.has[modality]].mean(axis=0, dtype=np.float64)
        vectors[name.split("/")[1]] = unit_rows(mean[np.newaxis])[0].astype(np.float32)
    return Query(modality=modality, shown=shown, vectors=vectors, notes=tuple(notes))


def warm(embedder: Any) -> None:
    """Makes the first query as fast as the others: what a model compiles, it compiles at its first call."""
    clip = embedder.clip
    if spec.VIDEO in clip.modalities:
        embedder.embed_video(np.zeros((1, clip.frames, clip.frame_size, clip.frame_size, 3), np.uint8))
    if spec.AUDIO in clip.modalities:
        embedder.embed_audio(np.zeros((1, clip.samples), np.float32))
    words = getattr(getattr(embedder, "tokenizer", None), "words", None)
    if words:
        embedder.embed_text([words[-1]])
        unknown_words(words[-1], embedder.tokenizer)
