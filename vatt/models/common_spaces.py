"""Projection heads into the two common spaces (paper 3.3, Eq. 3, A.2.3)."""

import gin
import keras
from keras import ops

from vatt.layers.batch_norm import GlobalBatchNorm
from vatt.layers.configured import Configured
from vatt.protocols import Tensor
from vatt.spec import AUDIO, TEXT, VIDEO, VIDEO_AUDIO, VIDEO_TEXT

FORMS = ("paper", "released")


@gin.register
@keras.saving.register_keras_serializable("vatt")
class CommonSpaces(Configured, keras.layers.Layer):
    """Video and audio meet in the video-audio space; video, from there, and text in the video-text space.

    Args:
        video_audio_width: features of the video-audio space, d_va; also of the hidden layer of g_v→va.
        video_text_width: features of the video-text space, d_vt.
        form: "paper": every linear map without bias and followed by batch normalisation, ReLU only inside
            g_v→va. "released": no batch normalisation but a bias on audio and text, and a ReLU in front of
            g_v→vt.

    `build(widths)` makes the maps of the modalities that are there: a dict of the features of their pooled
    vectors. The methods take [B, width] and give [B, common width], not normalised; `rows` [B] tells
    which of them exist.
    """

    def __init__(
        self,
        *,
        video_audio_width: int = 512,
        video_text_width: int = 256,
        form: str = "paper",
        name: str = "spaces",
        dtype: str = "float32",  # cosines divided by τ = 0.07 leave no room for bfloat16's three digits
    ):
        super().__init__(name=name, dtype=dtype)
        if form not in FORMS:
            raise ValueError(f"`form` must be one of {FORMS}. Received: form={form!r}.")
        self.video_audio_width = video_audio_width
        self.video_text_width = video_text_width
        self.form = form

    @property
    def widths(self) -> dict[str, int]:
        """Features of each space by its name."""
        return {VIDEO_AUDIO: self.video_audio_width, VIDEO_TEXT: self.video_text_width}

    def build(self, widths: dict[str, int]) -> None:
        common, text_common, paper = self.video_audio_width, self.video_text_width, self.form == "paper"
        if VIDEO in widths:
            self.video_hidden = self._linear("video_hidden", widths[VIDEO], common)
            self.video_hidden_norm = self._norm("video_hidden_norm", common)
            self.video_output = self._linear("video_output", common, common)
            self.video_output_norm = self._norm("video_output_norm", common)
        if VIDEO in widths or AUDIO in widths:
            self.bridge = self._linear("bridge", common, text_common)
            self.bridge_norm = self._norm("bridge_norm", text_common)
        if AUDIO in widths:
            self.audio = self._linear("audio", widths[AUDIO], common, use_bias=not paper)
            self.audio_norm = self._norm("audio_norm", common) if paper else None
        if TEXT in widths:
            self.text = self._linear("text", widths[TEXT], text_common, use_bias=not paper)
            self.text_norm = self._norm("text_norm", text_common) if paper else None

    def _linear(self, name, inputs, outputs, use_bias=False):
        layer = keras.layers.Dense(outputs, use_bias=use_bias, name=name, dtype=self.dtype_policy)
        layer.build((None, inputs))
        return layer

    def _norm(self, name, width):
        layer = GlobalBatchNorm(width=width, name=name, dtype=self.dtype_policy)
        layer.build()
        return layer

    def video_to_video_audio(
        self, pooled: Tensor, rows: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """g_v→va, two layers."""
        hidden = self.video_hidden_norm(self.video_hidden(pooled), rows=rows, training=training)
        return self.video_output_norm(self.video_output(ops.relu(hidden)), rows=rows, training=training)

    def video_audio_to_video_text(
        self, embedding: Tensor, rows: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """g_v→vt, from the video-audio space, where an audio clip's embedding lives too."""
        if self.form == "released":
            embedding = ops.relu(embedding)
        return self.bridge_norm(self.bridge(embedding), rows=rows, training=training)

    def audio_to_video_audio(
        self, pooled: Tensor, rows: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """g_a→va."""
        embedding = self.audio(pooled)
        if self.audio_norm is None:
            return embedding
        return self.audio_norm(embedding, rows=rows, training=training)

    def text_to_video_text(
        self, pooled: Tensor, rows: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """g_t→vt."""
        embedding = self.text(pooled)
        if self.text_norm is None:
            return embedding
        return self.text_norm(embedding, rows=rows, training=training)
