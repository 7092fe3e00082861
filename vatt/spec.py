"""What a clip is, and what a batch of clips is: feature names, shapes, dtypes, ranges, units.

Every other module derives sizes from here; none restates them. It imports nothing of this project and nothing
heavy, so that data preparation, models and reports can all stand on it.

Dimension letters, used in every docstring of this project:
    B batch (global unless "local" is said)   T frames     H, W pixel rows, columns   C channels
    S audio samples                           K candidate captions per clip           L words per caption
    N tokens                                  D width (features of a token)
"""

import dataclasses
import math

import gin

MODALITIES = ("video", "audio", "text")

# The two common spaces of the paper (Eq. 3), by the names that outputs, metrics and files use.
VIDEO_AUDIO = "video_audio"
VIDEO_TEXT = "video_text"

PADDING_ID = 0  # word id of padding; a caption of nothing else is "no caption"
UNKNOWN_ID = 1  # word id of every word outside the vocabulary

# Keys of a batch. Shapes and ranges:
VIDEO = "video"  # uint8 [B, T, H, W, 3]; zeros where video_mask is 0
AUDIO = "audio"  # float32 [B, S] in [-1, 1]; zeros where audio_mask is 0
TEXT = "text"  # int32 [B, K, L], PADDING_ID after the last word; candidates nearest in time first
VIDEO_MASK = "video_mask"  # float32 [B] in {0, 1}: the clip has pictures
AUDIO_MASK = "audio_mask"  # float32 [B] in {0, 1}: the clip has a sound track that is not digital silence
TEXT_MASK = "text_mask"  # float32 [B, K] in {0, 1}: which candidates exist
EXAMPLE_INDEX = "example_index"  # int64 [B]: position in the (endless) stream; keys every random draw
VALID = "valid"  # float32 [B] in {0, 1}, evaluation only: 0 marks the padding of the last batch
CLIP_ID = "clip_id"  # string [B], evaluation only: "media_id@start_seconds"
GROUP = "group"  # string [B], evaluation only: clips of one group count as hits for each other; may be ""
CAPTION = "caption"  # string [B], evaluation only: the first candidate as written


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """The size of one clip, in frames, pixels, samples and words; the defaults are the paper's (A.2.1).

    Args:
        frames: frames of a clip, T.
        frame_rate_hz: frames per second after sampling.
        frame_size: height and width in pixels, H = W.
        sample_rate_hz: audio samples per second after sampling.
        words: words of a caption, L; longer ones are cut, shorter ones padded.
        candidates: captions per clip in training, K (MIL-NCE, Eq. 5).
    """

    frames: int = 32
    frame_rate_hz: float = 10.0
    frame_size: int = 224
    sample_rate_hz: int = 48_000
    words: int = 16
    candidates: int = 5

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ValueError(f"`{field.name}` must be positive. Received: {field.name}={value}.")

    @property
    def clip_seconds(self) -> float:
        """Length of a clip in seconds; video and audio cover the same span."""
        return self.frames / self.frame_rate_hz

    @property
    def samples(self) -> int:
        """Audio samples of a clip, S."""
        return round(self.clip_seconds * self.sample_rate_hz)


def patch_grid(sizes, patch) -> tuple[int, ...]:
    """Patches along each axis, ⌈size / patch⌉: the paper pads the last patch with zeros (3.1)."""
    return tuple(math.ceil(size / step) for size, step in zip(sizes, patch, strict=True))
