"""The paper's tables: every figure is tied to gin files that are there, and to numbers of evaluators."""

import json
from pathlib import Path

import pytest

from vatt.tables.paper import read_cells, read_titles

ROOT = Path(__file__).parents[2]
COSTS = {"GFLOPs", "TFLOPs of 12 views", "M parameters"}  # `vatt plan --paper` has them next to ours
CELLS = read_cells()


def cell(table, row, column):
    (found,) = (each for each in CELLS if (each.table, each.row, each.column) == (table, row, column))
    return found


def test_some_figures_by_hand():
    assert cell("1", "Medium", "Kinetics-600 top-5 %").value == 96.1
    assert cell("2", "Base", "AudioSet d-prime").value == 2.895
    assert cell("4", "MBS", "MSR-VTT MedR").value == 49
    assert cell("10", "spectrogram, 16 × 5", "ESC-50 top-1 %").value == 88
    assert set(read_titles()) == {"1", "2", "3", "4", "4.2.1", "5", "6", "7", "8", "9", "10"}


def test_what_the_paper_quotes_of_other_systems():
    quoted = [each for each in CELLS if each.is_quoted]
    assert {each.table: each.value for each in quoted if each.row.startswith("MMV")}["8"] == 88.9
    assert cell("1", "SlowFast-R101-NL", "Kinetics-400 top-1 %").value == 79.8
    assert cell("2", "Wavegram-CNN", "AudioSet mAP %").value == 38.9
    assert cell("3", "ViT-Base, supervised on JFT", "ImageNet top-1 %").value == 79.9
    assert {each.table for each in quoted} == {"1", "2", "3", "4", "8"}
    of_mmv = [each for each in quoted if each.gin]
    assert {each.row for each in of_mmv} == {"MMV, batch 4096", "MMV, SVM"}
    assert {each.start for each in of_mmv} == {("pretrain", "paper", "mmv")}
    best = max(each.value for each in quoted if each.column == "Kinetics-400 top-1 %")
    assert best < cell("1", "Medium", "Kinetics-400 top-1 %").value  # the paper's headline


@pytest.mark.parametrize(
    "each",
    [each for each in CELLS if not each.is_quoted],
    ids=lambda each: f"{each.table}-{each.row}-{each.column}",
)
def test_every_figure_but_the_costs_has_its_gin_files(each):
    assert bool(each.gin) == (each.column not in COSTS)
    runnable = each.gin[:1] + each.start[:1]
    overlays = [*each.gin[1:], *each.start[1:]]
    assert all((ROOT / "experiments" / f"{name}.gin").is_file() for name in runnable)
    assert all((ROOT / "experiments" / "overlay" / f"{name}.gin").is_file() for name in overlays)


def test_one_configuration_has_one_figure_or_its_figures_are_marked():
    told = {}
    for each in CELLS:
        if each.gin:
            told.setdefault((each.gin, each.start, each.number), []).append(each)
    for cells in told.values():
        assert len({each.table for each in cells}) == len(cells)
        assert len({each.value for each in cells}) == 1 or all(each.inferred for each in cells)


def test_the_standard_run_s_figures_are_told_from_those_of_exploration():
    found = {
        each.value: (each.start[2:], bool(each.inferred))
        for each in CELLS
        if each.column == "YouCook2 R@10 %"
        and not each.is_quoted
        and each.value in (45.5, 51.2, 20.7, 27.53, 25.72)
    }
    small = ("paper_batch_512",)
    assert found == {
        45.5: ((), False),
        51.2: (("paper_batch_8192",), False),
        20.7: ((*small, "drop_token_50"), True),
        27.53: (small, True),
        25.72: (small, True),
    }
    assert cell("2", "Base", "AudioSet mAP %").start == ("pretrain", "paper", "paper_base")


def test_numbers_are_named_as_the_experiments_name_them():
    names = {each.gin[0]: each.number.partition("/")[0] for each in CELLS if each.gin}
    for experiment, evaluator in names.items():
        text = (ROOT / "experiments" / f"{experiment}.gin").read_text(encoding="utf-8")
        included = [line.split("'")[1] for line in text.splitlines() if line.startswith("include")]
        text += "".join((ROOT / file).read_text(encoding="utf-8") for file in included)
        assert f".name = '{evaluator}'" in text, experiment


def test_the_tie_has_no_row_or_column_that_the_paper_has_not():
    ties = json.loads((ROOT / "experiments" / "tables.json").read_text(encoding="utf-8"))
    assert set(ties["columns"]) == {each.column for each in CELLS} - COSTS
    rows = {(table, row) for table, named in ties["rows"].items() for row in named}
    assert rows == {
        (each.table, each.row)
        for each in CELLS
        if each.column not in COSTS and (each.gin or not each.is_quoted)
    }
