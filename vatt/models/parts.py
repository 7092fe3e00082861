"""The parts that the models are put together from: what a signal looks like, its embedder, T5 for text."""

import dataclasses

from vatt.layers.architecture import Form, Size
from vatt.layers.embedders import PatchEmbedder
from vatt.layers.transformer import Encoder
from vatt.spec import AUDIO, VIDEO, ClipSpec, patch_grid

IMAGE = "image"
SPECTROGRAM = "spectrogram"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signal:
    """A kind of raw input: the names of its axes, its channels and the paper's patch (3.1, A.2.2, Table
    10).
    """

    axes: tuple[str, ...]
    channels: int
    patch: tuple[int, ...]


_VOXELS = Signal(axes=("time", "row", "column"), channels=3, patch=(4, 16, 16))
SIGNALS = {
    VIDEO: _VOXELS,
    IMAGE: _VOXELS,  # the picture is repeated over a temporal patch (A.3.1)
    AUDIO: Signal(axes=("sample",), channels=1, patch=(128,)),
    SPECTROGRAM: Signal(axes=("time", "frequency"), channels=1, patch=(16, 5)),
}
# STFT steps of 21.34 ms in 3.2 s, and mel bins (Table 10): what `LogMel` makes of the paper's clip.
SPECTROGRAM_SIZES = (150, 80)


def signal_kind(modality, spectrogram=None) -> str:
    """Which of `SIGNALS` the encoder of a modality sees: sound with a `LogMel` in front is a spectrogram."""
    return SPECTROGRAM if modality == AUDIO and spectrogram is not None else modality


def audio_signal(patch, spectrogram) -> tuple[str, tuple[int, ...]]:
    """Which of `SIGNALS` the sound is for the encoder, and its patch.

    Args:
        patch: an integer or one along each axis; None for the paper's.
        spectrogram: a `LogMel` that stands in front of the patches, or None for the waveform itself.
    """
    kind = signal_kind(AUDIO, spectrogram)
    if isinstance(patch, int):
        return kind, (patch,)
    return kind, tuple(patch or SIGNALS[kind].patch)


def signal_sizes(kind, patch, clip=None, spectrogram=None) -> tuple[int, ...]:
    """Size along each axis of what patches are cut from, of a clip, by default the paper's; `spectrogram` as
    in `audio_signal`.
    """
    clip = clip or ClipSpec()
    size = clip.frame_size
    sizes = {
        VIDEO: (clip.frames, size, size),
        IMAGE: (patch[0], size, size),
        AUDIO: (clip.samples,),
        SPECTROGRAM: spectrogram.sizes(clip.samples) if spectrogram else SPECTROGRAM_SIZES,
    }
    return sizes[kind]


def grid_of(kind, patch, clip=None, spectrogram=None, edge="pad") -> tuple[int, ...]:
    """Patches along each axis of a clip; `edge` as in `patch_grid`, the others as in `signal_sizes`."""
    return patch_grid(signal_sizes(kind, patch, clip, spectrogram), patch, edge)


def signal_embedder(kind, *, width, grid, patch=None, **options):
    """Patches of a signal of one of `SIGNALS`; `options` as in `PatchEmbedder`."""
    signal = SIGNALS[kind]
    return PatchEmbedder(
        patch=patch or signal.patch,
        channels=signal.channels,
        grid=grid,
        axes=signal.axes,
        width=width,
        name="embedder",
        **options,
    )


def text_encoder(size: Size, *, relative_layers="all", dropout_rate, dtype):
    """The release's text model: T5 with a full LayerNorm and exact gelu in the feed-forward, distances up to
    64.
    """
    return Encoder(
        size=size,
        form=Form(attention_norm="rms", feed_forward_norm="layer", use_bias=False, scale_scores=False),
        relative_buckets=32,
        relative_max_distance=64,
        relative_layers=relative_layers,
        dropout_rate=dropout_rate,
        name="encoder",
        dtype=dtype,
    )
