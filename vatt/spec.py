"""What a clip is, and what a batch of clips is: feature names, shapes, dtypes, ranges, units.

Every other module derives sizes from here; none restates them. It imports nothing of this project and nothing
heavy, so that data preparation, models and reports can all stand on it.

Dimension letters, used in every docstring of this project:
    B batch (global unless "local" is said)   T frames     H, W pixel rows, columns   C channels
    S audio samples                           K candidate captions per clip           L words per caption
    N tokens                                  D width (features of a token)
    Y classes
"""

import dataclasses
import math
from collections.abc import Sequence

import gin

MODALITIES = ("video", "audio", "text")

# The two common spaces of the paper (Eq. 3), by the names that outputs, metrics and files use.
VIDEO_AUDIO = "video_audio"
VIDEO_TEXT = "video_text"
AUDIO_VISUAL = "audio_visual"  # the joint embedding of a clip's video and audio, in the video-text space

PADDING_ID = 0  # word id of padding; a caption of nothing else is "no caption"
UNKNOWN_ID = 1  # word id of every word outside the vocabulary

# Keys of a batch; a modality's are there only if `ClipSpec.modalities` has it. Shapes and ranges:
VIDEO = "video"  # uint8 [B, T, H, W, 3]; zeros where video_mask is 0
AUDIO = "audio"  # float32 [B, S] in [-1, 1]; zeros where audio_mask is 0
TEXT = "text"  # int32 [B, K, L], PADDING_ID after the last word; candidates nearest in time first
VIDEO_MASK = "video_mask"  # float32 [B] in {0, 1}: the clip has video
AUDIO_MASK = "audio_mask"  # float32 [B] in {0, 1}: the clip has an audio track that is not digital silence
TEXT_MASK = "text_mask"  # float32 [B, K] in {0, 1}: which candidates exist
MASKS = {VIDEO: VIDEO_MASK, AUDIO: AUDIO_MASK, TEXT: TEXT_MASK}
# With `Execution.host_drop_token`, in training, a signal holds the patches alone that DropToken keeps: video
# uint8 [B, N, values of a patch], audio float32 [B, N, values]. Next to them stand:
VIDEO_KEPT = "video_kept"  # int32 [B, N], their places in the patch grid, rising
AUDIO_KEPT = "audio_kept"  # int32 [B, N]
KEPT = {VIDEO: VIDEO_KEPT, AUDIO: AUDIO_KEPT}
VIDEO_MEAN = "video_mean"  # float32 [B, 3] in [0, 1], the mean colour of the whole clip
LABEL = "label"  # float32 [B, Y] in [0, 1], if labels are asked for: a clip's classes; mixup makes fractions
# int64 [B]: position in the (endless) stream, which keys every random draw; in evaluation the record's number
EXAMPLE_INDEX = "example_index"
VIEW = "view"  # int32 [B], evaluation with several views of a record, which are rows that follow one another
DRAW_KEY = "draw_key"  # int32 [B, 2], in training only: (seed, example), see `vatt.layers.draws`
VALID = "valid"  # float32 [B] in {0, 1}, evaluation only: 0 marks the padding of the last batch
CLIP_ID = "clip_id"  # string [B], evaluation only: "media_id@start_seconds"
GROUP = "group"  # string [B], evaluation only: clips of one group count as hits for each other; may be ""
CAPTION = "caption"  # string [B], evaluation only, with text: the first candidate as written

