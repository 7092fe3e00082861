"""The tokenizer of video: patches over (time, row, column) (paper 3.1, A.2.2)."""

import gin
import keras

from vatt.layers.signal_tokenizer import SignalTokenizer
from vatt.spec import PatchesRead


@gin.register
@keras.saving.register_keras_serializable("vatt")
class VoxelTokenizer(SignalTokenizer):
    """Voxel patches as a sequence; arguments as `SignalTokenizer`.

    The paper's clips are 32 frames of 224 × 224 pixels, its patches 4 × 16 × 16.

    Input: float [B, T, H, W, 3] in [-1, 1]. Output: tokens [B, 1 + N, D].
    """

    axes = ("time", "row", "column")
    channels = 3
    paper_sizes = (32, 224, 224)
    paper_patch = (4, 16, 16)

    @property
    def patches_read(self) -> PatchesRead | None:
        """None where frames are padded: with grey, which pixels of 8 bits do not have."""
        pads = self.edge == "pad" and any(size % step for size, step in zip(self.sizes, self.patch))
        return None if pads else super().patches_read
