"""The tokenizer of a modality, for configurations and converters that read its name."""

import gin

from vatt.layers.drop_token import DropToken
from vatt.layers.positions import FactorisedPositions
from vatt.layers.signal_tokenizer import SignalTokenizer
from vatt.layers.spectrogram_tokenizer import SpectrogramTokenizer
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.layers.waveform_tokenizer import WaveformTokenizer
from vatt.models.classifier import IMAGE, SPECTROGRAM
from vatt.spec import AUDIO, VIDEO, ClipSpec

TOKENIZERS = {
    VIDEO: VoxelTokenizer,
    IMAGE: VoxelTokenizer,  # an image is repeated over a temporal patch (A.3.1)
    AUDIO: WaveformTokenizer,
    SPECTROGRAM: SpectrogramTokenizer,
}


@gin.register
def tokenizer_for(
    *,
    modality: str,
    sizes: tuple[int, ...] | None = None,
    edge: str = "pad",
    positions: FactorisedPositions | None = None,
    drop_token: DropToken | None = None,
    dropout_rate: float = 0.1,
) -> SignalTokenizer:
    """A tokenizer with the paper's patches.

    Args:
        modality: as in `Classifier`.
        sizes: see `signal_sizes`; None: the paper's.
        edge, positions, drop_token, dropout_rate: see `SignalTokenizer`.
    """
    kind = TOKENIZERS[modality]
    return kind(
        sizes=read_sizes(modality, sizes or kind.paper_sizes, kind.paper_patch),
        edge=edge,
        positions=positions,
        drop_token=drop_token,
        dropout_rate=dropout_rate,
    )


@gin.register
def signal_sizes(*, modality: str, clip: ClipSpec) -> tuple[int, ...] | None:
    """Size along each axis of a clip as a classifier's batches hold it; None: spectrograms computed
    elsewhere.

    Args:
        modality: as in `Classifier`; an image is a video of one frame.
        clip: `ClipSpec`.
    """
    if modality == SPECTROGRAM:
        return None
    return clip.sizes(VIDEO if modality == IMAGE else modality)


def read_sizes(modality: str, sizes: tuple[int, ...], patch: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes that a tokenizer reads of a signal: an image is repeated over a temporal patch."""
    return (patch[0], *sizes[1:]) if modality == IMAGE else tuple(sizes)
