"""What a file may ask for before a model is built of it: bounds on a description and on what it asks for.

A description of a few hundred bytes can ask for ten million blocks or for more weights than there is memory.
Every number in it is held to what the largest published architectures have, with room, and the weights that
it asks for to what the file with them holds.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from vatt.layers.architecture import Size

# Largest value by name: several times that of the largest published Transformers.
LIMITS = {
    "depth": 1_024,
    "width": 65_536,
    "hidden_width": 524_288,
    "heads": 1_024,
    "head_width": 16_384,
    "table_width": 65_536,
    "projection_width": 65_536,
    "video_audio_width": 65_536,
    "video_text_width": 65_536,
    "vocabulary_size": 1 << 24,
    "classes": 1 << 20,
    "sizes": 1 << 24,
    "patch": 1 << 16,
    "bins": 1_024,
    "sample_rate_hz": 1_000_000,
    "frame_seconds": 1,
    "buckets": 1 << 16,
    "depths": 1_024,
    "stem_channels": 65_536,
    "stem_kernel": 64,
    "width_factor": 64,
}
_UNBOUNDED = ("shared_object_id",)  # Keras numbers shared objects by their address
_OTHERS = 1 << 24  # of every other number
_PATCH_VALUES = 1 << 20  # numbers in a patch
_SAMPLES = 1 << 28  # values of a signal along all axes
_OBJECTS = 10_000  # in a description; those of this project have some twenty
_SIZE = ("depth", "width", "hidden_width", "heads", "head_width")
_ROOM, _SMALL = 16, 1 << 24  # what may be missing: a factor, and models that any machine holds
_LEAST_PRESET_WIDTH = 512  # of a size that is given by its name


class DescriptionError(ValueError):
    """A file describes what is no model of this project."""


class TooLargeError(DescriptionError):
    """A file asks for more than any model of its kind has, or than the file with its weights holds."""


def check_number(name: str, value: Any, *, source: Any) -> None:
    """Raises unless a number is within the bound of its name; what is no number passes.

    Args:
        name: of the setting.
        value: of the setting.
        source: the file that holds it.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or name in _UNBOUNDED:
        return
    limit = LIMITS.get(name, _OTHERS)
    if not abs(value) <= limit:
        raise TooLargeError(
            f"A model's `{name}` may be at most {limit:,}, several times that of the largest published ones. "
            f"Received: {value:,} in {source}. Take the file from who made the model."
        )


def check_description(description: Mapping[str, Any], *, source: Any, weights: int | None) -> None:
    """Raises where a model's description asks for what no model of ours can be; builds nothing.

    Args:
        description: as Keras serialises a model.
        source: the file that holds it.
        weights: how many numbers the file with its weights can hold; None: there are none to fill it with.

    Raises:
        TooLargeError: a number above its bound, or more weights than `weights`.
        DescriptionError: an object of a class that is none of this project's, or unknown here.
    """
    objects = list(_objects(description, source))
    widths = [each["width"] for each in objects if _is_count(each.get("width"))]
    width = min(widths, default=_LEAST_PRESET_WIDTH)
    asked = sum(_least_weights(each, width) for each in objects)
    if weights is not None and asked > weights:
        raise TooLargeError(
            "A model may ask for as many weights as the file with them holds. Received: a description that "
            f"asks for {asked:,} or more in {source}, and {weights:,} at most in the file. Take the two from "
            "one model."
        )


def check_arrays(asked: int, held: int, *, source: Any) -> None:
    """Raises where a configuration asks for far more weights than its arrays hold; some may be
    missing by the user's leave, such as a word table.

    Args:
        asked: numbers in the model to build.
        held: numbers in the arrays.
        source: the directory.
    """
    most = _ROOM * held + _SMALL
    if asked > most:
        raise TooLargeError(
            f"The arrays must hold most of the weights that the configuration asks for. Received: {held:,} "
            f"numbers for a model of {asked:,} in {source}. Take both files from one model."
        )


def weights_of(size: Size) -> int:
    """Numbers in the linear maps of a Transformer of a `Size`."""
    return size.depth * size.width * (4 * size.heads * size.head_width + 2 * size.hidden_width)


