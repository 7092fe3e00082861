"""A backbone on its own as a model that can be saved, loaded and called: a T5 encoder, an image ViT made for
video.
"""

import keras

from vatt.layers import draws
from vatt.layers.configured import Configured
from vatt.models.multimodal import DRAW_KEY
from vatt.spec import MODALITIES


@keras.saving.register_keras_serializable("vatt")
class Unimodal(Configured, keras.Model):
    """One encoder without heads; inputs and outputs are those of `MultimodalModel` for its modality.

    Args:
        backbone: `Backbone`, which gives the features.
        modality: "video", "audio" or "text".

    Input: a dict with the modality's signal; `draw_key` as in `MultimodalModel`, other keys are ignored.
    Output: a dict: "<modality>/pooled" [B, D], "<modality>/tokens" [B, N, D].
    """

    def __init__(self, *, backbone, modality, name="unimodal", dtype=None):
        super().__init__(name=name, dtype=dtype)
        if modality not in MODALITIES:
            raise ValueError(f"`modality` must be one of {MODALITIES}. Received: modality={modality!r}.")
        self.backbone = backbone
        self.modality = modality
        self.build()

    def build(self, input_shape=None):
        if not self.backbone.built:
            self.backbone.build()

    def call(self, inputs, training=False):
        signal = inputs.get(self.modality)
        if signal is None:
            raise ValueError(f"The inputs must hold {self.modality!r}. Received: keys {tuple(inputs)}.")
        with draws.keyed(inputs.get(DRAW_KEY)):
            pooled, tokens = self.backbone(signal, training=training)
        return {f"{self.modality}/pooled": pooled, f"{self.modality}/tokens": tokens}
