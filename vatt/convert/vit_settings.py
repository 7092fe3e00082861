"""What an image ViT's arrays do not show: read from its configuration, stated by the user, or asked for.

Two models of the same shapes are two models where their heads, the activation or the epsilon of their norms
differ, so none of these is guessed. What a library leaves out of a configuration because it is that library's
own value is taken, and listed in the report.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

from vatt.convert.report import ConversionError
from vatt.convert.safetensors_folder import CONFIG

CHANNELS = 3
ACTIVATION = "gelu"  # the one that patch encoders have here


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stated:
    """Settings given by the user; None: as in the model's files."""

    heads: int | None = None  # attention heads
    norm_epsilon: float | None = None  # added to the variance in every norm
    activation: str | None = None  # of the feed-forward networks
    # of each colour, on [0, 1], with which it wants pixels normalised
    image_mean: tuple[float, ...] | None = None
    image_std: tuple[float, ...] | None = None


class Settings:
    """The settings of one model, each from where it stands."""

    def __init__(self, stated: Stated, source: str | Path):
        self.assumed: list[str] = []  # for the report
        self._stated = stated
        self._source = source
        self._unknown: list[str] = []

    def take(
        self, name: str, configured: Any, *, where: str = CONFIG, library: Any = None, owner: str = ""
    ) -> Any:
        """The value of a setting of `Stated`; None if unknown, see `require_known`.

        Args:
            name: of the setting.
            configured: its value in the model's files, None where they leave it out.
            where: which of them.
            library: the value that leaving it out means.
            owner: whose value that is, in words.
        """
        stated = getattr(self._stated, name)
        if configured is not None:
            configured = _checked(name, configured, f"{where} of {self._source}")
        if stated is not None:
            stated = _checked(name, stated, f"--{name}")
            if configured not in (None, stated):
                raise ConversionError(
                    f"`{name}` must be what the model's files say. Received: --{name} {_words(stated)}, "
                    f"{_words(configured)} in {where} of {self._source}. Leave --{name} out."
                )
            return stated
        if configured is not None:
            return configured
        if library is None:
            self._unknown.append(name)
            return None
        self.assumed.append(f"{name} {_words(library)}: {owner}; {where} leaves it out (--{name})")
        return library

    def require_known(self, why: str) -> None:
        """Raises where a setting is unknown; `why` names its source."""
        if self._unknown:
            flags = " ".join(f"--{name} …" for name in self._unknown)
            raise ConversionError(
                f"Settings that can not be inferred from shapes must be known: {', '.join(self._unknown)}. "
                f"Received: {self._source}, "
                f"{why}. Give {flags}"
            )


def _checked(name: str, value, where: str):
    rule = _RULES[name]
    try:
        checked, is_right = rule[1](value)
    except (TypeError, ValueError, OverflowError):
        is_right = False
    if not is_right:
        raise ConversionError(
            f"`{name}` must be {rule[0]}. Received: {value!r:.100} by {where}. "
            "Another one has no counterpart here."
        )
    return checked


def _heads(value):
    return value, isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _epsilon(value):
    return _number(value), 0 < value < 1


def _number(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    return float(value)


def _activation(value):
    return value, value == ACTIVATION


def _colours(value):
    if not isinstance(value, list | tuple):
        raise TypeError("no list")
    value = tuple(map(_number, value))
    return value, len(value) == CHANNELS and all(map(math.isfinite, value))


def _deviations(value):
    value, is_right = _colours(value)
    return value, is_right and min(value) > 0


_RULES = {
    "heads": ("a whole number of 1 or more", _heads),
    "norm_epsilon": ("a number between 0 and 1", _epsilon),
    "activation": (f"{ACTIVATION!r}, the exact one", _activation),
    "image_mean": (f"{CHANNELS} numbers", _colours),
    "image_std": (f"{CHANNELS} positive numbers", _deviations),
}


def _words(value) -> str:
    return ",".join(f"{each:g}" for each in value) if isinstance(value, tuple) else str(value)
