"""Two evaluations of one name, side by side: warning, differences, what both draw."""

from vatt.report.along import along_both
from vatt.report.contrast import Sides, contrast_table
from vatt.report.evaluation import Evaluation
from vatt.report.guard import guarded
from vatt.report.kinds import kind_of
from vatt.report.markup import Markup, element, join
from vatt.report.protocol import compared_card, differences, differences_notice, protocol_card


def headlines(left: Evaluation, right: Evaluation, tags: Sides) -> Markup | None:
    """What someone who reads one sentence should know; None where the kind has no headline."""
    if left.kind != right.kind:
        return None
    are_comparable = differences(compared_card(left), compared_card(right)).are_comparable
    sentences = []
    for row in kind_of(left).contrast(left, right).rows:
        if not row.is_headline:
            continue
        values = [tags.left, f" {row.value(row.left)}, ", tags.right, f" {row.value(row.right)}"]
        verdict = [": measured in different ways, not comparable."]
        if are_comparable and row.difference is not None:
            verdict = [f": {row.signed(row.difference)} points"]
            if row.interval is not None:
                low, high = (row.signed(end) for end in row.interval)
                winner = {1: [tags.right, " is better"], -1: [tags.left, " is better"]}
                verdict += [f" ({low} to {high}), ", winner.get(row.better, "no clear difference")]
            verdict.append(".")
        sentences.append(element("p", element("i", left.name), f" · {row.label}: ", values, verdict))
    return join(sentences) if sentences else None


def compared(left: Evaluation, right: Evaluation, tags: Sides) -> Markup:
    """The section of two evaluations of one name."""
    name = left.name
    heading = element("h2", f"{kind_of(left).title} ", element("span", name, class_="quiet"))
    if left.kind != right.kind:
        text = (
            f"The two are of different kinds, {left.kind} and {right.kind}: nothing of them can be compared."
        )
        return element("section", heading, element("p", text, class_="warning"))
    return element(
        "section",
        heading,
        guarded(lambda: _contrast(left, right, tags), f"The comparison of {name}"),
        [
            guarded(lambda t=tag, e=one: protocol_card(e.protocol, t), f"The protocol of {name}")
            for tag, one in ((tags.left, left), (tags.right, right))
        ],
    )


def _contrast(left: Evaluation, right: Evaluation, tags: Sides) -> Markup:
    found = differences(compared_card(left), compared_card(right))
    contrast = kind_of(left).contrast(left, right)
    marks = (tags.left, tags.right)
    table = contrast_table(contrast.rows, tags, are_comparable=found.are_comparable)
    if kind_of(left).side_by_side:
        shown = [
            _drawn(left, right, marks),
            element("details", element("summary", "Number by number"), table),
        ]
    else:
        shown = [table]
    return element(
        "div",
        _steps(left, right, marks),
        differences_notice(found, marks),
        shown,
        element("p", contrast.note, class_="note") if contrast.note and found.are_comparable else None,
        contrast.more(tags, found.are_comparable) if contrast.more else None,
        along_both(left, right, kind_of(left).along(left)) if found.are_comparable else None,
    )


def _drawn(left: Evaluation, right: Evaluation, marks: tuple[Markup, Markup]) -> Markup:
    """The section of each, as in its own report."""
    shown = [
        element("div", tag, guarded(lambda e=one: kind_of(e).section(e), f"Evaluation {one.name}"))
        for tag, one in zip(marks, (left, right), strict=True)
    ]
    return element("div", shown, class_="halves")


def _steps(left: Evaluation, right: Evaluation, marks: tuple[Markup, Markup]) -> Markup | None:
    """After how many steps each was measured; None where neither run made any."""
    if not left.step and not right.step:
        return None
    said = [
        [mark, f" after step {one.step:,} " if one.step else " without training steps "]
        for mark, one in zip(marks, (left, right), strict=True)
    ]
    return element("p", said)
