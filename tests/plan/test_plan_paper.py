"""The paper's costs by its own count: every figure of Tables 1, 5, 6 and 7 within 1 %."""

import pytest

from vatt.plan.paper import paper_rows
from vatt.tables.paper import read_cells

COSTS = {"GFLOPs", "TFLOPs of 12 views", "M parameters"}


@pytest.fixture(scope="module")
def rows():
    return {row.name: row for row in paper_rows()}


def test_every_cost_that_the_paper_states_has_a_row(rows):
    stated = [cell.value for cell in read_cells() if cell.column in COSTS and not cell.is_quoted]
    assert sorted(row.paper for row in rows.values()) == sorted(stated)
    assert len(stated) == 4 + 4 + 6 + 4


def test_all_are_within_one_percent(rows):
    for row in rows.values():
        assert row.ours == pytest.approx(row.paper, rel=0.01), row.name


@pytest.mark.parametrize(
    ("name", "paper", "unit"),
    [
        ("Table 1, Base, 12 views", 9.09, "TFLOPs"),
        ("Table 1, Medium, 12 views", 15.02, "TFLOPs"),
        ("Table 1, Large, 12 views", 29.80, "TFLOPs"),
        ("Table 5, DropToken 0 %", 784.8, "GFLOPs"),
        ("Table 5, DropToken 75 %", 188.1, "GFLOPs"),
        ("Table 6, 32 × 224²", 548.1, "GFLOPs"),
        ("Table 6, 64 × 224²", 1222.1, "GFLOPs"),
        ("Table 6, 32 × 320², DropToken 50 %", 572.5, "GFLOPs"),
        ("Table 7, Small", 20.9, "M parameters"),
    ],
)
def test_rows_are_what_they_are_called(rows, name, paper, unit):
    assert (rows[name].paper, rows[name].unit) == (paper, unit)


def test_parameters_of_table_7_are_exact(rows):
    ours = [rows[f"Table 7, {size}"].ours for size in ("Base", "Medium", "Large")]
    assert ours == [87.907416, 154.958424, 306.113112]
