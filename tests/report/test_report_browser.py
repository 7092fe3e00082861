"""The pages in a real browser: nothing to complain about, nothing asked for, narrow, dark, on paper."""

import pytest

from tests.chromium import NAMES, find_browser
from tests.report import made_up_runs
from tests.report.browser import Browser
from vatt.report.comparison import write_comparison
from vatt.report.page import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_browser() is None, reason=f"needs a browser: none of {', '.join(NAMES)} is installed"
    ),
]
WIDTHS = (360, 768, 1440)
# What stands out of the window to the right, of all elements that do not scroll for themselves.
STANDS_OUT = """
[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, pre, svg') &&
  e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(
    e => e.outerHTML.slice(0, 120))
"""
_OVERLAPS = """
[...document.querySelectorAll('.facts dd, .figures td, .contrast td, .pairs td, .card-lines td')].filter(
  e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map(e => e.outerHTML.slice(0, 120))
"""
LEGIBLE = """
(() => {
  const light = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 :
    ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/^rgba.*, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('p, small, td, th, dt, dd, h1, h2, h3, li, .tag, .verdict, .side, a')]
    .filter(e => e.textContent.trim() && e.getClientRects().length).map(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 100)]; }).filter(pair => pair[0] < 4.5);
})()
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of each kind: of a run with every section, of a troubled one, of two side by side."""
    place = tmp_path_factory.mktemp("runs")
    full, troubled = made_up_runs.write_run(place / "full"), made_up_runs.write_troubled_run(place / "t")
    for name, artifact in (
        ("few", made_up_runs.classification()),
        ("many", made_up_runs.classification(classes=28, name="a class with rather a long name, number {}")),
        ("most", made_up_runs.classification(classes=40, name="Averylongname" * 6 + "{}")),
        ("probe", made_up_runs.probe()),
        ("zero", made_up_runs.zero_shot()),
        ("sounds", made_up_runs.several_labels()),
        ("splits", made_up_runs.splits()),
    ):
        made_up_runs.write_evaluation(full, name, artifact)
        made_up_runs.write_evaluation(troubled, name, artifact | {"protocol": made_up_runs.card(views=4)})
    made_up_runs.write_evaluation(troubled, "few", made_up_runs.classification())
    return [write_report(full), write_report(troubled), write_comparison(full, troubled)]


@pytest.fixture(scope="module")
def browser():
    with Browser() as opened:
        yield opened


@pytest.mark.parametrize("number", range(3), ids=["full", "troubled", "compared"])
def test_a_browser_finds_nothing_to_complain_about(browser, pages, number):
    path = pages[number]
    for width in WIDTHS:
        browser.open(path, width=width)
        browser.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.evaluate(STANDS_OUT) == []
        assert browser.evaluate(_OVERLAPS) == []
        assert browser.complaints == [] and browser.requests == [path.as_uri()]
    assert browser.evaluate("document.querySelectorAll('script').length") == 0
    assert browser.evaluate("document.querySelectorAll('svg.chart').length") >= 5


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("number", range(3), ids=["full", "troubled", "compared"])
def test_every_text_can_be_read(browser, pages, number, dark):
    browser.open(pages[number], dark=dark)
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 23, 27)" if dark else "rgb(251, 251, 250)")
    assert browser.evaluate(LEGIBLE) == []  # 4.5 : 1, as WCAG asks for


def test_the_page_can_be_printed(browser, pages):
    browser.open(pages[0], dark=True)
    printed = browser.pdf()
    assert printed.startswith(b"%PDF-") and printed.rstrip().endswith(b"%%EOF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") > 2


def test_the_checks_see_what_they_look_for(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<meta name='viewport' content='width=device-width'>"
        "<body style='background: #fff'><p style='width: 900px; color: #bbb'>wide and pale</p>"
        "<img src='https://example.invalid/x.png'><script>console.log('said'); null.x</script>"
    )
    browser.open(page, width=360)
    assert browser.evaluate(STANDS_OUT) and browser.evaluate(LEGIBLE)
    assert "https://example.invalid/x.png" in browser.requests
    assert any("said" in text for text in browser.complaints)
    assert any(text.startswith("exception") for text in browser.complaints)
