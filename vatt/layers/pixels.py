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
from vatt.spec import TEXT, TEXT_MASK, VIDEO, VIDEO_MEAN

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

    needs_whole_clips = False  # the mean colour of a clip serves where parts of it are all there is

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

    def jittered(self, video: Tensor, dtype: str = "float32", mean: Tensor | None = None) -> Tensor:
        """uint8 pixels [B, ..., 3 or a multiple of it], of clips or of patches of them -> jittered, clipped,
        in [-1, 1], of this dtype and shape. `mean` is the clips' mean colours, float32 [B, 3] in [0, 1]; None
        where `video` is whole clips.

        All scaling is in the small matrices: a pass over the pixels costs as much as a small layer.
        """
        pixels = ops.reshape(video, (ops.shape(video)[0], math.prod(video.shape[1:]) // 3, 3))
        compiled = compiler_for(pixels)
        if mean is None:
            sums = compiled(_integer_sums)(pixels) if compiled else _channel_sums(pixels)
            # A factor: a division by a constant is rounded one way or the other by compilers.
            mean = ops.cast(sums, "float32") * (1 / (255.0 * pixels.shape[1]))
        matrix, offset = self(mean)
        matrix, offset = ops.transpose(matrix, (0, 2, 1)) * (2 / 255), 2 * offset - 1
        if compiled:
            return ops.reshape(compiled(_recoloured)(pixels, matrix, offset, dtype), ops.shape(video))
        pixels, matrix, offset = (ops.cast(each, dtype) for each in (pixels, matrix, offset))
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


def _channel_sums(pixels):
    """Sums of uint8 pixels [B, P, 3], float32 [B, 3], rounded once: the same on every device, and on a host
    that sums what it does not send."""
    count = pixels.shape[1]
    # Of parts whose sums float32 holds exactly; of several side by side, as wider products are faster.
    least = max(min(16, count), -(-count // (2**24 // 255)))
    parts = next(each for each in range(least, count + 1) if count % each == 0)
    rows = ops.reshape(ops.cast(pixels, "float32"), (-1, count // parts, 3 * parts))
    sums = ops.reshape(ops.matmul(ops.ones((1, rows.shape[1])), rows), (-1, parts, 3))
    # Integers of 24 bits, added by their halves.
    high = ops.floor(sums * 2.0**-12)
    return ops.sum(high, axis=1) * 2.0**12 + ops.sum(sums - high * 2.0**12, axis=1)


def _integer_sums(pixels):
    """The same as int32: of up to 16 parts of a clip in int16 first, of which a register of a CPU holds twice
    as many numbers."""
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
    [-1, 1], of the shape that it has, text as [B · K, L] and text_mask as [B · K].
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
                    inputs[VIDEO] = self.colour.jittered(
                        batch[VIDEO], self.compute_dtype, batch.get(VIDEO_MEAN)
                    )
            else:
                inputs[VIDEO] = normalised_pixels(batch[VIDEO], self.compute_dtype)
        if TEXT in batch:
            inputs[TEXT] = ops.reshape(batch[TEXT], (-1, batch[TEXT].shape[-1]))
            if TEXT_MASK in batch:
                inputs[TEXT_MASK] = ops.reshape(batch[TEXT_MASK], (-1,))
        return inputs
