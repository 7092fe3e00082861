"""VATT: towers for video, audio and text, and the common spaces that they meet in (paper 3, Figure 1)."""

import dataclasses
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured
from vatt.models.common_spaces import CommonSpaces
from vatt.models.latent_prediction import LatentPrediction
from vatt.models.tower import Tower
from vatt.spec import (
    AUDIO,
    AUDIO_VISUAL,
    DRAW_KEY,
    KEPT,
    MASKS,
    MODALITIES,
    TEXT,
    VIDEO,
    VIDEO_AUDIO,
    VIDEO_TEXT,
    PatchesRead,
)

_SEED_STRIDE = 7919  # between the seeds of two modalities, whose rows must not share their draws


@gin.register
@keras.saving.register_keras_serializable("vatt")
class VATT(Configured, keras.Model):
    """One `Tower` or `ConvTower` for each modality, and the `CommonSpaces`.

    Modality-specific are towers with an encoder each; modality-agnostic are towers that hold one encoder
    (paper 3; `vatt.models.agnostic`). What is left out is not there: `VATT(video=…, text=…, spaces=…)` is a
    model of two modalities, `VATT(text=…)` an encoder of sentences.

    Args:
        video, audio, text: `Tower` of each modality, or None.
        spaces: `CommonSpaces`; None gives features alone.
        prediction: `LatentPrediction`, in training alone; None disables it.

    Input: a dict of any subset of: video float [B, T, H, W, 3] in [-1, 1]; audio float [B, S] or [B, S, 1];
        text int32 [B', L]; of video or audio instead patches that the host chose, [B, N, values of a patch],
        and their places by `vatt.spec.KEPT`, int32 [B, N]; masks in {0, 1}, video_mask [B], audio_mask [B],
        text_mask [B'], which tell batch normalisation what rows exist; draw_key: int32 [B, 2], see
        `vatt.layers.draws`; where B' = K·B, row i·K + k of the text belongs to example i.
    Output: a flat dict: "<modality>/pooled" [B, D], "<modality>/tokens" [B, N, D] and, not normalised, in the
        common spaces (Eq. 3): "video/video_audio", "audio/video_audio" [B, d_va], "video/video_text",
        "audio/video_text" (the audio's video-audio embedding sent through g_v→vt), "text/video_text"
        [B', d_vt]; with `CommonSpaces.all_pairs` and both modalities "audio_visual/video_text" [B, d_vt].
        With `prediction`, in training, "<modality>/predicted" and "<modality>/target" [B, dropped, D].
    """

    def __init__(
        self,
        *,
        video: Tower | None = None,
        audio: Tower | None = None,
        text: Tower | None = None,
        spaces: CommonSpaces | None = None,
        prediction: LatentPrediction | None = None,
        name: str = "vatt",
        dtype: Any = None,
    ) -> None:
        # Each part casts what it is given; cast here, a waveform would reach a spectrogram in bfloat16.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.video, self.audio, self.text = video, audio, text
        self.spaces = spaces
        self.prediction = prediction
        if not self.towers:
            raise ValueError("A VATT must have at least one tower. Received: none of video, audio, text.")
        for modality, tower in self.towers.items():
            if not tower.built:
                tower.name = modality  # the weights' paths say whose they are
        self.build()

    @property
    def towers(self) -> dict[str, Tower]:
        """`Tower` by modality, of those that are there."""
        towers = {VIDEO: self.video, AUDIO: self.audio, TEXT: self.text}
        return {modality: tower for modality, tower in towers.items() if tower is not None}

    @property
    def shares_encoder(self) -> bool:
        """Whether one encoder reads all modalities (modality-agnostic)."""
        return len(self.towers) > 1 and len({id(tower.encoder) for tower in self.towers.values()}) == 1

    @property
    def mixes_rows(self) -> bool:
        """Whether, in training, a tower makes something else of a row in another batch."""
        return any(tower.mixes_rows for tower in self.towers.values())

    def build(self, input_shape: Any = None) -> None:
        if self.shares_encoder:  # first: built inside a tower, its weights would carry that modality's name
            encoder = next(iter(self.towers.values())).encoder
            if not encoder.built:
                encoder.build()
        for tower in self.towers.values():
            if not tower.built:  # one that was built, and trained, in another model stays as it is
                tower.build()
        if self.spaces is not None:
            self.spaces.build({modality: tower.width for modality, tower in self.towers.items()})
        if self.prediction is not None:
            self.prediction.build_for(self.towers)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.shares_encoder:  # it is described once, in the first tower
            for modality in list(self.towers)[1:]:
                described = keras.saving.serialize_keras_object(config[modality])
                described["config"]["encoder"] = None
                config[modality] = described
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "VATT":
        parts = cls.restored(config)
        first, *others = (parts[modality] for modality in MODALITIES if parts[modality] is not None)
        for tower in others:
            tower.encoder = tower.encoder or first.encoder
        return cls(**parts)

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        if not training or self.prediction is None:
            features = self.encode(inputs, training=training)
            return features | self.project(features, inputs, training=training)
        cut = self.prediction.cut(self.towers, inputs, lambda modality: self._draw_key(inputs, modality))
        features = self.encode({**inputs, **self.prediction.kept_of(cut)}, training=True)
        outputs = features | self.project(features, inputs, training=True)
        return outputs | self.prediction.predicted(self.towers, cut, features)

    def encode(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Features alone, "<modality>/pooled" and "<modality>/tokens"; unless `mixes_rows`, no row of them
        depends on another.
        """
        present = [modality for modality in self.towers if inputs.get(modality) is not None]
        if not present:
            raise ValueError(
                f"The inputs must hold at least one of {tuple(self.towers)}. Received: keys {tuple(inputs)}."
            )
        outputs = {}
        for modality in present:
            with draws.keyed(self._draw_key(inputs, modality)):
                rows = inputs.get(MASKS[modality])
                kept = inputs.get(KEPT[modality]) if modality in KEPT else None
                chosen = {} if kept is None else {"kept": kept}
                pooled, tokens = self.towers[modality](
                    inputs[modality], rows=rows, training=training, **chosen
                )
            outputs[f"{modality}/pooled"] = pooled
            outputs[f"{modality}/tokens"] = tokens
        return outputs

    def patches_read(self) -> dict[str, PatchesRead]:
        """By modality, what training reads of a signal, where a host may leave out the rest."""
        if self.prediction is not None:
            return {}  # a teacher reads all
        found = {modality: tower.patches_read for modality, tower in self.towers.items()}
        return {
            modality: dataclasses.replace(read, seed_offset=_seed_offset(modality))
            for modality, read in found.items()
            if read is not None
        }

    def project(
        self, features: dict[str, Any], masks: dict[str, Any] | None = None, training: bool = False
    ) -> dict[str, Any]:
        """The common-space outputs for "<modality>/pooled" features; `masks` may hold the inputs' masks and
        their `draw_key`.
        """
        if self.spaces is None:
            return {}
        masks = masks or {}
        mask = {modality: masks.get(name) for modality, name in MASKS.items()}
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
            outputs[f"{AUDIO}/{VIDEO_TEXT}"] = self.spaces.audio_to_video_text(
                embedding, mask[AUDIO], training
            )
        if self.spaces.joins(each for each in (VIDEO, AUDIO) if f"{each}/pooled" in features):
            with draws.keyed(masks.get(DRAW_KEY)):
                outputs[f"{AUDIO_VISUAL}/{VIDEO_TEXT}"] = self.spaces.joint_to_video_text(
                    outputs[f"{VIDEO}/{VIDEO_AUDIO}"],
                    outputs[f"{AUDIO}/{VIDEO_AUDIO}"],
                    mask[VIDEO],
                    mask[AUDIO],
                    training,
                )
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
        seed = key[:, 0] + _seed_offset(modality)
        example = key[:, 1]
        if modality == TEXT:
            rows, examples = inputs[TEXT].shape[0], key.shape[0]
            candidates = rows // examples
            seed = ops.repeat(seed, candidates) + 104_729 * (ops.arange(rows, dtype="int32") % candidates)
            example = ops.repeat(example, candidates)
        return ops.stack([seed, example], axis=1)


def _seed_offset(modality):
    return _SEED_STRIDE * MODALITIES.index(modality)
