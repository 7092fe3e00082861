"""Gap, alignment, uniformity and hubs of the common spaces."""

from vatt.report.analyses.plot import Plot
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element

_HEADS = ("Pair", "Gap", "Alignment", "Uniformity", "Hubs: skewness", "In nobody's list", "Largest hub")


def figures(artifact: dict) -> Markup:
    """For each pair, both modalities along the gap, and how often each clip is a neighbour."""
    drawn = []
    for one in artifact["pairs"]:
        drawn += [_along_gap(one), _occurrences(one)]
    return element("div", drawn, class_="plots")


def section(evaluation: Evaluation) -> Markup:
    """See `vatt.report.kinds`."""
    artifact = evaluation.artifact
    said = f"{evaluation.when}{artifact['clips']:,} clips, unit vectors of the common spaces."
    note = (
        "Gap: distance between the centres of two modalities, beside that of as many vectors whose modality "
        "was drawn at random (Liang et al. 2022). Alignment: mean squared distance of pairs, 0 at best. "
        "Uniformity: the lower, the more evenly the vectors fill the sphere (Wang and Isola 2020). Hubs: a "
        "clip that is among the nearest of very many; skewness 0 is none (Radovanović et al. 2010)."
    )
    return element(
        "div",
        element("p", said),
        _table(artifact["pairs"]),
        element("p", note, class_="note"),
        figures(artifact),
    )


def _table(pairs: list[dict]) -> Markup:
    head = element("thead", element("tr", [element("th", each, scope="col") for each in _HEADS]))
    return element("table", head, element("tbody", [_row(one) for one in pairs]), class_="figures")


def _row(one: dict) -> Markup:
    found, (left, right) = one["figures"], one["modalities"]
    ways = f"{left}_to_{right}", f"{right}_to_{left}"
    arrows = f"→ {right} ", f"→ {left} "
    name = [element("span", one["label"], class_="direction")]
    if one["derived"]:
        name.append(element("span", "derived", class_="tag", title="never trained directly"))

    def both(key, write):
        return [element("small", arrow, write(found[f"{way}/{key}"])) for way, arrow in zip(ways, arrows)]

    cells = [
        [element("b", f"{found['gap']:.3f}"), element("small", f"chance {found['chance_gap']:.3f}")],
        [element("b", f"{found['alignment']:.3f}")],
        [element("small", f"{each} ", f"{found[f'uniformity_{each}']:.2f}") for each in (left, right)],
        both("skewness", "{:.2f}".format),
        both("antihubs", "{:.1%}".format),
        both("largest_hub", "{:.1%}".format),
    ]
    filled = [element("td", cell, data_head=head) for head, cell in zip(_HEADS[1:], cells, strict=True)]
    return element("tr", element("th", name, scope="row"), filled)


def _along_gap(one: dict) -> Markup:
    along = one["along_gap"]
    top = max(max(curve) for curve in along["densities"]) * 1.05
    plot = Plot(
        f"{one['label']}: along the gap",
        x=(along["at"][0], along["at"][-1]),
        y=(0, top),
        x_label="place on the line through both centres",
        y_label="kernel density",
    )
    for number, (modality, curve) in enumerate(zip(one["modalities"], along["densities"], strict=True)):
        plot.line(along["at"], curve, number, modality, area=True)
    return plot.figure()


def _occurrences(one: dict) -> Markup:
    clips, k = one["clips"], one["neighbours"]
    most = max(max(counts) for counts in one["counts"].values())
    plot = Plot(
        f"{one['label']}: whose neighbour is who",
        x=(1, clips),
        y=(0, most * 1.05),
        x_label="clips, the commonest neighbour first",
        y_label=f"lists of {k} nearest that hold it",
        whole_x=True,
    )
    plot.guide((1, k), (clips, k))
    for number, (way, counts) in enumerate(one["counts"].items()):
        plot.line(range(1, clips + 1), counts, number, way.replace("_to_", " → "))
    return plot.figure(note=f"{k} for all would be no hubs at all.")
