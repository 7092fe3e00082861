"""Projection heads into the two common spaces (paper 3.3, Eq. 3, A.2.3)."""

from collections.abc import Iterable

import gin
import keras
from keras import ops

from vatt.layers import draws
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
        all_pairs: whether audio, and video and audio together, have linear maps of their own from the
            video-audio space to the video-text space, with batch normalisation. Our addition, for losses that
            compare them with text (`vatt.losses.pairs`).
        modality_dropout: share of the clips with both whose video or audio, each as often, the joint map does
            not receive in training; so that it serves clips of one of them.

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
        all_pairs: bool = False,
        modality_dropout: float = 0.0,
        name: str = "spaces",
        dtype: str = "float32",  # cosines divided by τ = 0.07 leave no room for bfloat16's three digits
    ):
        super().__init__(name=name, dtype=dtype)
        if form not in FORMS:
            raise ValueError(f"`form` must be one of {FORMS}. Received: form={form!r}.")
        if not 0 <= modality_dropout < 1 or (modality_dropout and not all_pairs):
            raise ValueError(
                "`modality_dropout` must be in [0, 1), and is of the joint map, which `all_pairs=True` makes."
                f" Received: modality_dropout={modality_dropout}, all_pairs={all_pairs}."
            )
        self.video_audio_width = video_audio_width
        self.video_text_width = video_text_width
        self.form = form
        self.all_pairs = all_pairs
        self.modality_dropout = modality_dropout

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
        if self.all_pairs and AUDIO in widths:
            self.audio_bridge = self._linear("audio_bridge", common, text_common)
            self.audio_bridge_norm = self._norm("audio_bridge_norm", text_common)
        if self.joins(widths):
            self.joint = self._linear("joint", 2 * common, text_common)
            self.joint_norm = self._norm("joint_norm", text_common)
        self._salt = draws.salt_of(self)

    def joins(self, modalities: Iterable[str]) -> bool:
        """Whether it has a joint embedding of these modalities."""
        return self.all_pairs and {VIDEO, AUDIO} <= set(modalities)

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

    def audio_to_video_text(
        self, embedding: Tensor, rows: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """g_a→vt with `all_pairs`, from the video-audio space; else g_v→vt with what it learned of video, as
        no objective of the paper trains this output."""
        if not self.all_pairs:
            return self.video_audio_to_video_text(embedding)
        return self.audio_bridge_norm(self.audio_bridge(embedding), rows=rows, training=training)

    def joint_to_video_text(
        self,
        video: Tensor,
        audio: Tensor,
        video_rows: Tensor | None = None,
        audio_rows: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """g_av→vt, of a clip's embeddings in the video-audio space; of one, where the other is missing."""
        video_there, audio_there = (
            ops.ones((ops.shape(video)[0], 1)) if rows is None else ops.cast(rows[:, None], "float32")
            for rows in (video_rows, audio_rows)
        )
        rows = ops.maximum(video_there, audio_there)[:, 0]
        if training and self.modality_dropout:
            draw = draws.uniform((ops.shape(video)[0], 1), salt=self._salt)
            both, half = video_there * audio_there, self.modality_dropout / 2
            video_there = video_there - both * ops.cast(draw < half, "float32")
            audio_there = audio_there - both * ops.cast(draw >= 1 - half, "float32")
        together = ops.concatenate([video * video_there, audio * audio_there], axis=-1)
        return self.joint_norm(self.joint(together), rows=rows, training=training)

    def text_to_video_text(
        self, pooled: Tensor, rows: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """g_t→vt."""
        embedding = self.text(pooled)
        if self.text_norm is None:
            return embedding
        return self.text_norm(embedding, rows=rows, training=training)
