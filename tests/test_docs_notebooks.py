"""The notebooks run from first to last cell, one after the other in one folder; no outputs are kept."""

import json
from pathlib import Path

import keras
import pytest

from tests.documents import ROOT

FOLDER = ROOT / "docs" / "notebooks"
ORDER = ("pretrain_folder.ipynb", "embed_and_search.ipynb")


def cells(name, kind):
    """Sources of the cells of a kind."""
    notebook = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_there_are_no_others():
    assert {path.name for path in FOLDER.iterdir() if path.suffix} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_outputs_are_not_kept(name):
    notebook = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.slow
def test_the_notebooks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ORDER:
        given = {"__name__": "notebook"}
        for number, source in enumerate(cells(name, "code")):
            exec(compile(source, f"{name}, cell {number}", "exec"), given)
        keras.config.set_dtype_policy("float32")
    assert Path("run/report.html").is_file() and Path("records/dataset.json").is_file()
    assert given["cosines"].shape == (2, 10)
    said = capsys.readouterr()
    assert "error: " not in said.err
    assert said.out.count(".mp4") >= 2 + 3 + 3  # by vectors, by a sentence, by audio
