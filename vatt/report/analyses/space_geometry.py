"""Gap, alignment, uniformity and hubs of the common spaces."""

from collections.abc import Callable

from vatt.report import scales
from vatt.report.analyses import explained, plots
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.plot import Axis, Plot, signed
from vatt.report.tables import derived_tag, table

_HEADS = ("Pair", "Gap", "Alignment", "Uniformity", "Hubs: skewness", "In nobody's list", "Largest hub")


def section(evaluation: Evaluation) -> Markup:
    """For each pair its numbers, both modalities along the gap, and how often each clip is a neighbour."""
    artifact, pairs = evaluation.artifact, evaluation.artifact["pairs"]
    said = f"{evaluation.when}{artifact['clips']:,} clips, unit vectors of the common spaces."
    note = (
        "Gap: distance between the centres of two modalities; chance is that of as many vectors whose "
        "modality was drawn at random (Liang et al. 2022). Alignment: mean squared distance of pairs, "
        "0 at best. "
        "Uniformity: the lower, the more evenly the vectors fill the sphere (Wang and Isola 2020). Hubs: a "
        "clip that is among the nearest of very many; skewness 0 is none (Radovanović et al. 2010)."
    )
    found = table(_HEADS, [_row(one) for one in pairs], class_="figures")
    drawn = plots([_along_gap(one) for one in pairs], [_occurrences(one) for one in pairs])
    return explained(said, note, found, drawn)


def _row(one: dict) -> list:
    found, (left, right) = one["figures"], one["modalities"]
    ways = f"{left}_to_{right}", f"{right}_to_{left}"
    arrows = f"→ {right} ", f"→ {left} "
    name = [element("span", one["label"], class_="direction"), derived_tag(one["derived"])]

    def both(key: str, write: Callable[[float], str]) -> list[Markup]:
        return [element("small", arrow, write(found[f"{way}/{key}"])) for way, arrow in zip(ways, arrows)]

    return [
        name,
        [element("b", f"{found['gap']:.3f}"), element("small", f"chance {found['chance_gap']:.3f}")],
        [element("b", f"{found['alignment']:.3f}")],
        [element("small", f"{each} ", signed(found[f"uniformity_{each}"])) for each in (left, right)],
        both("skewness", signed),
        both("antihubs", scales.percent),
        both("largest_hub", scales.percent),
    ]


def _along_gap(one: dict) -> Markup:
    along = one["along_gap"]
    top = max(max(curve) for curve in along["densities"]) * 1.05
    plot = Plot(
        f"{one['label']}: along the gap",
        Axis(low=along["at"][0], high=along["at"][-1], label="place on the line through both centres"),
        Axis(low=0, high=top, label="kernel density"),
    )
    for number, (modality, curve) in enumerate(zip(one["modalities"], along["densities"], strict=True)):
        plot.curve(along["at"], curve, number, modality)
    return plot.figure()


def _occurrences(one: dict) -> Markup:
    clips, k = one["clips"], one["neighbours"]
    most = max(max(counts) for counts in one["counts"].values())
    plot = Plot(
        f"{one['label']}: hubs",
        Axis(low=1, high=clips, label="clips, the commonest neighbour first", is_whole=True),
        Axis(low=0, high=most * 1.05, label=f"lists of {k} nearest that hold it"),
    )
    plot.guide((1, k), (clips, k))
    for number, (way, counts) in enumerate(one["counts"].items()):
        plot.line(enumerate(counts, start=1), number, way.replace("_to_", " → "))
    return plot.figure(f"{k} for all would be no hubs at all.")
