"""The report's parts one by one: markup, numbers for people, intervals, charts."""

import math
import re

import pytest

from vatt.report import scales
from vatt.report.curves import SLOTS, Series, line_chart
from vatt.report.markup import Markup, element, join
from vatt.report.tables import retrieval_table


def test_markup_escapes_what_is_not_markup():
    made = element(
        "p", "1 < 2", None, [Markup("<b>x</b>"), 3], class_="a", data_head='"&', hidden=True, id=None
    )
    assert made == '<p class="a" data-head="&#34;&amp;" hidden>1 &lt; 2<b>x</b>3</p>'
    assert element("img", src="x") == '<img src="x">'
    assert join(["a", None, "&"]) == "a&amp;"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1,234"),
        (168.25, "168"),
        (8.4321, "8.43"),
        (0.7312, "0.731"),
        (1e-4, "1×10⁻⁴"),
        (2.5e-5, "2.5×10⁻⁵"),
        (3e7, "3×10⁷"),
        (math.inf, "not finite"),
    ],
)
def test_short_numbers(value, text):
    assert scales.short(value) == text


def test_percent_and_duration():
    assert scales.percent(0.7123) == "71.2\u202f%" and scales.percent(0.57) == "57.0\u202f%"
    assert scales.percent(1.0) == "100\u202f%" and scales.percent(0.0) == "0\u202f%"
    assert [scales.duration(s) for s in (9, 93, 3700, 90000)] == ["9 s", "1 min 33 s", "1 h 1 min", "1 d 1 h"]
    assert [scales.duration(s) for s in (0.254, 9.7, 59.4, 59.9, 7260)] == [
        "0.254 s",
        "9.7 s",
        "59 s",
        "1 min 0 s",
        "2 h 1 min",
    ]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.3, 9.7), (-2, 2), (1, 1500), (0, 1e-4), (1e6, 1e6 + 3)])
def test_ticks_are_round_inside_and_neither_few_nor_many(low, high):
    made = scales.ticks(low, high)
    assert 2 <= len(made) <= 7
    assert low - 1e-9 * abs(low) <= made[0] and made[-1] <= high * (1 + 1e-9)
    step = made[1] - made[0]
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(mantissa - round_one) for round_one in (1, 2, 2.5, 5)) < 1e-3
    assert scales.ticks(3, 3) == [3]


def test_table_shows_permuted_intervals_and_leaves_out_what_is_not_there():
    one = {"label": "text → video", "derived": False, "queries": 20, "left_out": 0}
    figures = {"recall_at_1": 0.5, "permuted_low_recall_at_1": 0.01, "permuted_high_recall_at_1": 0.12}
    text = re.sub(r"<[^>]+>", "|", retrieval_table([one | {"figures": figures}], [1, 5], "figures"))
    assert "permuted 1.0\u202f% to 12.0\u202f%" in text
    assert text.count("–") == 3  # R@5, median and mean rank


def points(chart, kind):
    """Coordinates of the first line ("polyline") or band ("polygon")."""
    text = re.search(rf'<{kind} points="([^"]+)"', chart)[1]
    return [tuple(map(float, pair.split(","))) for pair in text.split()]


def test_a_chart_draws_every_point_at_its_place():
    chart = line_chart("Loss", [Series("total", [(0, 4.0), (50, 2.0), (100, 0.0)])])
    line = points(chart, "polyline")
    assert len(line) == 3 and "polygon" not in chart
    assert line[1][0] == pytest.approx((line[0][0] + line[2][0]) / 2, abs=0.1)
    assert line[1][1] == pytest.approx((line[0][1] + line[2][1]) / 2, abs=0.1)
    assert line[0][1] < line[2][1]  # SVG counts downwards: the greater value stands higher
    assert "<title>step 100 · 0</title>" in chart
    assert "total from 4.00 to 0" in chart


def test_a_long_series_keeps_its_spike_in_the_band():
    values = [(step, 100.0 if step == 3001 else 1.0) for step in range(1, 6001)]
    chart = line_chart("Gradient norm", [Series("norm", values)], from_zero=True)
    line, band = points(chart, "polyline"), points(chart, "polygon")
    assert len(line) == SLOTS
    assert min(y for _, y in band) < min(y for _, y in line)  # higher on the page
    assert len(chart) < 60_000


def test_gaps_are_left_open_and_counted():
    values = [(1, 1.0), (2, 2.0), (3, math.nan), (4, 1.0), (5, 2.0), (6, math.inf), (7, 3.0)]
    chart = line_chart("Loss", [Series("total", values)])
    assert chart.count("<polyline") == 2 and chart.count('class="fill m0"') == 1
    assert "2 value(s) are not finite" in chart


@pytest.mark.parametrize("values", [[], [(1, math.nan)]])
def test_nothing_to_draw_is_said(values):
    assert "No number to draw." in line_chart("Loss", [Series("total", values)])


def test_constant_and_single_points_do_not_divide_by_zero():
    assert "<circle" in line_chart("Loss", [Series("total", [(5, 0.0)])])
    assert "<polyline" in line_chart("Loss", [Series("total", [(1, 3.0), (2, 3.0)])])


def test_lines_differ_without_colour():
    chart = line_chart("Loss", [Series(name, [(1, 1.0), (2, 2.0)]) for name in "abc"])
    assert chart.count("stroke-dasharray") == 4  # two dashed lines, in the drawing and in the legend
    assert "<title>step 2 · a 2.00 · b 2.00 · c 2.00</title>" in chart
