"""Projection heads into the two common spaces (paper 3.3, Eq. 3, A.2.3)."""

import keras
from keras import ops

from vatt.layers.batch_norm import GlobalBatchNorm
from vatt.layers.configured import Configured

FORMS = ("paper", "released")


@keras.saving.register_keras_serializable("vatt")
class CommonSpaces(Configured, keras.layers.Layer):
    """Video and audio meet in the video-audio space; video, from there, and text in the video-text space.

    Args:
        video_width, audio_width, text_width: features of the pooled vectors.
        video_audio_width: features of the video-audio space, d_va; also of the hidden layer of g_v→va.
        video_text_width: features of the video-text space, d_vt.
        form: "paper": every linear map without bias and followed by batch normalisation, ReLU only inside
            g_v→va. "released": no batch normalisation but a bias on audio and text, and a ReLU in front of
            g_v→vt.

    The methods take [B, width] and give [B, common width], not normalised; `rows` [B] tells which of them
    exist.
    """

    def __init__(
        self,
        *,
        video_width,
        audio_width,
        text_width,
        video_audio_width=512,
        video_text_width=256,
        form="paper",
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        if form not in FORMS:
            raise ValueError(f"`form` must be one of {FORMS}. Received: form={form!r}.")
        self.video_width = video_width
        self.audio_width = audio_width
        self.text_width = text_width
        self.video_audio_width = video_audio_width
        self.video_text_width = video_text_width
        self.form = form
        paper = form == "paper"

        def linear(width, name, use_bias=False):
            return keras.layers.Dense(width, use_bias=use_bias, name=name, dtype=dtype)

        def norm(width, name):
            return GlobalBatchNorm(width=width, name=name, dtype=dtype)

        self.video_hidden = linear(video_audio_width, "video_hidden")
        self.video_hidden_norm = norm(video_audio_width, "video_hidden_norm")
        self.video_output = linear(video_audio_width, "video_output")
        self.video_output_norm = norm(video_audio_width, "video_output_norm")
        self.bridge = linear(video_text_width, "bridge")
        self.bridge_norm = norm(video_text_width, "bridge_norm")
        self.audio = linear(video_audio_width, "audio", use_bias=not paper)
        self.audio_norm = norm(video_audio_width, "audio_norm") if paper else None
        self.text = linear(video_text_width, "text", use_bias=not paper)
        self.text_norm = norm(video_text_width, "text_norm") if paper else None

    def build(self, input_shape=None):
        self.video_hidden.build((None, self.video_width))
        self.video_output.build((None, self.video_audio_width))
        self.bridge.build((None, self.video_audio_width))
        self.audio.build((None, self.audio_width))
        self.text.build((None, self.text_width))
        norms = (
            self.video_hidden_norm,
            self.video_output_norm,
            self.bridge_norm,
            self.audio_norm,
            self.text_norm,
        )
        for layer in norms:
            if layer is not None:
                layer.build()

    def video_to_video_audio(self, pooled, rows=None, training=False):
        """g_v→va, two layers."""
        hidden = self.video_hidden_norm(self.video_hidden(pooled), rows=rows, training=training)
        return self.video_output_norm(self.video_output(ops.relu(hidden)), rows=rows, training=training)

    def video_audio_to_video_text(self, embedding, rows=None, training=False):
        """g_v→vt, from the video-audio space, where a sound's embedding lives too."""
        if self.form == "released":
            embedding = ops.relu(embedding)
        return self.bridge_norm(self.bridge(embedding), rows=rows, training=training)

    def audio_to_video_audio(self, pooled, rows=None, training=False):
        """g_a→va."""
        embedding = self.audio(pooled)
        if self.audio_norm is None:
            return embedding
        return self.audio_norm(embedding, rows=rows, training=training)

    def text_to_video_text(self, pooled, rows=None, training=False):
        """g_t→vt."""
        embedding = self.text(pooled)
        if self.text_norm is None:
            return embedding
        return self.text_norm(embedding, rows=rows, training=training)
