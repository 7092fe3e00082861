"""A tower with a linear classifier on its AGG output: fine-tuning on video, audio or images (paper 4.2,
A.2.5, A.3).
"""

import math
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured
from vatt.layers.dropout import Dropout
from vatt.models.tower import Tower
from vatt.protocols import Outputs, Tensor
from vatt.spec import AUDIO, DRAW_KEY, MASKS, VIDEO

IMAGE = "image"
SPECTROGRAM = "spectrogram"
MODALITIES = (VIDEO, AUDIO, SPECTROGRAM, IMAGE)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class Classifier(Configured, keras.Model):
    """Tower → dropout on AGG's output → dense to classes.

    Args:
        tower: `Tower` or `ConvTower`.
        classes: number of classes, C.
        modality: what the tower reads: "video", "audio", "spectrogram" (made elsewhere) or "image".
        head_dropout_rate: dropout on AGG's output (release: 0.5 for video and images, 0 for audio).
        views: in evaluation, the logits of this many consecutive rows, the views of one clip, are averaged.

    Input: a dict with the modality's signal, float in [-1, 1]: video [B, T, H, W, 3], audio
        [B, S] or [B, S, 1], spectrogram [B, T, F] or [B, T, F, 1], image [B, H, W, 3], which is repeated over
        a temporal patch, or in its place a video of that one frame, as batches hold it. `draw_key` as in
        `VATT`.
    Output: a dict: "logits" float32 [B, C], in evaluation [B / views, C]; "<modality>/pooled" [B, D];
        "<modality>/tokens" [B, N, D].
    """

    def __init__(
        self,
        *,
        tower: Tower,
        classes: int,
        modality: str = VIDEO,
        head_dropout_rate: float = 0.0,
        views: int = 1,
        name: str = "classifier",
        dtype: Any = None,
    ):
        # Each part casts what it is given; cast here, a waveform would reach a spectrogram in bfloat16.
        super().__init__(name=name, dtype=dtype, autocast=False)
        if modality not in MODALITIES:
            raise ValueError(f"`modality` must be one of {MODALITIES}. Received: modality={modality!r}.")
        if classes < 2:
            raise ValueError(f"`classes` must be at least 2. Received: classes={classes}.")
        if views < 1:
            raise ValueError(f"`views` must be at least 1. Received: views={views}.")
        self.tower = tower
        self.classes = classes
        self.modality = modality
        self.head_dropout_rate = head_dropout_rate
        self.views = views
        self.dropout = Dropout(head_dropout_rate, name="dropout")
        visual = modality in (VIDEO, IMAGE)
        self.head = keras.layers.Dense(
            classes,
            kernel_initializer="glorot_normal" if visual else "glorot_uniform",
            # Audio clips carry several labels, each rare: sigmoid(-ln(C − 1)) = 1 / C starts them at that
            # chance.
            bias_initializer="zeros" if visual else keras.initializers.Constant(-math.log(classes - 1)),
            name="head",
            dtype="float32",
        )
        self.build()

    @property
    def towers(self) -> dict:
        """The `Tower` by the modality that it was made for: an image is a video of one frame."""
        return {VIDEO if self.modality == IMAGE else self.modality: self.tower}

    @property
    def mixes_rows(self) -> bool:
        """Whether, in training, what becomes of a row depends on the others of its batch."""
        return self.tower.mixes_rows

    def build(self, input_shape: Any = None) -> None:
        if not self.tower.built:
            self.tower.build()
        self.dropout.build()
        self.head.build((None, self.tower.width))

    def call(self, inputs: Tensor, training: bool = False) -> Outputs:
        with draws.keyed(inputs.get(DRAW_KEY)):
            rows = inputs.get(MASKS.get(self.modality))
            pooled, tokens = self.tower(self._signal(inputs), rows=rows, training=training)
            logits = self.head(self.dropout(pooled, training=training))
        if self.views > 1 and not training:
            logits = self._over_views(logits)
        return {"logits": logits, f"{self.modality}/pooled": pooled, f"{self.modality}/tokens": tokens}

    def _signal(self, inputs):
        """What the tower is given."""
        signal = inputs.get(self.modality)
        if self.modality == IMAGE:
            frames = inputs.get(VIDEO) if signal is None else signal[:, None]
            if frames is not None and frames.shape[1] != 1:
                raise ValueError(
                    f"An image is a clip of one frame. Received: {VIDEO} of shape {tuple(frames.shape)}. "
                    "Set `ClipSpec.frames = 1`, or `modality = 'video'`."
                )
            signal = None if frames is None else ops.repeat(frames, self.tower.image_frames, axis=1)
        if signal is None:
            raise ValueError(f"The inputs must hold {self.modality!r}. Received: keys {tuple(inputs)}.")
        return signal

    def _over_views(self, logits):
        rows = logits.shape[0]
        if rows is not None and rows % self.views:
            raise ValueError(
                f"In evaluation `views` must divide the batch. Received: views={self.views}, batch of "
                f"{rows}. Give all views of a clip in consecutive rows, or set `views` to 1."
            )
        return ops.mean(ops.reshape(logits, (-1, self.views, self.classes)), axis=1)
