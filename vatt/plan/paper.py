"""The paper's costs compared with ours, by its way of counting (`Count.paper`): Tables 1, 5, 6 and 7.

The paper's figures are those of `data/paper_tables.json`.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from vatt.models.paper import paper_agnostic, paper_vatt, video_classifier
from vatt.plan.costs import streams_of
from vatt.plan.count import Count
from vatt.plan.shapes import weights_in, without_weights
from vatt.spec import VIDEO, ClipSpec
from vatt.tables.paper import Cell, read_cells

# Table 7's 87.9, 155.0 and 306.1 M are those of a video Transformer with the classes of Kinetics-600.
_CLASSES = 600
_VIEWS = 12  # 4 clips × 3 crops (A.2.5)
_SMALL = "explained by nothing in the paper; this is a video Transformer of size Small with 600 classes"
_AGNOSTIC = "tokenizers alone, as the paper describes it; the release's projections add 1.1 %"

_FINE_TUNING = ClipSpec(frame_size=320, modalities=(VIDEO,))
_RATES = {"DropToken 0 %": 0.0, "DropToken 25 %": 0.25, "DropToken 50 %": 0.5, "DropToken 75 %": 0.75}
_CLIPS = {
    "32 × 224²": dataclasses.replace(_FINE_TUNING, frame_size=224),
    "64 × 224²": dataclasses.replace(_FINE_TUNING, frame_size=224, frames=64),
    "32 × 320²": _FINE_TUNING,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One figure."""

    name: str  # table, row and what it counts
    paper: float  # the figure
    ours: float  # in the same unit
    unit: str  # such as "GFLOPs"
    note: str = ""  # what is to be said of it; "" for nothing


def paper_rows() -> list[Row]:
    """Every cost that the paper states."""
    with without_weights():
        build = functools.cache(lambda kind, **options: kind(**options))
        return [
            _row(cell, build, *_OF_COLUMNS[cell.table, cell.column])
            for cell in read_cells()
            if (cell.table, cell.column) in _OF_COLUMNS and not cell.is_quoted
        ]


def _row(cell: Cell, build: Callable, unit: str, count: Callable, notes: dict[str, str]) -> Row:
    name = f"Table {cell.table}, {cell.row}"
    if cell.table == "1":
        name += f", {_VIEWS} views"
    return Row(
        name=name,
        paper=cell.value,
        ours=count(cell.row, build),
        unit=unit,
        note=notes.get(cell.row, ""),
    )


def forward_flops(model: Any, clip: ClipSpec, drop_rate: float = 0.0) -> int:
    """Of the towers, by the paper's count, at a rate of DropToken."""
    streams = streams_of(model, clip, drop_rate)
    return sum((stream.costs(training=True)[0] for stream in streams), Count()).paper


def _millions(row: str, build: Callable) -> float:
    return weights_in(build(video_classifier, classes=_CLASSES, size=row.lower()).weights) / 1e6


def _tera_of_views(row: str, build: Callable) -> float:
    agnostic, _, size = row.rpartition(" ")
    if agnostic:
        model = build(paper_agnostic, size=size.lower())
    else:
        model = build(video_classifier, classes=_CLASSES, size=size.lower())
    return _VIEWS * forward_flops(model, _FINE_TUNING) / 1e12


def _giga_of_pretraining(row: str, build: Callable) -> float:
    return forward_flops(build(paper_vatt), ClipSpec(), _RATES[row]) / 1e9


def _giga_of_view(row: str, build: Callable) -> float:
    clip, _, rate = row.partition(", ")
    model = build(video_classifier, classes=_CLASSES, size="medium")
    return forward_flops(model, _CLIPS[clip], _RATES[rate or "DropToken 0 %"]) / 1e9


_OF_COLUMNS = {
    ("1", "TFLOPs of 12 views"): ("TFLOPs", _tera_of_views, {"agnostic Medium": _AGNOSTIC}),
    ("5", "GFLOPs"): ("GFLOPs", _giga_of_pretraining, {}),
    ("6", "GFLOPs"): ("GFLOPs", _giga_of_view, {}),
    ("7", "M parameters"): ("M parameters", _millions, {"Small": _SMALL}),
}