_MOST = 10**6  # of each number of a clip: frames, pixels, samples a second, words
EDGES = ("pad", "drop")  # what becomes of the end of a signal that patches do not fill


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
        audio_seconds: length of the audio; None is the span of the video. In training both begin at one
            instant; in evaluation each is spread over the record by its own span, the shorter within the
            longer. (The release: 3.2 s of audio with 2.56 s of video on AudioSet; 6.4 s to fine-tune on
            audio.)
        modalities: of `MODALITIES`, those that a batch holds; the others are not decoded.
    """

    frames: int = 32
    frame_rate_hz: float = 10.0
    frame_size: int = 224
    sample_rate_hz: int = 48_000
    words: int = 16
    candidates: int = 5
    audio_seconds: float | None = None
    modalities: tuple = MODALITIES

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if name == "modalities" or value is None:
                continue
            if not value > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={value}.")
            if not 1 / _MOST <= value <= _MOST:
                raise ValueError(
                    f"`{name}` must be from one millionth to {_MOST:,}. Received: {name}={value}."
                )
        # gin gives lists; a frozen object must be hashable.
        object.__setattr__(self, "modalities", tuple(self.modalities))
        if not self.modalities or set(self.modalities) - set(MODALITIES):
            raise ValueError(
                f"`modalities` must be one or more of {MODALITIES}. Received: modalities={self.modalities}."
            )

    @property
    def clip_seconds(self) -> float:
        """The span of the video in seconds."""
        return self.frames / self.frame_rate_hz

    @property
    def audio_span_seconds(self) -> float:
        """The span of the audio in seconds."""
        return self.clip_seconds if self.audio_seconds is None else self.audio_seconds

    @property
    def span_seconds(self) -> float:
        """The stretch of a record that a clip covers: the longer of its video and its audio."""
        spans = {VIDEO: self.clip_seconds, AUDIO: self.audio_span_seconds}
        return max([spans[each] for each in self.modalities if each in spans], default=self.clip_seconds)

    @property
    def samples(self) -> int:
        """Audio samples of a clip, S."""
        return round(self.audio_span_seconds * self.sample_rate_hz)

    def sizes(self, modality: str) -> tuple[int, ...]:
        """Size of a modality's input along each axis: (T, H, W), (S,) or (L,)."""
        sizes = {
            VIDEO: (self.frames, self.frame_size, self.frame_size),
            AUDIO: (self.samples,),
            TEXT: (self.words,),
        }
        return sizes[modality]


@gin.register
def video_sizes(clip: ClipSpec = ClipSpec()) -> tuple[int, ...]:  # noqa: B008 (frozen)
    """(frames, rows, columns) of a clip, T, H and W: what a `VoxelTokenizer` has positions for.

    Args:
        clip: size of the clip.
    """
    return clip.sizes(VIDEO)


@gin.register
def text_sizes(clip: ClipSpec = ClipSpec()) -> tuple[int, ...]:  # noqa: B008 (frozen)
    """(words,) of a caption, L: what a `WordTokenizer` has positions for.

    Args:
        clip: size of the clip.
    """
    return clip.sizes(TEXT)


@gin.register
def audio_sizes(clip: ClipSpec = ClipSpec()) -> tuple[int, ...]:  # noqa: B008 (frozen)
    """(samples,) of a clip, S: what a `WaveformTokenizer` or a `SpectrogramTokenizer` has positions for.

    Args:
        clip: size of the clip.
    """
    return clip.sizes(AUDIO)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchesRead:
    """Which patches of a signal a model reads in training, for a host that sends no others.

    Args:
        sizes: of the signal, along each axis.
        patch: size of a patch along each axis.
        edge: of `EDGES`.
        count: patches that are read of a clip, N.
        values: numbers of a patch.
        salt: of the layer that draws, see `vatt.layers.draws`.
        seed_offset: what a modality adds to the seed of its draws.
    """

    sizes: tuple[int, ...]
    patch: tuple[int, ...]
    edge: str
    count: int
    values: int
    salt: int
    seed_offset: int = 0

    @property
    def grid(self) -> tuple[int, ...]:
        """Patches along each axis."""
        return patch_grid(self.sizes, self.patch, self.edge)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rates:
    """How many frames and samples a second a trained model was shown; None: of what it has not."""

    frame_rate_hz: float | None = None
    sample_rate_hz: float | None = None


def patch_grid(sizes: Sequence[int], patch: Sequence[int], edge: str = "pad") -> tuple[int, ...]:
    """Patches along each axis.

    Args:
        sizes: of the signal, along each axis.
        patch: size of a patch along each axis.
        edge: of `EDGES`; "pad": ⌈size / patch⌉, the last patch is padded with zeros (paper 3.1); "drop":
            ⌊size / patch⌋, the rest is dropped (original release).
    """
    count = math.ceil if edge == "pad" else math.floor
    return tuple(count(size / step) for size, step in zip(sizes, patch, strict=True))


def same_padding(length: int, size: int, stride: int) -> tuple[int, int]:
    """Cells to put before and after an axis so that ⌈length / stride⌉ windows fit: TensorFlow's "SAME"."""
    outputs = patch_grid((length,), (stride,))[0]
    missing = max((outputs - 1) * stride + size - length, 0)
    return missing // 2, missing - missing // 2
