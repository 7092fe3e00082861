"""Random clips of all modalities and models of two small layers that read them."""

import dataclasses
import types

import numpy as np

from tests.padded_batches import padded_batches
from tests.small_models import small_vatt
from vatt import spec
from vatt.layers.architecture import Size
from vatt.protocols import DatasetInfo

FRAMES, PIXELS, SAMPLES, WORDS, CANDIDATES = 4, 16, 40, 4, 2
VOCABULARY = 11
_SIZE = Size(depth=2, width=8, hidden_width=12, heads=2, head_width=4)
_COMMON = {
    "clip": spec.ClipSpec(
        frames=FRAMES, frame_size=PIXELS, audio_seconds=SAMPLES / 1000, sample_rate_hz=1000, words=WORDS
    ),
    "video_patch": (2, 8, 8),
    "audio_patch": (8,),
    "vocabulary_size": VOCABULARY,
    "widths": (6, 5),
    "dropout_rate": 0.0,
}


def small_model(kind):
    """A `VATT` whose text is narrower than the rest, or a modality-agnostic one."""
    if kind == "agnostic":
        return small_vatt(_SIZE, agnostic=True, **_COMMON)
    return small_vatt(_SIZE, text_size=dataclasses.replace(_SIZE, width=6, depth=1), **_COMMON)


class SmallClips:
    """N clips, two to a group, in V views; a caption has one to four words.

    Args:
        count: N.
        without: modality -> clips that lack it.
        views: V.
        caption: what all captions say, for pages.
    """

    def __init__(self, count=13, *, without=None, views=1, caption="what <is> it"):
        words = types.SimpleNamespace(words=[f"word{n}" for n in range(VOCABULARY)])
        self.info = DatasetInfo(name="small", eval_size=count, tokenizer=words)
        random, without = np.random.default_rng(5), without or {}
        number, view = np.repeat(np.arange(count), views), np.tile(np.arange(views), count)
        rows = len(number)
        there = {
            each: np.isin(number, without.get(each, []), invert=True).astype(np.float32)
            for each in spec.MODALITIES
        }
        text = random.integers(1, VOCABULARY, (rows, CANDIDATES, WORDS)).astype(np.int32)
        lengths = random.integers(1, WORDS + 1, (rows, CANDIDATES, 1))
        text *= (np.arange(WORDS) < lengths) * there["text"].astype(np.int32)[:, None, None]
        video = random.integers(0, 256, (rows, FRAMES, PIXELS, PIXELS, 3), dtype=np.uint8)
        audio = random.uniform(-1, 1, (rows, SAMPLES)).astype(np.float32)
        self.columns = {
            spec.VIDEO: video * there["video"].astype(np.uint8)[:, None, None, None, None],
            spec.AUDIO: audio * there["audio"][:, None],
            spec.TEXT: text,
            spec.VIDEO_MASK: there["video"],
            spec.AUDIO_MASK: there["audio"],
            spec.TEXT_MASK: np.repeat(there["text"][:, None], CANDIDATES, axis=1),
            spec.EXAMPLE_INDEX: number.astype(np.int64),
            spec.VALID: np.ones(rows, np.float32),
            spec.CLIP_ID: np.array([f"clip{n}@0.0".encode() for n in number], dtype=object),
            spec.GROUP: np.array([f"group{n // 2}".encode() for n in number], dtype=object),
            spec.CAPTION: np.array([caption.encode()] * rows, dtype=object),
        }
        if views > 1:
            self.columns[spec.VIEW] = view.astype(np.int32)

    def eval_batches(self, *, batch_size):
        """As the pipeline gives them."""
        return padded_batches(self.columns, batch_size)
