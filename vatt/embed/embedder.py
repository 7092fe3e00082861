"""A trained model with the preprocessing of raw media: video, audio and sentences to vectors.

It computes what the trainer's evaluators compute, by their own inference call: `vatt.evals` averages the
windows of a clip before it normalises, and so does this.
"""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vatt.data.description import describe_inputs
from vatt.embed.inputs import checked_frames, checked_samples, word_ids
from vatt.embed.media_encoder import MediaEncoder
from vatt.spec import AUDIO, MODALITIES, TEXT, VIDEO, VIDEO_AUDIO, VIDEO_TEXT, ClipSpec
from vatt.unit_rows import unit_rows

# The spaces of each modality. The audio's place in the video-text space is derived: it goes
# there through the video-audio space, and no objective trained it.
SPACES = {VIDEO: (VIDEO_AUDIO, VIDEO_TEXT), AUDIO: (VIDEO_AUDIO, VIDEO_TEXT), TEXT: (VIDEO_TEXT,)}


class Embedder:
    """Raw media and sentences to unit vectors in the common spaces (paper Eq. 3).

    Args:
        model: `VATT`.
        clip: `ClipSpec` that it was trained with; None where nobody knows, and then it takes no raw media.
        tokenizer: what its captions were read with; None where nobody knows, and then it takes no sentences.
        source: where the model came from, for messages.

    Call: as the model: `embedder(inputs, training=False)`, see `VATT`.
    """

    def __init__(self, model, *, clip: ClipSpec | None, tokenizer=None, source: str | Path = ""):
        self.model = model
        self.clip = clip
        self.tokenizer = tokenizer
        self.source = str(source)

    def __call__(self, inputs, training=False):
        return self.model(inputs, training=training)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Of `MODALITIES`, those that it can embed."""
        known = MODALITIES if self.clip is not None else ()
        trained = self.clip.modalities if self.clip is not None else ()
        return tuple(each for each in known if each in trained and (each != TEXT or self.tokenizer))

    @property
    def input_facts(self) -> dict:
        """What it takes, see `vatt.data.description`."""
        return describe_inputs(self._known_clip(), self.tokenizer)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of the weights, of what the model takes and of the precision: what vectors depend on."""
        from vatt.evals.protocol_card import precision, weights_fingerprint

        facts = None if self.clip is None else self.input_facts
        content = [weights_fingerprint(self.model), precision(self.model), facts]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def embed_video(self, frames) -> dict[str, np.ndarray]:
        """Embeds video.

        Args:
            frames: uint8 [B, T, H, W, 3] or [T, H, W, 3], RGB, of any size and length, at
                `clip.frame_rate_hz` frames a second; or the path of a media file.

        Returns:
            space -> float32 [B, D] of length 1: the mean of the windows (`vatt.embed.windows`), normalised.
        """
        self._known_clip()
        if isinstance(frames, str | Path):
            from vatt.embed.media import frame_pieces

            return self._embed_pieces(
                VIDEO, (piece[np.newaxis] for piece in frame_pieces(frames, self._known_clip()))
            )
        return self._embed_pieces(VIDEO, [checked_frames(frames)])

    def embed_audio(self, samples) -> dict[str, np.ndarray]:
        """Embeds audio, in the same way.

        Args:
            samples: float32 [B, S] or [S] in [-1, 1], one channel of any length, at `clip.sample_rate_hz`;
                or the path of a media file. Digital silence gives vectors too, which mean nothing.
        """
        self._known_clip()
        if isinstance(samples, str | Path):
            from vatt.embed.media import sample_pieces

            pieces = (piece[np.newaxis] for piece in sample_pieces(samples, self._known_clip()))
            return self._embed_pieces(AUDIO, pieces)
        return self._embed_pieces(AUDIO, [checked_samples(samples)])

    def embed_text(self, sentences: Sequence[str]) -> dict[str, np.ndarray]:
        """N sentences as vectors, {"video_text": float32 [N, D] of length 1}.

        A sentence of more than `clip.words` words is cut there, as captions were in training.
        """
        self._known_clip()
        if self.tokenizer is None:
            raise ValueError(
                f"Sentences need the word list that the model was trained with. Received: {self._named()}, "
                f"which "
                "came without one. Give it: `vatt.load(PATH, vocabulary_file='WORDS.txt')`."
            )
        ids = word_ids(sentences, self.tokenizer, self._known_clip().words)
        if not len(ids):
            return self._none(TEXT)
        return unit_vectors(self._media_encoder.encode(TEXT, ids, self._outputs(TEXT)))

    def similarity(self, left: Mapping | np.ndarray, right: Mapping | np.ndarray) -> np.ndarray:
        """Cosines between all pairs, float32 [N, M] in [-1, 1].

        Args:
            left, right: what `embed_…` gave, of N and of M; or float [N, D] and [M, D] of one space. Two
                results meet in the video-audio space where both have a place there, else in the video-text
                space.
        """
        return similarity(left, right)

    def _embed_pieces(self, modality, pieces) -> dict[str, np.ndarray]:
        return unit_vectors(self._media_encoder.means(modality, pieces, self._outputs(modality)))

    def _outputs(self, modality) -> dict[str, str]:
        """Space -> output of the model."""
        return {space: f"{modality}/{space}" for space in SPACES[modality]}

    @functools.cached_property
    def _media_encoder(self) -> MediaEncoder:
        return MediaEncoder(self.model, self._known_clip())

    def _known_clip(self) -> ClipSpec:
        if self.clip is None:
            raise ValueError(
                f"Raw media need the frame rate, the sample rate and the sizes that the model was trained "
                f"with. "
                f"Received: {self._named()}, which came without them. Give them: "
                "`vatt.load(PATH, clip=vatt.spec.ClipSpec(…))`; those of `ClipSpec()` are the paper's."
            )
        return self.clip

    def _none(self, modality) -> dict[str, np.ndarray]:
        widths = self.model.spaces.widths
        return {space: np.zeros((0, widths[space]), np.float32) for space in SPACES[modality]}

    def _named(self) -> str:
        return self.source or type(self.model).__name__


def unit_vectors(vectors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """float [N, D] by space -> float32 [N, D] of length 1."""
    unit = {}
    for space, values in vectors.items():
        values = np.asarray(values, np.float64)
        if not np.isfinite(values).all() or not values.any(axis=-1).all():
            raise ValueError(
                f"Embeddings must be finite and have a direction. Received: NaN, infinity or nothing but "
                f"zeros in {space!r}. The weights are broken; look at the run's journal."
            )
        unit[space] = unit_rows(values, space).astype(np.float32)
    return unit


def similarity(left, right) -> np.ndarray:
    """See `Embedder.similarity`."""
    if isinstance(left, Mapping) != isinstance(right, Mapping):
        raise ValueError(
            "Both sides must be results of `embed_…`, or both arrays of one space. Received: "
            f"{type(left).__name__} and {type(right).__name__}. Take the space of one out of the other."
        )
    if isinstance(left, Mapping):
        space = next((each for each in (VIDEO_AUDIO, VIDEO_TEXT) if each in left and each in right), None)
        if space is None:
            raise ValueError(
                f"Both sides must have a place in one space. Received: {sorted(left)} and {sorted(right)}."
            )
        left, right = left[space], right[space]
    left, right = np.asarray(left, np.float32), np.asarray(right, np.float32)
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise ValueError(
            f"Vectors must be [N, D] and [M, D] of one space. Received: {list(left.shape)} and "
            f"{list(right.shape)}."
        )
    return unit_vectors({"left": left})["left"] @ unit_vectors({"right": right})["right"].T
