"""What the device does to a batch before the model: pixels to [-1, 1], in training with jittered colours.

Batches travel as uint8, a quarter of float32's bytes, and colour costs the host more than everything else
together; so both happen here, inside the compiled step.
"""

import functools
import math
import operator
from typing import Any

import gin
import keras
import numpy as np
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured
from vatt.one_pass import compiler_for
from vatt.protocols import Batch, Tensor
from vatt.spec import TEXT, TEXT_MASK, VIDEO

# NTSC's luma and chroma axes, as in tf.image.rgb_to_yiq.
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_TO_RGB = np.linalg.inv(_TO_YIQ)


def normalised_pixels(pixels: Any, dtype: str = "float32") -> Any:
    """uint8 of any shape -> [-1, 1], computed in float32 and rounded once to `dtype`."""
    return ops.cast(ops.cast(pixels, "float32") / 127.5 - 1.0, dtype)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class ColourJitter(Configured, keras.layers.Layer):
    """Brightness, saturation, contrast and hue, one draw per clip (paper A.2.1), as one affine map per clip.

    Hue turns the chroma plane of YIQ and saturation scales it, where `tf.image` goes through HSV, at several
    times the cost. Greys come out the same; for colours drawn uniformly from the RGB cube the mean deviation
    of a channel from `tf.image` is 0.05, 0.09 and 0.12 of its range at turns of 0.05, 0.1 and 0.2 (leaving
    the colours alone deviates by 0.05, 0.10 and 0.20). Contrast is about the clip's mean colour. All four
    together deviate by 0.083 for uniform colours (no jitter at all: 0.142), by 0.012 for pale ones, three
    channels within an eighth of the range (0.067). `vatt.layers.exact_colour` has `tf.image`'s own formulas.

    Args:
        brightness: largest shift, of a range of 1.
        saturation, contrast: factors are drawn from [1 − x, 1 + x].
        hue: largest turn, as a share of the whole circle.
        probability: share of clips jittered at all (the paper: 1; the release: 0.8).

    Input: the clips' mean colours, float32 [B, 3] in [0, 1]. Output: matrix [B, 3, 3] and offset [B, 3], so
    that colours c (columns) in [0, 1] become matrix · c + offset, to be clipped to [0, 1].
    """

    def __init__(
        self,
        *,
        brightness: float = 32 / 255,
        saturation: float = 0.4,
        contrast: float = 0.4,
        hue: float = 0.2,
        probability: float = 1.0,
        name: str = "colour_jitter",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.brightness = brightness
        self.saturation = saturation
        self.contrast = contrast
        self.hue = hue
        self.probability = probability

    def build(self, input_shape: Any = None) -> None:
        self._salt = draws.salt_of(self)

    def call(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        shift, saturation, contrast, turn = self.drawn(ops.shape(mean)[0])
        shift, contrast = shift[:, None], contrast[:, None]
        matrix = self._turn(2 * math.pi * turn, saturation)
        # In A.2.1's order: shift, turn and scale the chroma, then stretch about where the mean has gone.
        offset = ops.sum(matrix, axis=2) * shift
        new_mean = ops.squeeze(ops.matmul(matrix, mean[:, :, None]), -1) + offset
        return matrix * contrast[:, None], offset * contrast + new_mean * (1 - contrast)

    def jittered(self, video: Tensor, dtype: str = "float32") -> Tensor:
        """uint8 pixels [B, T, H, W, 3] -> jittered, clipped, in [-1, 1], of this dtype.

        All scaling is in the small matrices: a pass over the pixels costs as much as a small layer.
        """
        pixels = ops.reshape(video, (ops.shape(video)[0], math.prod(video.shape[1:-1]), 3))
        if compiled := compiler_for(pixels):
            mean = ops.cast(compiled(_channel_sums)(pixels), "float32") / (255.0 * pixels.shape[1])
            matrix, offset = self(mean)
            arguments = pixels, ops.transpose(matrix, (0, 2, 1)) * (2 / 255), 2 * offset - 1
            return ops.reshape(compiled(_recoloured)(*arguments, dtype), ops.shape(video))
        pixels = ops.cast(pixels, dtype)
        matrix, offset = self(_mean_colours(pixels))
        matrix = ops.cast(ops.transpose(matrix, (0, 2, 1)) * (2 / 255), dtype)
        offset = ops.cast(2 * offset - 1, dtype)
        return ops.reshape(
            ops.clip(ops.matmul(pixels, matrix) + offset[:, None], -1.0, 1.0), ops.shape(video)
        )

    def drawn(self, clips: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draws of A.2.1 for each clip, float32 [B]: shift, factors of saturation and contrast, turn of the
        hue as a share of the circle; 0 and 1 for the clips that are left as they are."""
        uniform = draws.uniform((clips, 5), salt=self._salt)
        chosen = ops.cast(uniform[:, 4] < self.probability, "float32")
        signed = (2 * uniform[:, :4] - 1) * chosen[:, None]
        return (
            signed[:, 0] * self.brightness,
            1 + signed[:, 1] * self.saturation,
            1 + signed[:, 2] * self.contrast,
            signed[:, 3] * self.hue,
        )

    @staticmethod
    def _turn(angle, scale):
        """RGB → YIQ, the chroma plane turned by `angle` and scaled, → RGB, [B, 3, 3]."""
        zero, one = ops.zeros_like(angle), ops.ones_like(angle)
        cosine, sine = scale * ops.cos(angle), scale * ops.sin(angle)
        rows = ops.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], axis=1)
        turned = ops.matmul(ops.cast(_TO_RGB, "float32"), ops.reshape(rows, (-1, 3, 3)))
        return ops.matmul(turned, ops.cast(_TO_YIQ, "float32"))


def _mean_colours(pixels):
    """Means of pixels [B, P, 3] in [0, 255], float32 [B, 3] in [0, 1]."""
    count = pixels.shape[1]
    side_by_side = math.gcd(count, 16)  # wider products are faster
    rows = ops.reshape(pixels, (-1, count // side_by_side, 3 * side_by_side))
    # A product with ones sums in float32 whatever the pixels' type.
    sums = ops.matmul(ops.ones((1, rows.shape[1]), pixels.dtype), rows)
    sums = ops.reshape(ops.cast(sums, "float32"), (-1, side_by_side, 3))
    return ops.sum(sums, axis=1) / (255.0 * count)


def _channel_sums(pixels):
    """Sums of uint8 pixels [B, P, 3], int32 [B, 3]: of up to 16 parts of a clip in int16 first, of which a
    register holds twice as many numbers."""
    parts = math.gcd(pixels.shape[1], 16)
    rows = ops.cast(ops.reshape(pixels, (-1, parts, 3 * pixels.shape[1] // parts)), "int16")
    sums = ops.cast(functools.reduce(operator.add, (rows[:, part] for part in range(parts))), "int32")
    return ops.sum(ops.reshape(sums, (-1, pixels.shape[1] // parts, 3)), axis=1)


def _recoloured(pixels, matrix, offset, dtype):
    """uint8 [B, P, 3] times matrices [B, 3, 3] plus offsets [B, 3], clipped to [-1, 1]. Over all three
    channels at once, which as one pass over the pixels takes a third of the time of one channel after the
    other."""
    pixels, total = ops.cast(pixels, "float32"), offset[:, None]
    for channel in range(3):
        total = total + pixels[:, :, channel : channel + 1] * matrix[:, None, channel]
    return ops.cast(ops.clip(total, -1.0, 1.0), dtype)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class DeviceInputs(Configured, keras.layers.Layer):
    """A batch of `vatt.spec` as inputs of a model.

    Args:
        colour: a `ColourJitter`, or an `ExactColourJitter`, applied in training; or None.

    Input: a batch; `draw_key` int32 [B, 2] may be in it. Output: the same dict with video as float in
    [-1, 1], [B, T, H, W, 3], text as [B · K, L] and text_mask as [B · K].
    """

    def __init__(self, *, colour: Any = None, name: str = "device_inputs", dtype: Any = None):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.colour = colour

    def build(self, input_shape: Any = None) -> None:
        if self.colour is not None:
            self.colour.build()

    def call(self, batch: Batch, training: bool = False) -> Batch:
        inputs = dict(batch)
        if VIDEO in batch:
            if training and self.colour is not None:
                with draws.keyed(batch.get("draw_key")):
                    inputs[VIDEO] = self.colour.jittered(batch[VIDEO], self.compute_dtype)
            else:
                inputs[VIDEO] = normalised_pixels(batch[VIDEO], self.compute_dtype)
        if TEXT in batch:
            inputs[TEXT] = ops.reshape(batch[TEXT], (-1, batch[TEXT].shape[-1]))
            if TEXT_MASK in batch:
                inputs[TEXT_MASK] = ops.reshape(batch[TEXT_MASK], (-1,))
        return inputs
