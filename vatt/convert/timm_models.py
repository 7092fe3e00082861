"""What timm's names of image ViTs mean: `vit_huge_patch14_224` has 16 heads, which can not be inferred from
its shapes.

From timm's `vision_transformer.py` and `deit.py`: the models that differ from each other in size alone. A
name that is not here (registers, layer scale, other networks) gives no information.
"""

import dataclasses
import re

_NAME = re.compile(
    r"(?P<family>vit|deit)_(?P<size>[a-z0-9]+)_patch(?P<patch>\d+)(?P<clip>_clip)?"
    r"_(?P<image>\d+)(?:_in21k)?(?:\.\S*)?"
)
# Size -> (width, depth, heads).
_SIZES = {
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "medium": (512, 12, 8),
    "betwixt": (640, 12, 10),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
    "huge": (1280, 32, 16),
    "giant": (1408, 40, 16),
    "gigantic": (1664, 48, 16),
}
_EPSILON, _CLIP_EPSILON = 1e-6, 1e-5
_HALF = (0.5, 0.5, 0.5)
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimmModel:
    """What a name means."""

    width: int  # sizes of the Transformer, and a patch's side in pixels
    depth: int
    heads: int
    patch: int
    norm_epsilon: float  # added to the variance in every norm
    image_mean: tuple[float, ...]  # of its default configuration
    image_std: tuple[float, ...]


def timm_model(name: object) -> TimmModel | None:
    """The model that timm knows under a name, with or without the tag of its weights; None: not known."""
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None or found["size"] not in _SIZES:
        return None
    width, depth, heads = _SIZES[found["size"]]
    mean, deviation = _CLIP if found["clip"] else _IMAGENET if found["family"] == "deit" else (_HALF, _HALF)
    return TimmModel(
        width=width,
        depth=depth,
        heads=heads,
        patch=int(found["patch"]),
        norm_epsilon=_CLIP_EPSILON if found["clip"] else _EPSILON,
        image_mean=mean,
        image_std=deviation,
    )
