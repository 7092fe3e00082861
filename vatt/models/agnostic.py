"""The modality-agnostic VATT: one Transformer for video, audio and text (paper 3, A.2.2)."""

from typing import Any

import gin

from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.models.common_spaces import CommonSpaces
from vatt.models.tower import Tower
from vatt.models.vatt import VATT


@gin.register
def agnostic_vatt(
    *,
    video: Any,
    audio: Any,
    text: Any,
    encoder: TransformerEncoder,
    spaces: CommonSpaces | None = None,
    projection_width: int = 0,
    name: str = "vatt",
) -> VATT:
    """A `VATT` whose towers hold one encoder.

    Each modality keeps its tokenizer, positions (words too have learned absolute ones) and AGG vector; all
    weights of attention and feed-forward are shared.

    Args:
        video, audio, text: tokenizer of each modality, or None. With `projection=True` (release; the paper
            speaks of the tokenizers alone) a signal's has a dense layer with gelu in front of the encoder.
        encoder: the one `TransformerEncoder`.
        spaces: see `VATT`.
        projection_width: see `Tower`; the release projects every output token of each modality.
    """
    tokenizers = {"video": video, "audio": audio, "text": text}
    towers = {
        modality: Tower(tokenizer=tokenizer, encoder=encoder, projection_width=projection_width)
        for modality, tokenizer in tokenizers.items()
        if tokenizer is not None
    }
    return VATT(**towers, spaces=spaces, name=name)
