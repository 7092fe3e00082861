"""Groups of weights with learning rates and bounds of their own, by the paths of the variables."""

import re
from collections.abc import Sequence

import gin

_BLOCK = re.compile(r"^(.*)/block_(\d+)(_\w+)?(/|$)")  # "block_3", "block_3_mixed_3b"


@gin.register
class Group:
    """The variables whose path holds one of some patterns.

    Args:
        paths: regular expressions, looked for anywhere in a path such as "vatt/video/encoder/block_3/…"; a
            variable belongs to the first group that has it.
        learning_rate_factor: its learning rates are those of the schedule times this; 0 leaves its weights
            alone, weight decay included.
        clip_global_norm: upper bound of the norm of all gradients of the group; None disables clipping.
    """

    def __init__(
        self,
        *,
        paths: Sequence[str],
        learning_rate_factor: float = 1.0,
        clip_global_norm: float | None = None,
    ):
        if learning_rate_factor < 0:
            raise ValueError(
                f"`learning_rate_factor` must not be negative. Received: {learning_rate_factor}."
            )
        if clip_global_norm is not None and clip_global_norm <= 0:
            raise ValueError(f"`clip_global_norm` must be positive. Received: {clip_global_norm}.")
        self.paths = (paths,) if isinstance(paths, str) else tuple(paths)
        self.learning_rate_factor = learning_rate_factor
        self.clip_global_norm = clip_global_norm

    def holds(self, path: str) -> bool:
        """Whether a path has one of the patterns."""
        return any(re.search(pattern, path) for pattern in self.paths)


def group_numbers(groups: Sequence[Group], paths: Sequence[str]) -> list[int]:
    """For each path the number of its group; `len(groups)` for those that no group has. Refuses an empty
    group.
    """
    numbers = [
        next((number for number, group in enumerate(groups) if group.holds(path)), len(groups))
        for path in paths
    ]
    for number, group in enumerate(groups):
        if number not in numbers:
            raise ValueError(
                "Every group must have a variable of its own. Received: a group of "
                f"paths={group.paths} that holds none which no group before it has. "
                f"Paths are such as {paths[0]!r} and {paths[-1]!r}."
            )
    return numbers


def layer_factors(paths: Sequence[str], decay: float) -> list[float]:
    """Learning-rate factors that fall towards the input: decay^(layers between a weight and the heads).

    Block i of an encoder of n blocks gets decay^(n − i), i = 0 … n − 1; what stands in front of it, the
    tokenizer and the relative positions, decay^(n + 1); its final norm and all behind it, 1 (Clark et al.
    2020, 3.3; Bao et al. 2021, A.4).
    """
    if not 0 < decay <= 1:
        raise ValueError(f"`layer_decay` must be in (0, 1]. Received: layer_decay={decay}.")
    depths: dict[str, int] = {}  # path of an encoder -> its blocks
    for path in paths:
        if match := _BLOCK.match(path):
            depths[match[1]] = max(depths.get(match[1], 0), int(match[2]) + 1)
    return [decay ** _layers_above(path, depths) for path in paths]


def _layers_above(path: str, depths: dict[str, int]) -> int:
    if match := _BLOCK.match(path):
        return depths[match[1]] - int(match[2])
    if not re.search(r"/tokenizer/|/relative_bias/", path):
        return 0
    # The encoder behind a tokenizer is its sibling or, where modalities share one, its parent's.
    near = max(depths, key=lambda encoder: _shared_parts(encoder, path), default=None)
    return depths[near] + 1 if near else 0


def _shared_parts(one: str, other: str) -> int:
    count = 0
    for left, right in zip(one.split("/"), other.split("/")):
        if left != right:
            break
        count += 1
    return count
