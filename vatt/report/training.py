"""The curves of a training run: which columns of the journal are drawn together, and how."""

import dataclasses
from collections.abc import Callable, Sequence

from vatt.report import scales
from vatt.report.alarms import marks
from vatt.report.columns import Columns
from vatt.report.curves import MOST_LINES, SLOTS, Series, line_chart
from vatt.report.markup import Markup, element
from vatt.report.run_files import RunFiles

_BOOKKEEPING = ("seconds",)
_MOST_OTHERS = 12  # columns that are not known here


@dataclasses.dataclass(frozen=True)
class Curve:
    """One chart."""

    title: str  # what is drawn
    names: dict[str, str]  # column of the journal -> its label
    unit: str = ""  # of the values
    write: Callable[[float], str] | None = None  # see `line_chart`
    from_zero: bool = True

    def chart(
        self, series: Sequence[Series], title: str | None = None, marks: Sequence[tuple[int, str]] = ()
    ) -> Markup:
        """The figure of some series in this curve's manner."""
        return line_chart(
            title or self.title,
            series,
            unit=self.unit,
            from_zero=self.from_zero,
            write=self.write,
            marks=marks,
        )


_CLIPS = {"data/video": "video", "data/audio": "audio", "data/text": "text"}
_KNOWN = (
    Curve("Learning rate", {"learning_rate": "learning rate"}),
    Curve("Gradient norm", {"gradient_norm": "gradient norm"}),
    Curve("Throughput", {"clips_per_second": "clips"}, "clips/s"),
    Curve("Tokens", {"tokens_per_second": "tokens"}, "tokens/s, as the encoders see them"),
    Curve("Operations", {"flops_per_second": "operations"}, "FLOP/s, forward and backward"),
    Curve("Utilisation (MFU)", {"mfu": "MFU"}, "share of the devices' peak", scales.percent),
    Curve("Waiting for data", {"data_wait_share": "wait"}, "share of the time", scales.percent),
    Curve("Memory, most so far", {"memory_gib": "process", "device_memory_gib": "first GPU"}, "GiB"),
    Curve("Clips that say something", _CLIPS, "share of a batch", scales.percent),
    Curve("Steps left out", {"skipped_steps": "steps"}, "so far"),
    Curve("Damaged records", {"damaged_records": "records"}, "met since the last start"),
)


def known_curves(journal: Columns) -> list[Curve]:
    """What can be drawn of a journal: the loss with its parts, what is known here, and what else there is."""
    parts = sorted(name for name in journal.points if name.startswith("loss/"))
    loss = {"loss": "total"} | {name: name.removeprefix("loss/").replace("_", "–") for name in parts}
    groups = [list(loss)[n : n + MOST_LINES] for n in range(0, len(loss), MOST_LINES)]
    curves = [Curve("Loss", {name: loss[name] for name in group}, from_zero=False) for group in groups]
    curves += _KNOWN
    drawn = {name for curve in curves for name in curve.names}
    others = sorted(name for name in journal.points if name not in drawn and name not in _BOOKKEEPING)
    curves += [Curve(name, {name: name}, from_zero=False) for name in others[:_MOST_OTHERS]]
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


def thinning_note(journals: Sequence[Columns]) -> Markup | None:
    """How long journals are drawn, in a sentence; None where every line is drawn."""
    lines = max(journal.lines for journal in journals)
    if lines <= SLOTS:
        return None
    text = (
        f"The journal has {lines:,} lines. A curve joins the means of {SLOTS} stretches of neighbouring "
        "lines; the band around it spans the least and the greatest value of each: no spike is lost."
    )
    return element("p", text, class_="note")
