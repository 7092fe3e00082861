"""Tables: of any cells, and of metrics, each with its 95 % interval and chance, as a number and as a bar."""

from collections.abc import Iterable, Sequence

from vatt.report import scales
from vatt.report.intervals import wilson_interval
from vatt.report.markup import Markup, element


def table(heads: Sequence, rows: Iterable[Sequence], *, class_: str, has_row_heads: bool = True) -> Markup:
    """A table whose cells say their column's head themselves where the page is narrow.

    Args:
        heads: of the columns.
        rows: their cells.
        class_: of the table.
        has_row_heads: whether the first cell of a row is its head.
    """

    def cell(place: int, content) -> Markup:
        if not place and has_row_heads:
            return element("th", content, scope="row")
        said = heads[place] if type(heads[place]) is str else ""
        return element("td", content, data_head=said or None)

    made = [element("tr", [cell(place, each) for place, each in enumerate(row)]) for row in rows]
    head = element("tr", [element("th", text, scope="col") for text in heads])
    return element("table", element("thead", head), element("tbody", made), class_=class_)


def facts_table(facts: Iterable[tuple[str, object]], *, class_: str) -> Markup:
    """A table of names and values, without heads."""
    rows = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in facts]
    return element("table", element("tbody", rows), class_=class_)


def facts_list(facts: Iterable[tuple[str, object, bool]]) -> Markup | None:
    """The few facts at the head of a page: (name, value, whether it is code); None without any."""
    terms = [
        element("div", element("dt", name), element("dd", value, class_="code" if is_code else None))
        for name, value, is_code in facts
    ]
    return element("dl", terms, class_="facts") if terms else None


def retrieval_table(directions: list[dict], ranks: list[int], which: str) -> Markup:
    """A row per direction.

    Args:
        directions: as in the evaluator's artifact.
        ranks: the k of recall at k.
        which: "figures" (a right answer is any clip of the group) or "exact_clip".
    """
    heads = ["Direction", "Queries", *(f"R@{k}" for k in ranks), "Median rank", "Mean rank"]
    rows = []
    for one in directions:
        figures = one[which]
        name = [element("span", one["label"], class_="direction")]
        if one["derived"]:
            name.append(element("span", "derived", class_="tag", title="never trained directly"))
        queries = [str(one["queries"])]
        if one["left_out"]:
            queries.append(element("small", f"{one['left_out']} clips left out"))
        recalls = [_recall(figures, k, one["queries"]) for k in ranks]
        rows.append([name, queries, *recalls, _rank(figures, "median_rank"), _rank(figures, "mean_rank")])
    return table(heads, rows, class_="figures")


def numbers_table(numbers: dict[str, float]) -> Markup:
    """Every number by name, as in metrics.json."""
    return facts_table(((name, f"{value:.6g}") for name, value in sorted(numbers.items())), class_="numbers")


def share(value: float, *, count: int | None = None, chance: float | None = None) -> list[Markup]:
    """A share as a number and as a bar.

    Args:
        value: in [0, 1].
        count: trials it was seen in, for its interval; None disables.
        chance: what a model that knows nothing reaches; None where nobody knows.
    """
    low, high = wilson_interval(value, count) if count else (None, None)
    content = [element("b", scales.percent(value)), bar(value, low, high, chance)]
    if count:
        content.append(element("small", f"{scales.percent(low, 0)} to {scales.percent(high, 0)}"))
    if chance is not None:
        content.append(element("small", f"chance {scales.percent(chance)}"))
    return content


def _recall(figures: dict, k: int, queries: int) -> list:
    value, chance = figures.get(f"recall_at_{k}"), figures.get(f"chance_recall_at_{k}")
    if value is None:
        return ["–"]
    content = share(value, count=queries, chance=chance)
    permuted = figures.get(f"permuted_low_recall_at_{k}"), figures.get(f"permuted_high_recall_at_{k}")
    if None not in permuted:
        least, most = (scales.percent(end) for end in permuted)
        content.append(element("small", f"permuted {least} to {most}"))
    return content


def _rank(figures: dict, key: str) -> list:
    value, chance = figures.get(key), figures.get(f"chance_{key}")
    if value is None:
        return ["–"]
    content = [element("b", scales.rank(value))]
    if chance is not None:
        content.append(element("small", f"chance {scales.rank(chance)}"))
    return content


def bar(
    value: float, low: float | None = None, high: float | None = None, chance: float | None = None
) -> Markup:
    """0 to 100 %: the share filled, its interval as a whisker, chance as a tick."""
    parts = [
        element("rect", x=0, y=3, width=100, height=6, class_="track"),
        element("rect", x=0, y=3, width=round(100 * value, 2), height=6, class_="fill"),
    ]
    if low is not None and high is not None:
        ends = {"x1": round(100 * low, 2), "x2": round(100 * high, 2)}
        parts.append(element("line", **ends, y1=6, y2=6, class_="whisker"))
    if chance is not None:
        x = round(100 * chance, 2)
        parts.append(element("line", x1=x, x2=x, y1=0, y2=12, class_="chance"))
    return element(
        "svg", parts, viewBox="0 0 100 12", preserveAspectRatio="none", class_="bar", aria_hidden="true"
    )