def _objects(description, source) -> Iterator[dict]:
    """Every object of the description, itself the first, its numbers and its class checked."""
    pending, seen = [("", description)], 0
    while pending:
        name, value = pending.pop()
        seen += 1
        if seen > _OBJECTS:
            raise TooLargeError(
                f"A model's description may have at most {_OBJECTS:,} settings. Received: more in {source}. "
                "Take the file from who made the model."
            )
        if isinstance(value, dict):
            _check_class(value, source)
            yield value
            pending += value.items()
        elif isinstance(value, list):
            _check_product(name, value, source)
            pending += ((name, each) for each in value)
        else:
            check_number(name, value, source=source)


def _check_class(value: dict, source) -> None:
    if "class_name" not in value:
        return
    name = value.get("registered_name")
    is_policy = value["class_name"] == "DTypePolicy" and value.get("module") == "keras"
    if not is_policy and not (isinstance(name, str) and name.startswith("vatt>")):
        raise DescriptionError(
            "A model of this project consists of objects of this project. Received: one of class "
            f"{name or value['class_name']!r} in {source}. Take the file from who made the model."
        )
    if isinstance(name, str) and keras.saving.get_registered_object(name) is None:
        raise DescriptionError(
            "The classes of a model must be known where it is opened. Received: "
            f"{name.removeprefix('vatt>')!r} of {value.get('module')} in {source}. Import the module that "
            "has it first, or open the file with the version that wrote it."
        )


def _check_product(name: str, values: list, source) -> None:
    limit = {"sizes": _SAMPLES, "patch": _PATCH_VALUES}.get(name)
    numbers = [abs(value) for value in values if isinstance(value, int)]
    if limit is not None and math.prod(numbers) > limit:
        raise TooLargeError(
            f"The sizes in a model's `{name}` may multiply to at most {limit:,}. Received: {values[:8]} in "
            f"{source}. Take the file from who made the model."
        )


def _least_weights(settings: dict, width: int) -> int:
    """Weights that an object's own settings ask for at least, in a model whose tokens have `width` features
    or more.
    """
    numbers = {name: value for name, value in settings.items() if _is_count(value)}
    least = numbers.get("classes", 0) * width
    if all(name in numbers for name in _SIZE):
        inner = numbers["heads"] * numbers["head_width"]
        least += numbers["depth"] * numbers["width"] * (4 * inner + 2 * numbers["hidden_width"])
    least += numbers.get("vocabulary_size", 0) * numbers.get("table_width", width)
    least += _least_of_conv_nets(settings)
    patch, sizes = settings.get("patch"), settings.get("sizes")
    if not isinstance(patch, list) or not isinstance(sizes, list):
        return least
    least += math.prod(filter(_is_count, patch)) * width
    # A table has a row for every place along its axes; a spectrogram has fewer than its waveform's samples.
    if settings.get("log_mel") is None and all(map(_is_count, [*patch, *sizes])):
        places = [size // step for size, step in zip(sizes, patch)]
        joint = _joint_axes(settings)
        least += (math.prod(places[1:]) if joint else sum(places)) * width
    return least


def _least_of_conv_nets(settings: dict) -> int:
    """Weights of a `ResNet` or an `I3D`, of their wide convolutions alone."""
    depths, channels = settings.get("depths"), settings.get("stem_channels")
    least = 0
    if isinstance(depths, list) and isinstance(channels, int) and _is_count(channels):
        bottlenecks = [depth * 4**group for group, depth in enumerate(depths) if _is_count(depth)]
        least += 13 * channels**2 * sum(bottlenecks)  # 3 × 3, and 1 × 1 to four times as many
    factor, blocks = settings.get("width_factor"), settings.get("blocks")
    if isinstance(factor, int | float) and factor > 0 and isinstance(blocks, list):
        least += int(factor**2 * 50_000 * sum("mixed" in str(block) for block in blocks))
    return least


def _joint_axes(settings: dict) -> bool:
    """Whether a tokenizer's positions have a table over all places of a frame."""
    positions = settings.get("positions")
    config = positions.get("config") if isinstance(positions, dict) else None
    return isinstance(config, dict) and bool(config.get("joint_axes"))


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
