"""The crop of the paper and of Inception: a box of random area and aspect (A.2.1)."""

import math
from collections.abc import Sequence

import gin
import tensorflow as tf

from vatt.data import window
from vatt.protocols import Tensor

_ATTEMPTS = 100  # TensorFlow's own default; after that the whole frame is used


@gin.register
class RandomAreaCrop:
    """One box for all frames of a clip, drawn as TensorFlow's `sample_distorted_bounding_box` does.

    Args:
        area: lowest and highest share of the frame's area, within (0, 1].
        aspect: lowest and highest width / height of the box.
    """

    def __init__(self, *, area: Sequence[float] = (0.08, 1.0), aspect: Sequence[float] = (0.5, 2.0)):
        for name, (low, high), limit, papers in (
            ("area", area, 1.0, (0.08, 1)),
            ("aspect", aspect, math.inf, (0.5, 2)),
        ):
            if not 0 < low <= high <= limit:
                raise ValueError(
                    f"`{name}` must be (lowest, highest), above 0{' and at most 1' if limit == 1 else ''}. "
                    f"Received: {name}={(low, high)}. The paper's is {papers}."
                )
        self.area, self.aspect = tuple(area), tuple(aspect)

    def box(self, height: Tensor, width: Tensor, key: Tensor) -> Tensor:
        """See `vatt.protocols.Crop`."""
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.stack([height, width, 3]),
            bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            seed=window.draw_key(key, window.CROP_DRAW),
            # The "object" is the frame itself: a bound here would be a second bound on the area.
            min_object_covered=0.0,
            aspect_ratio_range=self.aspect,
            area_range=self.area,
            max_attempts=_ATTEMPTS,
        )
        return tf.concat([begin[:2], size[:2]], axis=0)
