"""The analyses' drawings: palettes that can be distinguished, places by hand, pixels of the heat maps."""

import base64
import importlib.resources
import io
import re

import numpy as np
import pytest
from PIL import Image

from vatt.report.analyses import heat
from vatt.report.analyses.scatter import marks, scatter
from vatt.report.plot import COLOURS, Axis, Plot

STYLE = importlib.resources.files("vatt.report").joinpath("style.css").read_text()
LIGHT, DARK, PAPER = (
    re.findall(r"--mark\d: (#\w{6})", block) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
)


def luminance(colour):
    """Relative luminance of "#rrggbb" (WCAG 2.1)."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def cards():
    """The cards' colours, light and dark."""
    return re.findall(r"--card: (#\w{6})", STYLE)[:2]


@pytest.mark.parametrize(("colours", "page"), [(LIGHT, 0), (DARK, 1)], ids=["light", "dark"])
def test_every_colour_stands_out_from_the_page(colours, page):
    assert len(colours) == COLOURS
    for colour in colours:
        assert contrast(colour, cards()[page]) >= 2.9, (
            colour
        )  # 3:1 is asked of graphics, marks differ besides


# What a reader without one kind of cone sees (Machado et al. 2009, severity 1.0), in linear RGB.
_BLIND = {
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}


@pytest.mark.parametrize("kind", _BLIND)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_first_three_differ_for_colour_blind_readers(kind, colours):
    seen = []
    for colour in colours[:3]:  # modalities, and the two curves of every plot
        parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
        seen.append(np.clip(np.array(_BLIND[kind]) @ parts**2.2, 0, 1) ** (1 / 2.2))
    distances = [np.linalg.norm(seen[a] - seen[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(distances) > 0.2


def test_a_hundred_classes_look_different():
    looks = set()
    for number in range(100):
        mark = marks(number, [(1, 2)], None, few=False)
        looks.add((re.search(r'd="M1 2([^"]*)"', mark)[1], re.search(r'class="([^"]*)"', mark)[1]))
    assert len(looks) == 100
    few = {marks(number, [(1, 2)], None, few=True) for number in range(12)}
    shapes = {re.search(r'd="M1 2([^"]*)" class="marks (\w+)', mark).groups() for mark in few}
    assert len(shapes) == 12  # without any colour


def test_a_scatter_names_few_categories_and_counts_many():
    points = [[-1, -1], [1, 1], [0, 0]]
    drawn = scatter("Title", points, [0, 2, 2], ["one", "none", "<two>"])
    places = [
        tuple(map(float, each)) for each in re.findall(r"M([\d.]+) ([\d.]+)", drawn.split('class="chart"')[1])
    ]
    assert len(places) == 3
    (left, low), (middle, centre), (right, high) = sorted(places)
    assert left < middle < right and low > centre > high  # SVG counts downwards
    assert middle - left == pytest.approx(right - middle) == pytest.approx(low - centre)
    assert "&lt;two&gt; · 2" in drawn and "one · 1" in drawn
    assert drawn.count('class="legend"') == 2  # nothing is of "none"
    many = scatter("Title", [[0, 0]] * 40, list(range(40)), [f"class {n}" for n in range(40)])
    assert 'class="legend"' not in many and "40 points of 40 categories; the pointer" in many


def test_a_plot_places_lines_and_dots_and_skips_gaps():
    plot = Plot("Title", Axis(low=0, high=10, label="x", is_whole=True), Axis(low=0, high=1))
    (left, bottom), (right, top), middle = plot.place(0, 0), plot.place(10, 1), plot.place(5, 0.5)
    assert left < right and top < bottom  # SVG counts downwards
    assert middle == (pytest.approx((left + right) / 2, abs=0.1), pytest.approx((top + bottom) / 2, abs=0.1))
    plot.line([(0, 0.0), (5, float("nan")), (10, 1.0)], 1, "line")
    plot.points([(5, 0.5, 0.25, 0.75, "dot <5>")], 0, "dots")
    drawn = plot.figure("a note")
    assert f'points="{left:g},{bottom:g} {right:g},{top:g}"' in drawn
    assert f'cx="{middle[0]}" cy="{middle[1]}"' in drawn
    assert "dot &lt;5&gt;" in drawn and "a note" in drawn and drawn.count('class="legend"') == 2
    assert ">2.5<" not in drawn
    flat = Plot("Flat", Axis(low=1, high=1, label="x"), Axis(low=0, high=0))
    flat.line([(1, 0)], 0, "one")
    assert "nan" not in flat.figure() and "<circle" in flat.figure()


def test_an_axis_of_large_numbers_has_a_power_of_ten():
    drawn = Plot("Large", Axis(low=0, high=1, label="x"), Axis(low=0, high=3e7)).figure()
    assert (
        "×10⁶" in drawn
        and ">20<" in drawn
        and "×10" not in Plot("s", Axis(low=0, high=1), Axis(low=-5, high=5)).figure()
    )
    assert ">−2.5<" in Plot("s", Axis(low=0, high=1), Axis(low=-5, high=5)).figure()


def pixels(markup):
    """float [rows, columns, 4] of the image in some markup."""
    (source,) = re.findall(r"data:image/png;base64,([\w+/=]+)", markup)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source))), float)


def test_a_heat_map_has_the_sign_as_colour_and_the_size_as_strength():
    found = pixels(heat.signed_map([[0.0, 0.5], [-1.0, 7.0]], 1.0, "alt", 44))
    assert found.shape == (2, 2, 4)
    np.testing.assert_array_equal(found[..., 3], [[0, 128], [255, 255]])  # nothing is clear, too much is full
    assert tuple(found[0, 1, :3]) == heat.POSITIVE and tuple(found[1, 0, :3]) == heat.NEGATIVE
    key = pixels(heat.signed_key("1"))
    assert key.shape == (1, 41, 4) and key[0, 20, 3] == 0 and tuple(key[0, 0, :3]) == heat.NEGATIVE


def test_a_veil_is_darkest_where_there_is_least():
    found = pixels(heat.veil([[0.0, 2.0, 4.0]], 0.0, 2.0))[..., 3]
    assert found.shape == (8, 24) and not pixels(heat.veil([[1.0]], 0.0, 1.0))[..., :3].any()
    assert found[4, 0] > 200 and found[4, -1] == 0 and found[4, 12] < 60
    assert np.all(pixels(heat.veil([[1.0, 1.0]], 1.0, 1.0))[..., 3] > 200)  # nothing stands out


def test_the_rules_name_every_colour_in_light_dark_and_on_paper():
    assert len(LIGHT) == len(DARK) == COLOURS and PAPER == LIGHT
    for number in range(COLOURS):
        assert f".m{number} {{" in STYLE
    assert "url(" not in STYLE and "@import" not in STYLE
