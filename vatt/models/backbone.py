"""An embedder and an encoder: from one modality's input to features."""

import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.feed_forward import ACTIVATIONS


@keras.saving.register_keras_serializable("vatt")
class Backbone(Configured, keras.layers.Layer):
    """embed → encode → (project), then split off AGG.

    Args:
        embedder: `PatchEmbedder` or `WordEmbedder`.
        encoder: `Encoder`; several backbones may hold the same one (modality-agnostic, paper 3).
        projection_width: features of a gelu projection of every output token (modality-agnostic release), 0
            for none.

    Input: what the embedder takes, with `kept` where the host chose the patches. Output:
    (pooled [B, D], tokens [B, N, D]); `pooled` is AGG's output or, where the embedder has no AGG (T5), the
    mean over the words that are no padding.
    """

    def __init__(self, *, embedder, encoder, projection_width=0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.embedder = embedder
        self.encoder = encoder
        self.projection_width = projection_width
        self.projection = None
        if projection_width:
            self.projection = keras.layers.Dense(projection_width, name="projection", dtype=dtype)

    @property
    def width(self):
        """Features of the outputs, D."""
        return self.projection_width or self.encoder.size.width

    def build(self, input_shape=None):
        self.embedder.build()
        if not self.encoder.built:
            self.encoder.build()
        if self.projection is not None:
            self.projection.build((None, None, self.encoder.size.width))

    def call(self, inputs, training=False, kept=None):
        chosen = {} if kept is None else {"kept": kept}
        embedded = self.embedder(inputs, training=training, **chosen)
        tokens, words = embedded if isinstance(embedded, tuple) else (embedded, None)
        encoded = self.encoder(tokens, words=words, training=training)
        if self.projection is not None:
            encoded = ACTIVATIONS["gelu"][0](self.projection(encoded))
        if getattr(self.embedder, "aggregate", None):
            return encoded[:, 0], encoded[:, 1:]
        weights = ops.cast(words, encoded.dtype)[:, :, None]
        pooled = ops.sum(encoded * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)
        return pooled, encoded
