"""The curves of a training run."""

import math

from vatt.report import scales
from vatt.report.curves import Series, line_chart
from vatt.report.markup import Markup, element
from vatt.report.run_files import RunFiles


def points(run: RunFiles, key: str) -> list[tuple[int, float]]:
    """(step, value) of a journal column; null and text count as not finite, an absent key as no point."""
    return [
        (line["step"], float(line[key]) if isinstance(line[key], int | float) else math.nan)
        for line in run.journal
        if key in line
    ]


def curves(run: RunFiles) -> Markup | None:
    """Loss and its parts, learning rate, gradient norm, throughput, data wait; None without a journal."""
    if not run.journal:
        return None
    parts = sorted({key for line in run.journal for key in line if key.startswith("loss/")})
    names = {"loss": "total"} | {key: key.removeprefix("loss/").replace("_", "–") for key in parts}
    charts = [line_chart("Loss", [Series(label, points(run, key)) for key, label in names.items()][:4])]
    for key, title, settings in (
        ("learning_rate", "Learning rate", {"from_zero": True}),
        ("gradient_norm", "Gradient norm", {"from_zero": True}),
        ("clips_per_second", "Throughput", {"unit": "clips/s", "from_zero": True}),
        (
            "data_wait_share",
            "Waiting for data",
            {"unit": "share of the time", "from_zero": True, "write": scales.percent},
        ),
    ):
        if column := points(run, key):
            charts.append(line_chart(title, [Series(title, column)], **settings))
    return element("section", element("h2", "Training"), element("div", charts, class_="curves"))
