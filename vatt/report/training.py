"""The curves of a training run: which columns of the journal are drawn together, and how."""

import dataclasses
from collections.abc import Callable

from vatt.report import scales
from vatt.report.alarms import marks
from vatt.report.columns import Columns
from vatt.report.curves import MOST_LINES, Series, line_chart
from vatt.report.markup import Markup, element
from vatt.report.run_files import RunFiles
from vatt.report.thinning import SLOTS

_BOOKKEEPING = ("seconds",)
_MOST_OTHERS = 12  # columns that are not known here


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curve:
    """One chart.

    Args:
        title: what is drawn.
        names: column of the journal -> its label.
        unit: of the values.
        from_zero, write: see `line_chart`.
    """

    title: str
    names: dict[str, str]
    unit: str = ""
    from_zero: bool = True
    write: Callable[[float], str] | None = None

    def chart(self, series: list[Series], title: str | None = None, marks=()) -> Markup:
        """The figure of some series in this curve's manner."""
        settings = {"unit": self.unit, "from_zero": self.from_zero, "write": self.write, "marks": marks}
        return line_chart(title or self.title, series, **settings)


_KNOWN = (
    Curve(title="Learning rate", names={"learning_rate": "learning rate"}),
    Curve(title="Gradient norm", names={"gradient_norm": "gradient norm"}),
    Curve(title="Throughput", names={"clips_per_second": "clips"}, unit="clips/s"),
    Curve(title="Tokens", names={"tokens_per_second": "tokens"}, unit="tokens/s, as the encoders see them"),
    Curve(title="Operations", names={"flops_per_second": "operations"}, unit="FLOP/s, forward and backward"),
    Curve(
        title="Utilisation (MFU)",
        names={"mfu": "MFU"},
        unit="share of the devices' peak",
        write=scales.percent,
    ),
    Curve(
        title="Waiting for data",
        names={"data_wait_share": "wait"},
        unit="share of the time",
        write=scales.percent,
    ),
    Curve(
        title="Memory, most so far",
        names={"memory_gib": "process", "device_memory_gib": "first GPU"},
        unit="GiB",
    ),
    Curve(
        title="Clips that say something",
        names={"data/video": "video", "data/audio": "audio", "data/text": "text"},
        unit="share of a batch",
        write=scales.percent,
    ),
    Curve(title="Steps left out", names={"skipped_steps": "steps"}, unit="so far"),
    Curve(title="Damaged records", names={"damaged_records": "records"}, unit="met since the last start"),
)


def known_curves(journal: Columns) -> list[Curve]:
    """What can be drawn of a journal: the loss with its parts, what is known here, and what else there is."""
    parts = sorted(name for name in journal.points if name.startswith("loss/"))
    loss = {"loss": "total"} | {name: name.removeprefix("loss/").replace("_", "–") for name in parts}
    groups = [list(loss)[n : n + MOST_LINES] for n in range(0, len(loss), MOST_LINES)]
    curves = [
        Curve(title="Loss", names={name: loss[name] for name in group}, from_zero=False) for group in groups
    ]
    curves += _KNOWN
    drawn = {name for curve in curves for name in curve.names}
    others = sorted(name for name in journal.points if name not in drawn and name not in _BOOKKEEPING)
    curves += [Curve(title=name, names={name: name}, from_zero=False) for name in others[:_MOST_OTHERS]]
    return [curve for curve in curves if any(len(journal[name]) for name in curve.names)]


def training(run: RunFiles) -> Markup | None:
    """All curves; None without a journal."""
    journal = run.journal
    if not journal:
        return None
    charts = []
    for curve in known_curves(journal):
        series = [Series(label, journal[name]) for name, label in curve.names.items() if len(journal[name])]
        charts.append(curve.chart(series, marks=marks(run) if curve.title == "Loss" else ()))
    return element(
        "section",
        element("h2", "Training", id="training"),
        thinning_note([journal]),
        element("div", charts, class_="plots"),
    )


def thinning_note(journals: list[Columns]) -> Markup | None:
    """How long journals are drawn, in a sentence; None where every line is drawn."""
    lines = max(journal.lines for journal in journals)
    if lines <= SLOTS:
        return None
    return element(
        "p",
        f"The journal has {lines:,} lines. A curve joins the means of {SLOTS} stretches of neighbouring "
        "lines; the band around it spans the least and the greatest value of each: no spike is lost.",
        class_="note",
    )
