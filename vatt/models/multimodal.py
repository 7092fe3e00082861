"""What every VATT does once its parts exist: encode whichever modalities came, and map them into the common
spaces.
"""

import functools
import math

import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured
from vatt.layers.drop_token import tokens_kept
from vatt.models.heads import CommonSpaces
from vatt.models.parts import signal_embedder, signal_kind
from vatt.spec import (
    AUDIO,
    AUDIO_MASK,
    KEPT,
    MODALITIES,
    TEXT,
    TEXT_MASK,
    VIDEO,
    VIDEO_AUDIO,
    VIDEO_MASK,
    VIDEO_TEXT,
    PatchesRead,
)

DRAW_KEY = "draw_key"  # int32 [B, 2]: (seed, example); see layers/draws.py
_MASKS = {VIDEO: VIDEO_MASK, AUDIO: AUDIO_MASK, TEXT: TEXT_MASK}


class MultimodalModel(Configured, keras.Model):
    """Base of the modality-specific and the modality-agnostic model.

    A subclass keeps its arguments, of which those of `VATT` that say what a signal and a space are belong to
    both models, and sets `video`, `audio`, `text` (each a `Backbone`) and `spaces` (`CommonSpaces`).

    Input: a dict with any subset of
        video: float32 [B, T, H, W, 3] in [-1, 1];
        audio: float32 [B, S] or [B, S, 1] in [-1, 1];
        text: int32 [B', L], B' may differ from B;
        video_mask [B], audio_mask [B], text_mask [B']: which rows exist, for the heads' statistics in
        training;
        video_kept, audio_kept: int32 [B, K], where the host chose the patches: the signal is
        [B, K, values of a patch] then;
        draw_key: int32 [B, 2], see `vatt.layers.draws`; where B' = K·B, row i·K + k of the text belongs to
            example i.
    Output: a flat dict: "<modality>/pooled" [B, D], "<modality>/tokens" [B, N, D] and, not normalised, in the
        common spaces (Eq. 3): "video/video_audio", "audio/video_audio" [B, d_va], "video/video_text",
        "audio/video_text" (the sound's video-audio embedding sent through g_v→vt),
        "text/video_text" [B', d_vt].
    """

    def __init__(self, *, name, dtype):
        # Each part casts what it is given; cast here, the waveform would reach `spectrogram` in bfloat16.
        super().__init__(name=name, dtype=dtype, autocast=False)

    def _signal_embedder(self, modality, **options):
        """`PatchEmbedder` of video or audio as the model's arguments say; `options` are its other ones."""
        return signal_embedder(
            signal_kind(modality, self.spectrogram),
            patch=getattr(self, f"{modality}_patch"),
            grid=getattr(self, f"{modality}_grid"),
            edge=self.edge,
            normalise_positions=self.normalise_positions,
            position_dropout_rate=self.dropout_rate,
            drop_token_rate=self.drop_token_rate,
            drop_token_pattern=self.drop_token_pattern,
            **options,
        )

    def _common_spaces(self):
        """The heads on the three backbones."""
        return CommonSpaces(
            video_width=self.video.width,
            audio_width=self.audio.width,
            text_width=self.text.width,
            video_audio_width=self.video_audio_width,
            video_text_width=self.video_text_width,
            form=self.heads,
            name="spaces",
            dtype="float32",  # cosines divided by τ = 0.07 leave no room for bfloat16's three digits
        )

    def call(self, inputs, training=False):
        features = self.encode(inputs, training=training)
        return features | self.project(features, inputs, training=training)

    def encode(self, inputs, training=False):
        """Features alone, "<modality>/pooled" and "<modality>/tokens"; no row of them depends on another."""
        present = [modality for modality in MODALITIES if inputs.get(modality) is not None]
        if not present:
            raise ValueError(
                f"The inputs must hold at least one of {MODALITIES}. Received: keys {tuple(inputs)}."
            )
        outputs = {}
        for modality in present:
            key = self._draw_key(inputs, modality)
            signal = inputs[modality]
            if modality == AUDIO and self.spectrogram is not None:
                signal = self.spectrogram(signal)
            chosen = {"kept": inputs[KEPT[modality]]} if KEPT.get(modality) in inputs else {}
            with draws.keyed(key):
                pooled, tokens = getattr(self, modality)(signal, training=training, **chosen)
            outputs[f"{modality}/pooled"] = pooled
            outputs[f"{modality}/tokens"] = tokens
        return outputs

    def patches_read(self) -> dict[str, PatchesRead]:
        """What training reads of each signal, by modality, for a host that sends nothing else."""
        read = {}
        for modality in (VIDEO, AUDIO):
            embedder = getattr(self, modality).embedder
            if modality == AUDIO and self.spectrogram is not None:
                continue  # made on the device, of the whole waveform
            if not embedder.drop_token_rate:
                continue
            if embedder.drop_token_pattern != "per_sample":
                raise ValueError(
                    "The host chooses the patches of one clip at a time. Received: drop_token_pattern="
                    f"{embedder.drop_token_pattern!r}, which is one pattern for a batch. Use "
                    "'per_sample', or leave `host_drop_token` out."
                )
            read[modality] = PatchesRead(
                patch=embedder.patch,
                grid=embedder.grid,
                pads=embedder.edge == "pad",
                count=tokens_kept(math.prod(embedder.grid), embedder.drop_token_rate),
                choose=functools.partial(self._kept_by, modality),
            )
        return read

    def _kept_by(self, modality, draw_key):
        return getattr(self, modality).embedder.kept_by(self._draw_key({DRAW_KEY: draw_key}, modality))

    def project(self, features, masks=None, training=False):
        """The common-space outputs for "<modality>/pooled" features; `masks` may hold the inputs' masks."""
        masks = masks or {}
        mask = {modality: masks.get(name) for modality, name in _MASKS.items()}
        outputs = {}
        if f"{VIDEO}/pooled" in features:
            embedding = self.spaces.video_to_video_audio(features[f"{VIDEO}/pooled"], mask[VIDEO], training)
            outputs[f"{VIDEO}/{VIDEO_AUDIO}"] = embedding
            outputs[f"{VIDEO}/{VIDEO_TEXT}"] = self.spaces.video_audio_to_video_text(
                embedding, mask[VIDEO], training
            )
        if f"{AUDIO}/pooled" in features:
            embedding = self.spaces.audio_to_video_audio(features[f"{AUDIO}/pooled"], mask[AUDIO], training)
            outputs[f"{AUDIO}/{VIDEO_AUDIO}"] = embedding
            # No objective trains this output: the bridge's statistics and weights are learned from video
            # alone.
            outputs[f"{AUDIO}/{VIDEO_TEXT}"] = self.spaces.video_audio_to_video_text(embedding)
        if f"{TEXT}/pooled" in features:
            outputs[f"{TEXT}/{VIDEO_TEXT}"] = self.spaces.text_to_video_text(
                features[f"{TEXT}/pooled"], mask[TEXT], training
            )
        return outputs

    def _draw_key(self, inputs, modality):
        """Another key per modality and candidate, so that no two rows share their draws."""
        key = inputs.get(DRAW_KEY)
        if key is None:
            return None
        seed = key[:, 0] + 7919 * MODALITIES.index(modality)
        example = key[:, 1]
        if modality == TEXT:
            rows, examples = inputs[TEXT].shape[0], key.shape[0]
            candidates = rows // examples
            seed = ops.repeat(seed, candidates) + 104_729 * (ops.arange(rows, dtype="int32") % candidates)
            example = ops.repeat(example, candidates)
        return ops.stack([seed, example], axis=1)
