"""Where each weight of our ConvNets stands in a checkpoint of the original release (`mmv_fac`)."""

from collections.abc import Iterator
from typing import Any

from vatt.layers.conv_unit import ConvUnit
from vatt.layers.i3d import BRANCHES, Mixed
from vatt.layers.resnet import Bottleneck

Named = Iterator[tuple[str, object]]  # (name in the release, our variable)

STEM = "initial_conv_relu_max_pool"
GROUPS = "block_groups"
# Of a bottleneck: a convolution, its normalisation, and DropBlock, which the release has switched off.
_UNITS = {"first": 0, "second": 3, "third": 6}


def i3d(at: str, encoder: Any) -> Named:
    """`I3D`."""
    for block, stage in zip(encoder.blocks, _with_weights(encoder), strict=True):
        if isinstance(stage, Mixed):
            for branch, unit in zip(BRANCHES, stage.units, strict=True):
                yield from _unit(f"{at}/{block}/unit3d_{branch}", unit)
        else:
            yield from _unit(f"{at}/{block}", stage)


def _unit(at: str, unit) -> Named:
    yield f"{at}/conv3d/kernel", unit.weight
    yield from batch_norm(f"{at}/bn", unit.norm)


def resnet(at: str, encoder: Any) -> Named:
    """`ResNet`."""
    stem, *blocks = _with_weights(encoder)
    yield from _numbered(f"{at}/{STEM}", 0, 2, stem)
    places = [(group, place) for group, depth in enumerate(encoder.depths) for place in range(depth)]
    for (group, place), block in zip(places, blocks, strict=True):
        layer = f"{at}/{GROUPS}/{group}/layers/{place}"
        for name, number in _UNITS.items():
            units = f"{layer}/conv_relu_dropblock_layers"
            yield from _numbered(units, number, number + 1, getattr(block, name))
        if block.shortcut is not None:
            yield from _numbered(f"{layer}/projection_layers", 0, 1, block.shortcut)


def _numbered(at: str, convolution: int, norm: int, unit) -> Named:
    yield f"{at}/{convolution}/conv2d/kernel", unit.weight
    yield from batch_norm(f"{at}/{norm}/bn", unit.norm)


def linear_text(at: str, encoder: Any) -> Named:
    """`LinearText`."""
    yield f"{at}/embedding/embeddings", encoder.table.embeddings
    yield f"{at}/base_lm/conv1d/kernel", encoder.kernel
    yield f"{at}/base_lm/conv1d/bias", encoder.bias


def batch_norm(at: str, norm: Any) -> Named:
    """`GlobalBatchNorm`."""
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        yield f"{at}/{name}", getattr(norm, name)


def _with_weights(encoder) -> list:
    return [stage for stage in encoder.stages if isinstance(stage, ConvUnit | Mixed | Bottleneck)]
