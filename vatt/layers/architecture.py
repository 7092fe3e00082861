"""What an encoder is: how large, and of which form its blocks are.

Two descriptions travel as a whole from the encoder to the blocks, so that what is between them need not
know what is in them.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gin
import keras

from vatt.errors import closest

NORM_EPSILON = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Described:
    """Keras' way to keep a dataclass in a configuration."""

    def get_config(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


@gin.register
@keras.saving.register_keras_serializable("vatt")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Size(_Described):
    """Size of one Transformer.

    Args:
        depth: number of blocks.
        width: features of a token, D.
        hidden_width: features inside the feed-forward networks.
        heads: attention heads, H.
        head_width: features per head; 64 in every published size.
        recompute: whether training keeps only the input of each block and computes the rest again in the
            backward pass: memory for one block's activations instead of all, a third more time, nothing else.
    """

    depth: int
    width: int
    hidden_width: int
    heads: int
    head_width: int = 64
    recompute: bool = False


@keras.saving.register_keras_serializable("vatt")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Form(_Described):
    """The few options that distinguish ViT, WaT and T5 (paper 3.2, A.2.2); the defaults are ViT's and WaT's.

    Args:
        attention_norm: "layer" or "rms" (T5), before attention and at the end.
        feed_forward_norm: the norm of the feed-forward network; None: as `attention_norm`. The release's text
            model mixes "rms" and "layer".
        norm_placement: "pre" (every published model) or "post".
        norm_epsilon: added to the variance in every norm; VATT, T5 and timm have 1e-6, other ViTs 1e-12.
        activation: see `FeedForward`.
        use_bias: whether linear maps have biases.
        scale_scores: whether scores are divided by √head_width.
    """

    attention_norm: str = "layer"
    feed_forward_norm: str | None = None
    norm_placement: str = "pre"
    norm_epsilon: float = NORM_EPSILON
    activation: str = "gelu"
    use_bias: bool = True
    scale_scores: bool = True


# The paper's sizes (A.2.2).
SIZES = {
    "small": Size(depth=6, width=512, hidden_width=2048, heads=8),
    "base": Size(depth=12, width=768, hidden_width=3072, heads=12),
    "medium": Size(depth=12, width=1024, hidden_width=4096, heads=16),
    "large": Size(depth=24, width=1024, hidden_width=4096, heads=16),
}


def size_of(size: str | Size | Mapping[str, Any]) -> Size:
    """The `Size` meant by a name of `SIZES`, a `Size`, or a dict of its fields (as Keras hands it back)."""
    if isinstance(size, Size):
        return size
    if isinstance(size, dict):
        return Size(**size)
    if size in SIZES:
        return SIZES[size]
    raise ValueError(
        f"A size must be one of {tuple(SIZES)} or a `Size(depth=…, width=…, hidden_width=…, heads=…)`. "
        f"Received: {size!r}.{closest(str(size), SIZES)}"
    )
