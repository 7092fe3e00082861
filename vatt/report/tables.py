"""Tables: of any cells, and of metrics, each with its 95 % interval and chance, as a number and as a bar."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vatt.report import scales
from vatt.report.intervals import wilson_interval
from vatt.report.markup import Markup, element


def table(
    heads: Sequence[Any], rows: Iterable[Sequence[Any]], *, class_: str, has_row_heads: bool = True
) -> Markup:
    """A table whose cells say their column's head themselves where the page is narrow.

    Args:
        has_row_heads: whether the first cell of a row is its head.
    """

    def cell(place: int, content: Any) -> Markup:
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


def numbers_table(numbers: Mapping[str, float]) -> Markup:
    """Every number by name, as in metrics.json."""
    return facts_table(((name, f"{value:.6g}") for name, value in sorted(numbers.items())), class_="numbers")


def facts_list(facts: Iterable[tuple[str, object, bool]]) -> Markup | None:
    """The few facts at the head of a page: (name, value, whether it is code); None without any."""
    terms = [
        element("div", element("dt", name), element("dd", value, class_="code" if is_code else None))
        for name, value, is_code in facts
    ]
    return element("dl", terms, class_="facts") if terms else None


def folded(summary: Any, *content: Any) -> Markup:
    """What a reader unfolds."""
    return element("details", element("summary", summary), content)


def derived_tag(is_derived: bool) -> Markup | None:
    """The mark of a direction that no objective trains."""
    return element("span", "derived", class_="tag", title="never trained directly") if is_derived else None


def retrieval_table(directions: Sequence[dict], ranks: Sequence[int], which: str) -> Markup:
    """A row per direction.

    Args:
        which: "figures" (a right answer is any clip of the group) or "exact_clip".
    """
    heads = ["Direction", "Queries", *(f"R@{k}" for k in ranks), "Median rank", "Mean rank"]
    rows = []
    for one in directions:
        name = [element("span", one["label"], class_="direction"), derived_tag(one["derived"])]
        left_out = element("small", f"{one['left_out']} clips left out") if one["left_out"] else None
        recalls = [_recall(one[which], k, one["queries"]) for k in ranks]
        mean_ranks = [_rank(one[which], key) for key in ("median_rank", "mean_rank")]
        rows.append([name, [str(one["queries"]), left_out], *recalls, *mean_ranks])
    return table(heads, rows, class_="figures")


def share(value: float, *, count: int | None = None, chance: float | None = None) -> list[Markup]:
    """A share as a number and as a bar.

    Args:
        value: in [0, 1].
        count: trials it was seen in, for its interval; None disables.
        chance: what a model that knows nothing reaches; None where nobody knows.
    """
    interval = wilson_interval(value, count) if count else None
    content = [element("b", scales.percent(value)), _bar(value, interval, chance)]
    if interval is not None:
        content.append(element("small", " to ".join(scales.percent(end, 0) for end in interval)))
    if chance is not None:
        content.append(element("small", f"chance {scales.percent(chance)}"))
    return content


def _recall(figures: dict, k: int, queries: int) -> list[Any]:
    if (value := figures.get(f"recall_at_{k}")) is None:
        return ["–"]
    content = share(value, count=queries, chance=figures.get(f"chance_recall_at_{k}"))
    low, high = (figures.get(f"permuted_{end}_recall_at_{k}") for end in ("low", "high"))
    if low is not None and high is not None:
        content.append(element("small", f"permuted {scales.percent(low)} to {scales.percent(high)}"))
    return content


def _rank(figures: dict, key: str) -> list[Any]:
    if (value := figures.get(key)) is None:
        return ["–"]
    chance = figures.get(f"chance_{key}")
    text = element("small", f"chance {scales.rank(chance)}") if chance is not None else None
    return [element("b", scales.rank(value)), text]


def _bar(value: float, interval: tuple[float, float] | None, chance: float | None) -> Markup:
    """0 to 100 %: the share filled, its interval as a whisker, chance as a tick."""
    parts = [
        element("rect", x=0, y=3, width=100, height=6, class_="track"),
        element("rect", x=0, y=3, width=round(100 * value, 2), height=6, class_="fill"),
    ]
    if interval is not None:
        left, right = (round(100 * end, 2) for end in interval)
        parts.append(element("line", x1=left, x2=right, y1=6, y2=6, class_="whisker"))
    if chance is not None:
        x = round(100 * chance, 2)
        parts.append(element("line", x1=x, x2=x, y1=0, y2=12, class_="chance"))
    return element(
        "svg", parts, viewBox="0 0 100 12", preserveAspectRatio="none", class_="bar", aria_hidden="true"
    )
