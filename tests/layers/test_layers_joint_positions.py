"""Axes that share a position table, as an image ViT's rows and columns do."""

import numpy as np
import pytest

from tests.checks import check_layer
from tests.goldens import assert_near
from vatt.layers.interpolation import METHODS, grid_matrix, interpolation_matrix
from vatt.layers.positions import FactorisedPositions

GRID = {"grid": (2, 3, 4), "axes": ("time", "row", "column"), "width": 5}
JOINT = ("row", "column")


def test_the_layer():
    layer, _ = check_layer(
        lambda: FactorisedPositions(joint_axes=JOINT), {"grid": (2, 3, 4)}, trains=False, build=GRID
    )
    assert [table.name for table in layer.tables] == ["time_table", "row_column_table"]
    assert [tuple(table.shape) for table in layer.tables] == [(2, 5), (12, 5)]


@pytest.mark.parametrize("joint", [("row", "column"), ("time", "column")])
def test_every_place_has_its_row(joint):
    layer = FactorisedPositions(joint_axes=joint, normalise=False)
    layer.build(**GRID)
    tables = {table.name.removesuffix("_table"): np.asarray(table) for table in layer.tables}
    wanted = []
    for place in np.ndindex(2, 3, 4):
        time, row, column = place
        if joint == ("row", "column"):
            wanted.append(tables["time"][time] + tables["row_column"][row * 4 + column])
        else:
            wanted.append(tables["row"][row] + tables["time_column"][time * 4 + column])
    assert_near(layer(grid=(2, 3, 4)), np.stack(wanted), 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_grid_is_resized_axis_by_axis(method):
    table = np.random.default_rng(0).normal(size=(3, 4, 5))
    rows, columns = interpolation_matrix(3, 6, method), interpolation_matrix(4, 2, method)
    wanted = np.einsum("ir,jc,rcd->ijd", rows, columns, table)
    assert_near(grid_matrix((3, 4), (6, 2), method) @ table.reshape(12, 5), wanted.reshape(12, 5), 1e-12)
    layer = FactorisedPositions(joint_axes=JOINT, normalise=False, interpolation=method)
    layer.build(**GRID)
    layer.set_weights([np.zeros((2, 5)), table.reshape(12, 5)])
    # As many places as the table has, in another shape: a count alone would take it for the same grid.
    assert_near(layer(grid=(1, 6, 2)), wanted.reshape(12, 5), 1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"joint_axes": ("row",)}, "two axes or more"),
        ({"joint_axes": ("row", "depth")}, "two axes or more"),
        ({"interpolation": None}, "only by interpolation"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(ValueError, match=words):
        FactorisedPositions(**{"joint_axes": JOINT} | options).build(**GRID)
