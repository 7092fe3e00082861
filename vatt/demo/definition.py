"""The demo corpus's facts, read from `definition.json`, and the arithmetic of its combinations.

The file is package data, so that an installed wheel has it too; `data/demo/` shows it to a reader.
"""

import dataclasses
import functools
import importlib.resources
import itertools

from vatt.files.json_file import parse_json

FILE_NAME = "definition.json"


@functools.cache
def definition() -> dict:
    """The content of the definition file."""
    return parse_json(importlib.resources.files("vatt.demo").joinpath(FILE_NAME).read_bytes(), FILE_NAME)


@dataclasses.dataclass(frozen=True)
class Combination:
    """What one scene shows: a name out of each of the three lists."""

    colour: str
    shape: str
    action: str

    @property
    def group(self) -> str:
        """Clips of one group show the same thing: "red-disc-slides"."""
        return f"{self.colour}-{self.shape}-{self.action}"

    @property
    def names(self) -> tuple[str, str, str]:
        return self.colour, self.shape, self.action


@functools.cache
def labels() -> tuple[str, ...]:
    """Every label in its fixed order: colours, shapes, actions."""
    facts = definition()
    return (*facts["colours"], *facts["shapes"], *facts["actions"])


@functools.cache
def combinations() -> tuple[tuple[Combination, ...], tuple[Combination, ...]]:
    """(training, held-out) combinations.

    Every colour, shape and action, and every pair of two of them, occurs in training; only triples are new in
    the held-out ones.
    """
    facts = definition()
    rule = facts["held_out"]
    training, held_out = [], []
    names = (facts["colours"], facts["shapes"], facts["actions"])
    for indices in itertools.product(*(range(len(group)) for group in names)):
        combination = Combination(*(list(group)[index] for group, index in zip(names, indices)))
        is_held_out = sum(indices) % rule["modulus"] == rule["remainder"]
        (held_out if is_held_out else training).append(combination)
    return tuple(training), tuple(held_out)
