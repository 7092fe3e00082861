"""What a loss compares: pairs of a model's outputs in one space, and which of their rows exist."""

import dataclasses

import gin
from keras import ops

from vatt.protocols import Batch, Outputs, Tensor
from vatt.spec import (
    AUDIO,
    AUDIO_MASK,
    AUDIO_VISUAL,
    MASKS,
    TEXT,
    VIDEO,
    VIDEO_AUDIO,
    VIDEO_MASK,
    VIDEO_TEXT,
)

# Name of a pair -> its two sides, and the space where they meet.
SIDES = {
    "video_audio": (VIDEO, AUDIO, VIDEO_AUDIO),
    "video_text": (VIDEO, TEXT, VIDEO_TEXT),
    "audio_text": (AUDIO, TEXT, VIDEO_TEXT),
    "audio_visual_text": (AUDIO_VISUAL, TEXT, VIDEO_TEXT),
}


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class PairWeights:
    """Weight of each pair in the sum of a loss; 0 leaves the pair out. The paper has the first two (Eq. 6).

    Args:
        video_audio: of video and audio.
        video_text: of video and text, λ of Eq. 6.
        audio_text: of audio and text. With `CommonSpaces.all_pairs` audio has a map of its own for it;
            without, audio goes through the video's, with the statistics of video.
        audio_visual_text: of the joint embedding of video and audio, and text; needs
            `CommonSpaces.all_pairs`.
    """

    video_audio: float = 1.0
    video_text: float = 1.0
    audio_text: float = 0.0
    audio_visual_text: float = 0.0

    def __post_init__(self) -> None:
        weights = self.positive
        if not weights or min(dataclasses.astuple(self)) < 0:
            raise ValueError(
                f"The weights must not be negative nor all zero. Received: {self}. Give one pair a weight."
            )

    @property
    def positive(self) -> dict[str, float]:
        """Weight by name of the pairs that count."""
        return {name: weight for name, weight in dataclasses.asdict(self).items() if weight}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """Clips [B, D] and their candidates [B, K, D], not normalised; which exist, [B] and [B, K] or None."""

    left: Tensor
    right: Tensor
    left_mask: Tensor | None
    right_mask: Tensor | None

    @property
    def masks(self) -> tuple[Tensor, Tensor]:
        """Both masks as float32, ones for None."""
        shapes = ops.shape(self.left)[:1], ops.shape(self.right)[:2]
        masks = self.left_mask, self.right_mask
        return tuple(
            ops.ones(shape, "float32") if mask is None else ops.cast(mask, "float32")
            for mask, shape in zip(masks, shapes)
        )


def pairs_of(outputs: Outputs, batch: Batch, weights: PairWeights) -> dict[str, Pair]:
    """The pairs that have a weight and whose modalities the batch holds, by name.

    Args:
        outputs: "MODALITY/SPACE" [B, D], of text [B · K, D], see `VATT`.
        batch: `video_mask`, `audio_mask` [B], `text_mask` [B, K], each optional.
        weights: see `PairWeights`.

    Raises:
        ValueError: there is none, or the model was made without the joint embedding that a pair compares.
    """
    pairs = {}
    for name in weights.positive:
        left, right, space = SIDES[name]
        needed = {f"{left}/{space}", f"{right}/{space}"}
        if needed <= outputs.keys():
            pairs[name] = _pair(outputs, batch, left, right, space)
        elif left == AUDIO_VISUAL and {f"{each}/{VIDEO_AUDIO}" for each in (VIDEO, AUDIO)} <= outputs.keys():
            raise ValueError(
                f"A model has {left}/{space} if its common spaces are made for all pairs. Received: outputs "
                f"{', '.join(sorted(outputs))}. Set `CommonSpaces.all_pairs = True`, or this pair's weight "
                "to 0."
            )
    if not pairs:
        raise ValueError(
            "The loss must have a pair to compare, of positive weight. Received: outputs "
            f"{', '.join(sorted(outputs))}; {weights}. Give `ClipSpec.modalities` both of a pair, such as "
            "'video' and one more, and the pair a weight."
        )
    return pairs


def _pair(outputs, batch, left, right, space):
    of_left, of_right = outputs[f"{left}/{space}"], outputs[f"{right}/{space}"]
    candidates = of_right.shape[0] // of_left.shape[0]
    exists = batch.get(MASKS[right])
    return Pair(
        left=of_left,
        right=ops.reshape(of_right, (-1, candidates, of_right.shape[-1])),
        left_mask=either_mask(batch) if left == AUDIO_VISUAL else batch.get(MASKS[left]),
        right_mask=None if exists is None else ops.reshape(exists, (-1, candidates)),
    )


def either_mask(batch: Batch) -> Tensor | None:
    """Which clips [B] have video or audio, which is what their joint embedding needs; None: all."""
    video, audio = batch.get(VIDEO_MASK), batch.get(AUDIO_MASK)
    return None if video is None or audio is None else ops.maximum(video, audio)
