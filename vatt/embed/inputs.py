"""What an embedder accepts, and the sentences for what it does not."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from vatt import spec

_log = logging.getLogger(__name__)

MOST_WORDS = 1_000  # of a sentence: what is longer is a document, of which a model would read a line
# Ids that say nothing of a sentence, in the word lists of all tokenizers.
UNKNOWN_WORDS = ("<unk>", "[UNK]")
NO_WORDS = ("<pad>", "</s>", "[PAD]", "[CLS]", "[SEP]", *UNKNOWN_WORDS)


def checked_frames(frames: Any) -> np.ndarray:
    """uint8 [B, T, H, W, 3] of frames that may lack B."""
    frames = np.asarray(frames)
    if frames.ndim == 4:
        frames = frames[np.newaxis]
    if frames.ndim != 5 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
        raise ValueError(
            "Frames must be uint8 [B, T, H, W, 3] or [T, H, W, 3], RGB in [0, 255], of at least one pixel. "
            f"Received: {frames.dtype} {list(frames.shape)}.{_way_out_of_floats(frames)}"
        )
    return frames


def checked_samples(samples: Any) -> np.ndarray:
    """float32 [B, S] of samples that may lack B."""
    samples = np.asarray(samples)
    if samples.ndim == 1:
        samples = samples[np.newaxis]
    if samples.ndim != 2 or samples.dtype not in (np.float32, np.float64):
        hint = " Divide int16 samples by 32768." if samples.dtype.kind in "iu" else ""
        raise ValueError(
            "Audio must be float32 [B, S] or [S], one channel in [-1, 1]. Received: "
            f"{samples.dtype} {list(samples.shape)}.{hint}"
        )
    if 0 in samples.shape:
        raise ValueError(f"Audio must have at least one sample. Received: {list(samples.shape)}.")
    most = np.abs(samples).max()
    if not most <= 1.0:  # NaN is not
        raise ValueError(
            f"Audio must be in [-1, 1] and be finite. Received: a largest value of {most}. Divide it by its "
            "full scale."
        )
    return samples.astype(np.float32, copy=False)


def word_ids(sentences: Sequence[str], tokenizer: Any, words: int) -> np.ndarray:
    """int32 [N, L] of N sentences, of which each has a word that the model knows."""
    if isinstance(sentences, str | bytes):
        raise ValueError(
            f"Sentences must be a list of strings. Received: one, {_shown(sentences)}. Put it in a list."
        )
    sentences = list(sentences)
    for number, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise ValueError(f"A sentence must be a string. Received: {type(sentence).__name__}.")
        sentences[number] = sentence.encode("utf-8", "replace").decode()
        if sentences[number] != sentence:
            _log.warning(
                "A sentence is no valid Unicode; what can not be read became ?: %s", _shown(sentence)
            )
        count = len(sentence.split())
        if count > MOST_WORDS:
            raise ValueError(
                f"A sentence must have at most {MOST_WORDS} words; the model reads the first {words}. "
                f"Received: {count} words, {_shown(sentence)}. Give the sentence that matters."
            )
    ids = tokenizer.encode(sentences, length=words + 1)
    silent = silent_ids(tokenizer)
    unknown = np.flatnonzero(np.isin(ids, silent).all(axis=1))
    if unknown.size and len(silent) == tokenizer.size:
        raise ValueError(
            "The model must know words. Received: a sentence, for a model whose clips had no captions. "
            "Search with a video, an image or an audio file."
        )
    if unknown.size:
        raise ValueError(
            f"A sentence must have at least one of the {tokenizer.size} words that the model knows. "
            f"Received: {_shown(sentences[unknown[0]])}. Use the words of the captions it was trained on."
        )
    longer = np.count_nonzero(ids[:, words] != spec.PADDING_ID)
    if longer:
        _log.warning(
            "%d of %d sentences are longer than %d words; what follows is not read.",
            longer,
            len(sentences),
            words,
        )
    return tokenizer.encode(sentences, length=words)


def silent_ids(tokenizer: Any) -> list[int]:
    """Ids of a word list that say nothing of a sentence."""
    return [number for number, word in enumerate(tokenizer.words) if word in NO_WORDS]


def unknown_words(sentence: str, tokenizer: Any) -> list[str]:
    """Words of a sentence that a model with this tokenizer does not know, in their order, each once."""
    words = list(dict.fromkeys(sentence.split()))
    unknown = [number for number, word in enumerate(tokenizer.words) if word in UNKNOWN_WORDS]
    if not words or not unknown:
        return []
    ids = tokenizer.encode(words, length=1)
    return [word for word, of_word in zip(words, ids) if of_word[0] in unknown]


def _shown(sentence) -> str:
    return repr(sentence if len(sentence) <= 60 else sentence[:60] + "…")


def _way_out_of_floats(frames) -> str:
    if frames.dtype.kind != "f":
        return ""
    return " Give the pixels as they were decoded; the model's own scaling follows."
