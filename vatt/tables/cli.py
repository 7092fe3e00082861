"""`vatt tables`: which gin file computes which figure of the paper, and what our last run of it found."""

import argparse
import json
from pathlib import Path

from rich.table import Table

from vatt import config
from vatt.arguments import add_json, explain
from vatt.tables.paper import Cell, read_cells, read_titles
from vatt.tables.results import Result, read_results
from vatt.terminal import Console, show, text_table

_DESCRIPTION = """\
Lists every runnable gin file with the paper's tables that it computes and the result of our last run of it.
With --paper, every result of the paper with its gin files and overlays, compared with ours, and those of
other systems that it quotes.

A run counts for a figure if it was made with those very gin files, and started from a pre-training with the
ones that the row asks for. Other settings given on the command line are named, as they may change the
figure. What is compared is in each run's evaluations/NAME.json, under "protocol".
"""
# Of each evaluator, without its name.
_HEADLINES = ("top_1", "mean_average_precision", "text_to_video/recall_at_10", "text_to_video/median_rank")
_WIDTH = 110
_COUNTED = "(none: `vatt plan --paper` counts it)"
_QUOTED = "(another system, quoted)"
_WHAT = "what it is, and our last result"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help="run directories, or folders of them (default: runs, if there)"
    )
    parser.add_argument("--paper", action="store_true", help="list every figure of the paper")
    add_json(parser)
    explain(parser, "vatt tables --paper runs")


def main(arguments: argparse.Namespace) -> int:
    """Prints the list; returns the exit status."""
    places = arguments.runs or [place for place in ("runs",) if Path(place).is_dir()]
    cells, results = read_cells(), read_results(places)
    if arguments.json:
        made = _described_cells(cells, results) if arguments.paper else _described_files(cells, results)
        show(json.dumps(made, indent=1, ensure_ascii=False))
    elif arguments.paper:
        _print_cells(cells, results)
    else:
        _print_files(cells, results)
    return 0


def result_of(cell: Cell, results: list[Result]) -> Result | None:
    """The newest run that measured what a cell is about."""
    return next((result for result in results if result.fits(cell)), None)


def _described_cells(cells, results) -> list[dict]:
    described = []
    for cell in cells:
        entry = {
            "table": cell.table,
            "row": cell.row,
            "column": cell.column,
            "paper": cell.value,
            "gin": list(cell.gin),
            "start": list(cell.start),
            "number": cell.number,
            "quoted": cell.is_quoted,
            "inferred": cell.inferred,
            "ours": None,
        }
        if result := result_of(cell, results):
            evaluator = cell.number.partition("/")[0]
            entry |= {"ours": _value(cell, result), "protocol": result.protocols.get(evaluator)}
            entry |= _origin(result)
        described.append(entry)
    return described


def _described_files(cells, results) -> list[dict]:
    described = []
    for name, what in _experiments():
        tables = dict.fromkeys(cell.table for cell in cells if cell.gin[:1] == (name,))
        entry = {"gin": name, "what": what, "tables": list(tables), "ours": None}
        if result := next((each for each in results if each.gin[:1] == (name,)), None):
            numbers = {key: result.numbers[key] for key in result.numbers if _is_headline(key)}
            entry |= {"ours": numbers, "with": list(result.gin[1:]), **_origin(result)}
        described.append(entry)
    return described


def _is_headline(number: str) -> bool:
    return number.partition("/")[2] in _HEADLINES


def _origin(result: Result) -> dict:
    return {"run": str(result.directory), "step": result.step, "changed": list(result.changed)}


def _print_files(cells, results) -> None:
    table = text_table("gin file", "tables", _WHAT, left=("gin file", "tables", _WHAT))
    for entry in _described_files(cells, results):
        text = entry["what"]
        if entry["ours"]:
            overlays = f" with {', '.join(entry['with'])}" if entry["with"] else ""
            numbers = ", ".join(f"{key} {value:.4g}" for key, value in entry["ours"].items()) or "no headline"
            text += f"\n→ {numbers} ({entry['run']}, step {entry['step']}{overlays}{_changed(entry)})"
        table.add_row(entry["gin"], ", ".join(entry["tables"]) or "none", text)
    _print(table)


def _print_cells(cells, results) -> None:
    described = _described_cells(cells, results)
    for number, title in read_titles().items():
        heading = f"Table {number}" if number.isdigit() else f"Section {number}"
        table = text_table("row", "column", "paper", "ours", "gin files", left=("row", "column", "gin files"))
        inferred = {entry["inferred"] for entry in described if entry["table"] == number} - {""}
        for entry in described:
            if entry["table"] != number:
                continue
            ours = f"{entry['ours']:.4g}" if entry["ours"] is not None else "-"
            files = " + ".join(entry["gin"]) or (_QUOTED if entry["quoted"] else _COUNTED)
            if entry["start"]:
                files += f" from {' + '.join(entry['start'])}"
            if entry["ours"] is not None:
                files += f"\n→ {entry['run']}, step {entry['step']}{_changed(entry)}"
            table.add_row(entry["row"], entry["column"], f"{entry['paper']:g}", ours, files)
        show("\n".join([f"{heading}: {title}", *(f"  {note}" for note in inferred)]))
        _print(table)


def _changed(entry: dict) -> str:
    return f"; changed: {' '.join(entry['changed'])}" if entry["changed"] else ""


def _value(cell: Cell, result: Result) -> float | None:
    value = result.numbers[cell.number]
    return None if value is None else 100 * value if cell.is_percent else value


def _experiments() -> list[tuple[str, str]]:
    """Name and first line of every runnable gin file."""
    files = [file for file in config.available() if Path(file).parent.name == "experiments"]
    return [(Path(file).stem, _first_line(config.resolve(file))) for file in files]


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def _print(table: Table) -> None:
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(table)
