"""A trained model with the preprocessing of raw media: video, audio and sentences to vectors.

It computes what the trainer's evaluators compute, by their own inference call: `vatt.evals` averages the
windows of a clip before it normalises, and so does this.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt.data.description import describe_inputs
from vatt.embed.inputs import checked_frames, checked_samples, word_ids
from vatt.embed.media_encoder import MediaEncoder
from vatt.protocols import Batch, Outputs
from vatt.spec import AUDIO, MODALITIES, TEXT, VIDEO, VIDEO_AUDIO, VIDEO_TEXT, ClipSpec
from vatt.unit_rows import unit_rows

# The spaces of each modality. The audio's place in the video-text space is derived: it goes there through the
# video-audio space, and no objective trained it, unless its model was made for all pairs.
SPACES = {VIDEO: (VIDEO_AUDIO, VIDEO_TEXT), AUDIO: (VIDEO_AUDIO, VIDEO_TEXT), TEXT: (VIDEO_TEXT,)}


class Embedder:
    """Raw media and sentences to unit vectors in the common spaces (paper Eq. 3).

    Args:
        clip: `ClipSpec` that it was trained with; None where nobody knows, and then it takes no raw media.
        tokenizer: what its captions were read with; None where nobody knows, and then it takes no sentences.
        source: where the model came from, for messages.

    Call: as the model: `embedder(inputs, training=False)`, see `VATT`.
    """

    def __init__(self, model: Any, *, clip: ClipSpec | None, tokenizer: Any = None, source: str | Path = ""):
        self.model = model
        self.clip = clip
        self.tokenizer = tokenizer
        self.source = str(source)

    def __call__(self, inputs: Batch, training: bool = False) -> Outputs:
        return self.model(inputs, training=training)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Of `MODALITIES`, those that it can embed."""
        trained = () if self.clip is None else self.clip.modalities
        return tuple(each for each in MODALITIES if each in trained and (each != TEXT or self.tokenizer))

    @property
    def known_clip(self) -> ClipSpec:
        """The clip, for what can not do without one."""
        if self.clip is None:
            raise ValueError(
                "Raw media need the frame rate, the sample rate and the sizes that the model was trained "
                f"with. Received: {self._named()}, which came without them. Give them: "
                "`vatt.load(PATH, clip=vatt.spec.ClipSpec(…))`; those of `ClipSpec()` are the paper's."
            )
        return self.clip

    @property
    def input_facts(self) -> dict[str, Any]:
        """What it takes, see `vatt.data.description`."""
        return describe_inputs(self.known_clip, self.tokenizer)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of the weights, of what the model takes and of the precision: what vectors depend on."""
        from vatt.evals.protocol_card import precision, weights_fingerprint

        facts = None if self.clip is None else self.input_facts
        content = [weights_fingerprint(self.model), precision(self.model), facts]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def embed_video(self, frames: Any, *, per_window: bool = False) -> dict[str, np.ndarray]:
        """Embeds video.

        Args:
            frames: uint8 [B, T, H, W, 3] or [T, H, W, 3], RGB, of any size and length, at
                `clip.frame_rate_hz` frames a second; or the path of a media file.
            per_window: each window instead of their mean.

        Returns:
            space -> float32 [B, D] of length 1: the mean of the windows (`vatt.embed.windows`), normalised.
            Per window float32 [B, N, D], each of length 1, and "start_seconds" and "end_seconds" float64 [N].
        """
        return self._embed(VIDEO, frames, checked_frames, per_window)

    def embed_audio(self, samples: Any, *, per_window: bool = False) -> dict[str, np.ndarray]:
        """Embeds audio, in the same way.

        Args:
            samples: float32 [B, S] or [S] in [-1, 1], one channel of any length, at `clip.sample_rate_hz`;
                or the path of a media file. Digital silence gives vectors too, which mean nothing.
        """
        return self._embed(AUDIO, samples, checked_samples, per_window)

    def embed_text(self, sentences: Sequence[str]) -> dict[str, np.ndarray]:
        """N sentences as vectors, {"video_text": float32 [N, D] of length 1}.

        A sentence of more than `clip.words` words is cut there, as captions were in training.
        """
        clip = self.known_clip
        if self.tokenizer is None:
            raise ValueError(
                f"Sentences need the word list that the model was trained with. Received: {self._named()}, "
                "which came without one. Give it: `vatt.load(PATH, vocabulary_file='WORDS.txt')`."
            )
        ids = word_ids(sentences, self.tokenizer, clip.words)
        if not len(ids):
            return {space: np.zeros((0, self.model.spaces.widths[space]), "f4") for space in SPACES[TEXT]}
        return unit_vectors(self._media_encoder.encode(TEXT, ids, outputs_of(TEXT)))

    def embed_audio_visual(self, frames: Any, samples: Any) -> dict[str, np.ndarray]:
        """Embeds clips by their video and audio together, of a run that trained this
        (`CommonSpaces.all_pairs`).

        Args:
            frames, samples: of the same clips, as `embed_video` and `embed_audio` take them.

        Returns:
            {"video_text": float32 [B, D] of length 1}, to compare with sentences: of the mean of the windows.
        """
        spaces = self.model.spaces
        if spaces is None or not spaces.joins(self.modalities):
            raise ValueError(
                "A joint embedding of video and audio needs a model that was trained with it. Received: "
                f"{self._named()}, without one. Train with experiments/overlay/all_pairs.gin, or use "
                "`embed_video` and `embed_audio`."
            )
        media = {VIDEO: (frames, checked_frames), AUDIO: (samples, checked_samples)}
        video, audio = (
            self._media_encoder.means(
                modality, self._pieces(modality, *given), {VIDEO_AUDIO: f"{modality}/{VIDEO_AUDIO}"}
            )[VIDEO_AUDIO]
            for modality, given in media.items()
        )
        if len(video) != len(audio):
            raise ValueError(
                f"Video and audio must be of the same clips. Received: {len(video)} and {len(audio)} rows."
            )
        # The map is linear: it makes of the means what would be the mean of its outputs.
        joint = spaces.joint_to_video_text(video.astype(np.float32), audio.astype(np.float32))
        return unit_vectors({VIDEO_TEXT: np.asarray(joint)})

    def similarity(self, left: Mapping | np.ndarray, right: Mapping | np.ndarray) -> np.ndarray:
        """Cosines between all pairs, float32 [N, M] in [-1, 1].

        Args:
            left, right: what `embed_…` gave, of N and of M; or float [N, D] and [M, D] of one space. Two
                results meet in the video-audio space where both have a place there, else in the video-text
                space.
        """
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            space = next((each for each in (VIDEO_AUDIO, VIDEO_TEXT) if each in left and each in right), None)
            if space is None:
                raise ValueError(
                    f"Both sides must have a place in one space. Received: {sorted(left)} and "
                    f"{sorted(right)}."
                )
            left, right = left[space], right[space]
        elif isinstance(left, Mapping) or isinstance(right, Mapping):
            raise ValueError(
                "Both sides must be results of `embed_…`, or both arrays of one space. Received: "
                f"{type(left).__name__} and {type(right).__name__}. Take the space of one out of the other."
            )
        left, right = np.asarray(left, np.float32), np.asarray(right, np.float32)
        if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
            raise ValueError(
                f"Vectors must be [N, D] and [M, D] of one space. Received: {list(left.shape)} and "
                f"{list(right.shape)}."
            )
        unit = unit_vectors({"left": left, "right": right})
        return unit["left"] @ unit["right"].T

    def _embed(self, modality: str, media: Any, check: Callable, per_window: bool) -> dict[str, np.ndarray]:
        pieces, outputs = self._pieces(modality, media, check), outputs_of(modality)
        if not per_window:
            return unit_vectors(self._media_encoder.means(modality, pieces, outputs))
        vectors, starts, ends = self._media_encoder.windows(modality, pieces, outputs)
        clip = self.known_clip
        rate = clip.frame_rate_hz if modality == VIDEO else clip.sample_rate_hz
        return unit_vectors(vectors) | {"start_seconds": starts / rate, "end_seconds": ends / rate}

    def _pieces(self, modality: str, media: Any, check: Callable) -> Iterable[np.ndarray]:
        clip = self.known_clip
        if not isinstance(media, str | Path):
            return [check(media)]
        from vatt.embed.media import pieces_of

        return (piece[np.newaxis] for piece in pieces_of(media, clip, modality))

    @functools.cached_property
    def _media_encoder(self) -> MediaEncoder:
        return MediaEncoder(self.model, self.known_clip)

    def _named(self) -> str:
        return self.source or type(self.model).__name__


def outputs_of(modality: str) -> dict[str, str]:
    """Space -> output of a `VATT`, for each space of a modality."""
    return {space: f"{modality}/{space}" for space in SPACES[modality]}


def unit_vectors(vectors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """float [..., D] by space -> float32 [..., D] of length 1."""
    unit = {}
    for space, values in vectors.items():
        values = np.asarray(values, np.float64)
        if not np.isfinite(values).all() or not values.any(axis=-1).all():
            raise ValueError(
                f"Embeddings must be finite and have a direction. Received: NaN, infinity or nothing but "
                f"zeros in {space!r}. The weights are broken; look at the run's journal."
            )
        rows = unit_rows(values.reshape(-1, values.shape[-1]), space)
        unit[space] = rows.reshape(values.shape).astype(np.float32)
    return unit
