"""A trained model together with what it needs to take raw media: pictures, sound and sentences to vectors.

It computes what the trainer's evaluators compute, by their own inference call: `vatt.evals` averages the
windows of a clip before it normalises, and so does this.
"""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from vatt.data.description import describe_inputs
from vatt.embed.inputs import checked_frames, checked_samples, word_ids
from vatt.spec import AUDIO, MODALITIES, TEXT, VIDEO, VIDEO_AUDIO, VIDEO_TEXT, ClipSpec

# The spaces that a modality has a place in. The sound's place in the video-text space is derived: it goes
# there through the video-audio space, and no objective trained it.
SPACES = {VIDEO: (VIDEO_AUDIO, VIDEO_TEXT), AUDIO: (VIDEO_AUDIO, VIDEO_TEXT), TEXT: (VIDEO_TEXT,)}
_ROWS = 8  # windows in one call of the model


class Embedder:
    """Raw media and sentences to unit vectors in the common spaces (paper Eq. 3).

    Args:
        model: `VATT` or `AgnosticVATT`.
        clip: `ClipSpec` that it was trained with; None where nobody knows, and then it takes no raw media.
        tokenizer: what its captions were read with; None where nobody knows, and then it takes no sentences.
        source: where the model came from, for messages.

    Call: as the model: `embedder(inputs, training=False)`, see `MultimodalModel`.
    """

    def __init__(self, model, *, clip: ClipSpec | None, tokenizer=None, source=""):
        self.model = model
        self.clip = clip
        self.tokenizer = tokenizer
        self.source = str(source)
        self._encoders = {}

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
        """Pictures as vectors.

        Args:
            frames: uint8 [B, T, H, W, 3] or [T, H, W, 3], RGB, of any size and length, at
                `clip.frame_rate_hz` frames a second; or the path of a media file.

        Returns:
            space -> float32 [B, D] of length 1: the mean of the windows (`vatt.embed.windows`), normalised.
        """
        self._known_clip()
        if isinstance(frames, str | Path):
            from vatt.embed.media import frame_pieces

            return self._embed_pieces(VIDEO, (piece[np.newaxis] for piece in frame_pieces(frames, self.clip)))
        return self._embed_pieces(VIDEO, [checked_frames(frames)])

    def embed_audio(self, samples) -> dict[str, np.ndarray]:
        """Sound as vectors, in the same way.

        Args:
            samples: float32 [B, S] or [S] in [-1, 1], one channel of any length, at `clip.sample_rate_hz`;
                or the path of a media file. Digital silence gives vectors too, which mean nothing.
        """
        self._known_clip()
        if isinstance(samples, str | Path):
            from vatt.embed.media import sample_pieces

            pieces = (piece[np.newaxis] for piece in sample_pieces(samples, self.clip))
            return self._embed_pieces(AUDIO, pieces)
        return self._embed_pieces(AUDIO, [checked_samples(samples)])

    def embed_text(self, sentences: Sequence[str]) -> dict[str, np.ndarray]:
        """N sentences as vectors, {"video_text": float32 [N, D] of length 1}.

        A sentence of more than `clip.words` words is cut there, as captions were in training.
        """
        self._known_clip()
        if self.tokenizer is None:
            raise ValueError(
                f"Sentences need the word list that the model learnt with. Received: {self._named()}, which "
                "came without one. Give it: `vatt.load(PATH, vocabulary_file='WORDS.txt')`."
            )
        ids = word_ids(sentences, self.tokenizer, self.clip.words)
        return unit_vectors(self._encode(TEXT, ids)) if len(ids) else self._none(TEXT)

    def similarity(self, left: Mapping | np.ndarray, right: Mapping | np.ndarray) -> np.ndarray:
        """Cosines between all pairs, float32 [N, M] in [-1, 1].

        Args:
            left, right: what `embed_…` gave, of N and of M; or float [N, D] and [M, D] of one space. Two
                results meet in the video-audio space where both have a place there, else in the video-text
                space.
        """
        return similarity(left, right)

    def _embed_pieces(self, modality, pieces) -> dict[str, np.ndarray]:
        """The mean over the windows of all pieces; a piece is raw media [B, …] of any length."""
        totals, windows = {}, 0
        for piece in pieces:
            sums, count = self._sum_of_windows(modality, piece)
            windows += count
            for space, values in sums.items():
                totals[space] = totals.get(space, 0) + values
        return unit_vectors({space: total / windows for space, total in totals.items()})

    def _sum_of_windows(self, modality, media) -> tuple[dict[str, np.ndarray], int]:
        from vatt.embed import windows  # imports TensorFlow

        length = self.clip.frames if modality == VIDEO else self.clip.samples
        starts = np.asarray(windows.window_starts(media.shape[1], length))
        places = [(row, start) for row in range(len(media)) for start in starts]
        parts = []
        for first in range(0, len(places), _ROWS):
            cut = [self._window(modality, media[row], start) for row, start in places[first : first + _ROWS]]
            rows = np.stack(cut)
            parts.append(self._encode(modality, self._fit(rows) if modality == VIDEO else rows))
        sums = {}
        for space in SPACES[modality]:
            made = np.concatenate([part[space] for part in parts]).astype(np.float64)
            sums[space] = made.reshape(len(media), len(starts), -1).sum(axis=1)
        return sums, len(starts)

    def _window(self, modality, media, start) -> np.ndarray:
        """One window of one row, [T, H', W', 3] or [S]."""
        if modality == VIDEO:
            return media[np.minimum(start + np.arange(self.clip.frames), len(media) - 1)]
        seen = media[start : start + self.clip.samples]
        return np.pad(seen, (0, self.clip.samples - len(seen)))

    def _fit(self, frames) -> np.ndarray:
        if frames.shape[2:4] == (self.clip.frame_size,) * 2:
            return frames
        return self._compiled_fit(frames).numpy()

    @functools.cached_property
    def _compiled_fit(self):
        import tensorflow as tf

        from vatt.embed import windows

        kind = tf.TensorSpec([None, self.clip.frames, None, None, 3], tf.uint8)
        return tf.function(functools.partial(windows.fit_frames, clip=self.clip), input_signature=[kind])

    def _encode(self, modality, rows) -> dict[str, np.ndarray]:
        """Rows of what the model takes (video as uint8) -> space -> float32 [R, D], not normalised."""
        if modality not in self._encoders:
            self._encoders[modality] = self._encoder(modality)
        made = self._encoders[modality]({modality: rows})
        return {space: _numpy(made[f"{modality}/{space}"]) for space in SPACES[modality]}

    def _encoder(self, modality):
        import tensorflow as tf

        from vatt.evals.encoder import encoder

        encode = encoder(self.model, [f"{modality}/{space}" for space in SPACES[modality]])
        if keras.config.backend() != "tensorflow":
            return encode
        clip = self.clip
        shapes = {
            VIDEO: ([clip.frames, clip.frame_size, clip.frame_size, 3], tf.uint8),
            AUDIO: ([clip.samples], tf.float32),
            TEXT: ([clip.words], tf.int32),
        }
        shape, dtype = shapes[modality]
        # One graph for any number of rows.
        return tf.function(encode, input_signature=[{modality: tf.TensorSpec([None, *shape], dtype)}])

    def _known_clip(self) -> ClipSpec:
        if self.clip is None:
            raise ValueError(
                f"Raw media need the frame rate, the sample rate and the sizes that the model learnt with. "
                f"Received: {self._named()}, which came without them. Give them: "
                "`vatt.load(PATH, clip=vatt.spec.ClipSpec(…))`; those of `ClipSpec()` are the paper's."
            )
        return self.clip

    def _none(self, modality) -> dict[str, np.ndarray]:
        widths = {VIDEO_AUDIO: self.model.video_audio_width, VIDEO_TEXT: self.model.video_text_width}
        return {space: np.zeros((0, widths[space]), np.float32) for space in SPACES[modality]}

    def _named(self) -> str:
        return self.source or type(self.model).__name__


def unit_vectors(vectors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """float [N, D] by space -> float32 [N, D] of length 1."""
    unit = {}
    for space, values in vectors.items():
        values = np.asarray(values, np.float64)
        lengths = np.linalg.norm(values, axis=-1, keepdims=True)
        if not np.isfinite(values).all() or (lengths == 0).any():
            raise ValueError(
                f"Embeddings must be finite and have a direction. Received: NaN, infinity or nothing but "
                f"zeros in {space!r}. The weights are broken; look at the run's journal."
            )
        unit[space] = (values / lengths).astype(np.float32)
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


def _numpy(values) -> np.ndarray:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(values), np.float32)
