"""What the device does to a batch before the model: pixels to [-1, 1], in training with jittered colours.

Batches travel as uint8, a quarter of float32's bytes, and colour costs the host more than everything else together;
so both happen here, inside the compiled step.
"""

import math

import gin
import keras
import numpy as np
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured

LUMA = np.array([0.299, 0.587, 0.114], "float32")  # Rec. 601, as in tf.image
_TO_YIQ = np.array([LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], "float64")
_TO_RGB = np.linalg.inv(_TO_YIQ)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class ColourJitter(Configured, keras.layers.Layer):
    """Brightness, saturation, contrast and hue, one draw per clip (paper A.2.1), then clipped to [0, 1].

    The four are composed into one 3 × 3 matrix and offset per clip. Hue turns the chroma plane of YIQ and saturation
    scales it, where `tf.image` goes through HSV: the same for greys, alike for others, at a fraction of the cost.
    Contrast is about the clip's mean colour.

    Args:
        brightness: largest shift, of a range of 1.
        saturation, contrast: factors are drawn from [1 − x, 1 + x].
        hue: largest turn, as a share of the whole circle.
        probability: share of clips jittered at all (the paper: 1; the release: 0.8).

    Input and output: [B, T, H, W, 3] float in [0, 1].
    """

    def __init__(
        self,
        *,
        brightness=32 / 255,
        saturation=0.4,
        contrast=0.4,
        hue=0.2,
        probability=1.0,
        name="colour_jitter",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.brightness = brightness
        self.saturation = saturation
        self.contrast = contrast
        self.hue = hue
        self.probability = probability

    def build(self, input_shape=None):
        self._salt = draws.salt_of(self)

    def call(self, video):
        drawn = draws.uniform((ops.shape(video)[0], 5), salt=self._salt)
        chosen = ops.cast(drawn[:, 4] < self.probability, "float32")
        signed = (2 * drawn[:, :4] - 1) * chosen[:, None]
        shift = signed[:, 0] * self.brightness
        chroma = 1 + signed[:, 1] * self.saturation
        contrast = 1 + signed[:, 2] * self.contrast
        angle = signed[:, 3] * (2 * math.pi * self.hue)
        # RGB -> YIQ, chroma turned and scaled, -> RGB; rows are output channels.
        cosine, sine, zero, one = ops.cos(angle), ops.sin(angle), ops.zeros_like(angle), ops.ones_like(angle)
        turn = ops.stack(
            [one, zero, zero, zero, chroma * cosine, -chroma * sine, zero, chroma * sine, chroma * cosine], axis=1
        )
        turn = ops.reshape(turn, (-1, 3, 3))
        matrix = ops.matmul(ops.matmul(ops.cast(_TO_RGB, "float32"), turn), ops.cast(_TO_YIQ, "float32"))
        mean = ops.mean(ops.cast(video, "float32"), axis=(1, 2, 3))  # [B, 3]
        mean = ops.squeeze(ops.matmul(matrix, (mean + shift[:, None])[:, :, None]), -1)
        matrix = matrix * contrast[:, None, None]
        offset = mean * (1 - contrast[:, None])
        offset = offset + ops.sum(matrix, axis=2) * shift[:, None]
        shape = ops.shape(video)
        pixels = ops.reshape(video, (shape[0], -1, 3))
        matrix = ops.cast(ops.transpose(matrix, (0, 2, 1)), video.dtype)
        jittered = ops.matmul(pixels, matrix) + ops.cast(offset, video.dtype)[:, None, :]
        return ops.reshape(ops.clip(jittered, 0.0, 1.0), shape)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class DeviceInputs(Configured, keras.layers.Layer):
    """A batch of `vatt.spec` as inputs of a model.

    Args:
        colour: a `ColourJitter` applied in training, or None.

    Input: a batch; `draw_key` int32 [B, 2] may be in it. Output: the same dict with video as float [B, T, H, W, 3] in
    [-1, 1], text as [B · K, L] and text_mask as [B · K].
    """

    def __init__(self, *, colour=None, name="device_inputs", dtype=None):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.colour = colour

    def build(self, input_shape=None):
        if self.colour is not None:
            self.colour.build()

    def call(self, batch, training=False):
        inputs = dict(batch)
        if "video" in batch:
            video = ops.cast(batch["video"], self.compute_dtype) * (1 / 255)
            if training and self.colour is not None:
                with draws.keyed(batch.get("draw_key")):
                    video = self.colour(video)
            inputs["video"] = video * 2 - 1
        if "text" in batch:
            words = batch["text"].shape[-1]
            inputs["text"] = ops.reshape(batch["text"], (-1, words))
            if "text_mask" in batch:
                inputs["text_mask"] = ops.reshape(batch["text_mask"], (-1,))
        return inputs
