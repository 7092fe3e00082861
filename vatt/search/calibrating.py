"""Fits the calibration of an index to a folder of captioned media."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt import spec
from vatt.embed.batches import Embedded
from vatt.embed.cli import say_failed
from vatt.embed.files import Options, embed_files
from vatt.prepare.captions import Caption
from vatt.prepare.pool import Failure
from vatt.prepare.progress import say
from vatt.prepare.walk import walk_media
from vatt.search.calibration import MODALITIES, Calibration, Pairs, fit_calibration
from vatt.search.captions import captions_of

_MOST_CAPTIONS = 4_000  # drawn at random from more
_TEXTS = 64  # of a call of the model


def calibrate(embedder: Any, folder: Path, options: Options) -> Calibration:
    """The calibration by captioned media.

    Captions and windows belong together where they are of one time of a file. Files in one sub-folder of the
    folder show the same thing: they answer each other's captions.

    Raises:
        ValueError: the folder has too few captions that the model can read.
    """
    if not folder.is_dir():
        raise ValueError(f"A calibration needs a folder of captioned media. Received: {folder}.")
    walk = walk_media(folder)
    captions = captions_of(walk, folder)
    embedded, failures = {}, {}
    for path, outcome in embed_files(embedder, sorted(captions), options) if captions else ():
        if isinstance(outcome, Failure):
            failures[path] = outcome.reason
        else:
            embedded[path] = outcome
    say_failed(failures, "were not used to calibrate")
    return fit_calibration(_pairs(embedder, folder, embedded, captions))


def _pairs(
    embedder: Any,
    folder: Path,
    embedded: Mapping[Path, Embedded],
    captions: Mapping[Path, Sequence[Caption]],
) -> Pairs:
    paths = sorted(embedded)
    names = [path.relative_to(folder).parts[0] for path in paths]  # of the sub-folder, or of a file in none
    asked = [(number, each) for number, path in enumerate(paths) for each in captions[path]]
    if len(asked) > _MOST_CAPTIONS:
        draw = np.random.default_rng(0).permutation(len(asked))[:_MOST_CAPTIONS]
        asked = [asked[place] for place in sorted(draw)]
    vectors, numbers = _texts(embedder, [each[2] for _, each in asked])
    asked = [asked[number] for number in numbers]

    owners = np.repeat(np.arange(len(paths)), [len(embedded[path]) for path in paths])
    starts, ends = (
        np.concatenate([getattr(embedded[path], name) for path in paths] or [np.zeros(0)])
        for name in ("start_seconds", "end_seconds")
    )
    group_of = np.unique(names, return_inverse=True)[1] if names else np.zeros(0, int)
    of_caption = np.array([number for number, _ in asked], int)
    at, to = (np.array([each[place] for _, each in asked], float)[:, None] for place in (0, 1))
    is_same_file = of_caption[:, None] == owners
    is_same_thing = group_of[of_caption][:, None] == group_of[owners]
    right = is_same_thing & (~is_same_file | ((starts < to) & (ends > at)))
    cosines = {
        modality: _cosines(vectors, modality, [embedded[path] for path in paths]) for modality in MODALITIES
    }
    return Pairs(cosines=cosines, right=right, wrong=~is_same_thing, groups=len(set(names)))


def _texts(embedder: Any, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
    """(float32 [Q, D], the numbers of those that the model can read); says how many it can not."""
    rows, numbers = [], []
    for first in range(0, len(texts), _TEXTS):
        part = list(texts[first : first + _TEXTS])
        try:
            rows.append(embedder.embed_text(part)[spec.VIDEO_TEXT])
            numbers += range(first, first + len(part))
        except ValueError:  # one of them has no word that the model knows
            for number, text in enumerate(part, first):
                try:
                    rows.append(embedder.embed_text([text])[spec.VIDEO_TEXT])
                    numbers.append(number)
                except ValueError:
                    continue
    if len(numbers) < len(texts):
        say(f"{len(texts) - len(numbers)} of {len(texts)} captions have no word that the model knows")
    return np.concatenate(rows) if rows else np.zeros((0, 1), np.float32), numbers


def _cosines(texts: np.ndarray, modality: str, files: Sequence[Embedded]) -> np.ndarray:
    """float32 [Q, N]; NaN where a window lacks the modality."""
    parts = []
    for file in files:
        made = np.full((len(texts), len(file)), np.nan, np.float32)
        vectors = file.vectors.get(f"{modality}/{spec.VIDEO_TEXT}")
        if vectors is not None:
            has = file.has[modality]
            made[:, has] = texts @ vectors[has].T
        parts.append(made)
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(texts), 0), np.float32)
