"""Filling a model's weights from named arrays, with a report; every converter goes through here.

Matching looks at names and shapes alone, so a mapping can be checked against a list of shapes, without any
weights; filling reads one array at a time, so a checkpoint is never in memory as a whole.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from vatt.convert.report import ConversionError, Entry, LoadReport
from vatt.layers.interpolation import grid_matrix

Shapes = Mapping[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One weight of ours and what it is made from."""

    variable: keras.Variable  # the weight
    sources: tuple[str, ...]  # names of the arrays in the source; empty for a constant
    shapes: tuple[tuple[int, ...], ...]  # the shape that each of them must have
    make: Callable[..., np.ndarray] = lambda array: array  # arrays -> value of the weight
    note: str = ""  # what `make` does, "" where the array is taken as it is


def copied(name: str, variable: Any) -> Recipe:
    """Takes the array as it is."""
    return Recipe(variable, (name,), (tuple(variable.shape),))


def copies(names: Mapping) -> list[Recipe]:
    """Takes every array as it is; `names`: name in the source -> our variable."""
    return [copied(name, variable) for name, variable in names.items()]


def transposed(name: str, variable: Any) -> Recipe:
    """Takes a linear map that the source keeps as [out, in]; ours are [in, out]."""
    return Recipe(variable, (name,), (tuple(variable.shape)[::-1],), np.transpose, "transposed")


def resized(name: str, variable: Any, sizes: Sequence[int], new_sizes: Sequence[int], method: str) -> Recipe:
    """Takes a position table over axes of `sizes` positions, interpolated where ours has `new_sizes`."""
    if tuple(sizes) == tuple(new_sizes):
        return copied(name, variable)
    matrix = grid_matrix(sizes, new_sizes, method)
    return Recipe(
        variable,
        (name,),
        ((matrix.shape[1], variable.shape[1]),),
        lambda table: (matrix @ table.astype("float64")).astype(table.dtype),
        resize_note(sizes, new_sizes, method),
    )


def resize_note(sizes: Sequence[int], new_sizes: Sequence[int], method: str) -> str:
    """What an interpolation did, in words."""
    before, after = (" × ".join(map(str, numbers)) for numbers in (sizes, new_sizes))
    return f"{before} -> {after} positions, {method.replace('_', ' ')}"


def match(recipes: Iterable[Recipe], shapes: Shapes, *, source: str, target: str) -> LoadReport:
    """The report on filling weights from a source of these shapes.

    Args:
        recipes: one for every weight of the model.
        shapes: name in the source -> shape; what is no weight of the model is already left out.
        source, target: what is converted to what, in words.
    """
    report = LoadReport(source=source, target=target)
    known, misshapen = set(), {}
    for recipe in recipes:
        known.update(recipe.sources)
        variable, name = recipe.variable, " + ".join(recipe.sources) or None
        entry = Entry(name, variable.path, tuple(variable.shape), recipe.note)
        absent = [name for name in recipe.sources if name not in shapes]
        wrong = {
            name: shape
            for name, shape in zip(recipe.sources, recipe.shapes)
            if name in shapes and tuple(shapes[name]) != shape
        }
        if absent:
            report.missing.append(dataclasses.replace(entry, note="not in the source"))
        elif wrong:
            came = ", ".join(str(list(shapes[name])) for name in wrong)
            report.missing.append(dataclasses.replace(entry, note=f"the source has shape {came}"))
            misshapen |= {name: f"{variable.path} needs shape {list(wrong[name])}" for name in wrong}
        else:
            (report.transformed if recipe.note else report.matched).append(entry)
    for name, shape in shapes.items():
        if name not in known or name in misshapen:
            report.unused.append(Entry(name, None, tuple(shape), misshapen.get(name, "")))
    return report


def fill(report: LoadReport, recipes: Iterable[Recipe], read: Callable[[str], np.ndarray]) -> None:
    """Assigns what the report says was matched or transformed; `read` gives the array of a name."""
    taken = {entry.target for entry in report.matched + report.transformed}
    for recipe in recipes:
        if recipe.variable.path in taken:
            recipe.variable.assign(recipe.make(*map(read, recipe.sources)))


def require_complete(
    report: LoadReport, allow_missing: Sequence[str] = (), allow_unused: Sequence[str] = ()
) -> None:
    """Raises where the report has problems beyond what is allowed."""
    problems = report.problems(allow_missing, allow_unused)
    if problems:
        listed = "".join(f"\n  {entry}" for entry in problems[:10])
        more = f"\n  … and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ConversionError(
            "Every weight of the model must be filled and every variable of the source used. Received: "
            f"{len(report.missing)} missing, {len(report.unused)} unused:{listed}{more}\n"
            "Name what may stay out with `allow_missing` (our paths) and `allow_unused` (names in the "
            "source)."
        )
