"""The paper's tables, cell by cell: the published figure, and which gin files compute it.

The results are facts and are in `data/paper_tables.json`; the tie to the gin files is
`experiments/tables.json`, and nowhere else.
"""

import dataclasses
from pathlib import Path

from vatt import config
from vatt.files.json_file import parse_json

FIGURES, TIES = "data/paper_tables.json", "experiments/tables.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One figure of the paper."""

    table: str  # its number; a section's for figures in the text
    row: str  # their names
    column: str
    value: float  # the figure, in percent where the column says so
    # names of the gin files that compute it, runnable one first, overlays after it; () for none
    gin: tuple[str, ...] = ()
    start: tuple[str, ...] = ()  # those of the pre-training that it starts from; () where there is none
    number: str = ""  # name in metrics.json; "" for none
    is_quoted: bool = False  # the paper quotes it, of another system
    inferred: str = ""  # what of it the paper does not state, and why we take what is here; "" for nothing

    @property
    def is_percent(self) -> bool:
        """Metrics are shares; most columns are percent."""
        return self.column.endswith("%")


def read_cells() -> list[Cell]:
    """Every figure of the paper, in its order."""
    tables = parse_json(_text(FIGURES), FIGURES)["tables"]
    ties = parse_json(_text(TIES), TIES)
    return [
        _tied(Cell(table=number, row=row, column=column, value=value, is_quoted=group == "quoted"), ties)
        for number, table in tables.items()
        for group in ("rows", "quoted")
        for row, values in table.get(group, {}).items()
        for column, value in zip(table["columns"], values, strict=True)
        if value is not None
    ]


def read_titles() -> dict[str, str]:
    """Table -> what it is about."""
    return {number: table["about"] for number, table in parse_json(_text(FIGURES), FIGURES)["tables"].items()}


def _tied(cell: Cell, ties: dict) -> Cell:
    if cell.column not in ties["columns"]:
        return cell
    file, number = ties["columns"][cell.column]
    tie = ties["rows"][cell.table].get(cell.row) if cell.is_quoted else ties["rows"][cell.table][cell.row]
    if tie is None:  # a system of which we have nothing
        return cell
    if "evaluator" in tie:
        number = "/".join([tie["evaluator"], *number.split("/")[1:]])
    gin = (file, *tie.get("with", ()))
    return dataclasses.replace(
        cell,
        gin=gin,
        start=tuple(tie.get("start", ())),
        number=number,
        inferred=ties["inferred"].get(cell.table, ""),
    )


def _text(name: str) -> str:
    for root in config.roots():
        if (root / name).is_file():
            return Path(root / name).read_text(encoding="utf-8")
    raise FileNotFoundError(
        f"The paper's tables are read from {FIGURES} and {TIES} of the repository or the installed package. "
        f"Received: no {name} in {', '.join(map(str, config.roots()))}. Install the package again."
    )
