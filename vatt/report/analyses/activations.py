"""Mean activation of each node by layer and modality, as a heat map (paper Figure 4)."""

from collections.abc import Mapping, Sequence

from vatt.report import scales
from vatt.report.analyses import explained, plots
from vatt.report.analyses.heat import signed_key, signed_map
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.plot import Axis, Plot

_SHARE = 0.995  # of the values are inside the colours' range; a few far ones would pale the rest


def section(evaluation: Evaluation) -> Markup:
    """A heat map for each modality, all in one range of colours, and curves over the layers."""
    artifact = evaluation.artifact
    held = artifact["modalities"]
    counts = ", ".join(f"{one['clips']:,} with {name}" for name, one in held.items())
    said = (
        f"{evaluation.when}{artifact['clips']:,} clips, {counts}: the mean output of each node of the MLP, "
        "before it is added to the residual. A column is a node, a row a layer, the first on top."
    )
    if artifact["one_encoder"]:
        note = "One encoder reads all modalities, so a column is the same node in all maps."
    else:
        note = (
            "Each modality has an encoder of its own, so a column of one map has nothing to do with that of "
            "another; the paper's figure is of a modality-agnostic model, in which it has."
        )
    sizes = sorted(abs(value) for one in held.values() for row in one["means"] for value in row)
    largest = sizes[min(len(sizes) - 1, int(_SHARE * len(sizes)))] or 1.0
    magnitudes = {name: one["magnitudes"] for name, one in held.items()}
    correlations = {pair.replace("_", " – "): each for pair, each in artifact["correlations"].items()}
    curves = [_curves("Mean size by layer", "absolute mean", magnitudes)]
    if correlations:
        curves.append(_curves("Alike by layer", "correlation of the nodes' means", correlations))
    maps = [_map(modality, one["means"], largest) for modality, one in held.items()]
    return explained(said, note, signed_key(scales.short(largest)), maps, plots(curves))


def _map(modality: str, rows: Sequence[Sequence[float]], largest: float) -> Markup:
    alt = f"{modality}: {len(rows)} layers of {len(rows[0]):,} nodes"
    height = max(4, min(22, 132 // len(rows))) * len(rows)
    ends = [element("span", number) for number in dict.fromkeys((1, len(rows)))]
    return element(
        "div",
        element("span"),
        element("span", element("b", modality), f" · {len(rows[0]):,} nodes", class_="legend"),
        element("div", ends, class_="heat-layers"),
        element("div", signed_map(rows, largest, alt, height), class_="heat"),
        class_="heat-row",
    )


def _curves(title: str, unit: str, lines: Mapping[str, Sequence[float | None]]) -> Markup:
    known = [value for values in lines.values() for value in values if value is not None]
    depth = max(len(values) for values in lines.values())
    low, high = min(0.0, *known), max(0.0, *known)
    layers = Axis(low=1, high=depth, label="layer", is_whole=True)
    plot = Plot(title, layers, Axis(low=low, high=high * 1.05, label=unit))
    for number, (label, values) in enumerate(lines.items()):
        points = [(layer, value) for layer, value in enumerate(values, start=1) if value is not None]
        plot.line(points, number, label)
        plot.points(((x, y, y, y, f"layer {x}: {scales.short(y)}") for x, y in points), number)
    return plot.figure()
