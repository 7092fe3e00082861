"""What is drawn at random in training besides the window in time (A.2.1); colour follows on the device."""

import dataclasses

import gin
import tensorflow as tf

from vatt import spec
from vatt.data import audio, video
from vatt.data.random_area_crop import RandomAreaCrop
from vatt.protocols import Crop


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Augmentation of training clips; every draw is a pure function of the clip's key.

    Args:
        crop: which part of the frames is shown; None is the paper's `RandomAreaCrop` (A.2.1), the released
            pre-training's is `ScaleJitterCrop`.
        flip: whether half of the clips are mirrored.
        audio_noise: standard deviation of noise added to the audio, as a share of the clip's peak. The
            release pre-trains with 0.01; the paper names none.
        mixup_alpha: mixes audio and labels of a batch with λ ~ Beta(α, α), see `vatt.data.mixup`; None
            disables it. The paper fine-tunes on AudioSet with 5.
    """

    crop: Crop | None = None
    flip: bool = True
    audio_noise: float = 0.0
    mixup_alpha: float | None = None

    def __post_init__(self):
        if not 0 <= self.audio_noise < 1:
            raise ValueError(
                f"`audio_noise` must be a share of the peak, in [0, 1). Received: "
                f"audio_noise={self.audio_noise}. The release's is 0.01."
            )
        object.__setattr__(self, "crop", self.crop or RandomAreaCrop())

    def check_mixup(self, clip: spec.ClipSpec, *, labels: bool) -> None:
        """Raises if mixup would leave something with labels that are not its own."""
        if self.mixup_alpha is not None and not (labels and clip.modalities == (spec.AUDIO,)):
            raise ValueError(
                f"Mixup mixes audio and its labels; video and text would keep labels that are not theirs. "
                f"Received: mixup_alpha={self.mixup_alpha}, labels={labels}, modalities={clip.modalities}. "
                f"Set `PreparedClips.labels = True` and `ClipSpec.modalities = ('audio',)`, or leave mixup "
                f"out."
            )

    def __call__(self, clip: dict[str, tf.Tensor], key: tf.Tensor) -> dict[str, tf.Tensor]:
        """A decoded clip, by the names of `vatt.spec`, mirrored and with noise; key int64 [2], (seed,
        position).
        """
        if spec.VIDEO in clip and self.flip:
            clip[spec.VIDEO] = video.mirror_if(video.is_flipped(key), clip[spec.VIDEO])
        if spec.AUDIO in clip and self.audio_noise:
            clip[spec.AUDIO] = audio.add_noise(clip[spec.AUDIO], key, share_of_peak=self.audio_noise)
        return clip
