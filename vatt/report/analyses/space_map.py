"""Input and output spaces by modality, and the densities of similarities in them (paper Figure 3)."""

from vatt.report.analyses import explained, plots
from vatt.report.analyses.scatter import scatter
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.plot import Axis, Plot, signed

_TITLES = {
    "input": "Input space, after tokenization",
    "video_text": "Output: video–text space",
    "video_audio": "Output: video–audio space",
}
_MODALITIES = ("video", "audio", "text")  # in this order they have colours


def section(evaluation: Evaluation) -> Markup:
    """By space: where the clips are, and how alike pairs and others are."""
    artifact = evaluation.artifact
    encoders = "one encoder for all" if artifact["one_encoder"] else "an encoder for each modality"
    wanted = artifact["clips_wanted"]
    drawn = f"{artifact['clips']:,} clips" + ("" if artifact["clips"] >= wanted else f" of {wanted:,} wanted")
    note = (
        "Solid: pairs of one clip. Dashed: clips of different groups. AUC is the chance that a pair is more "
        "alike than a non-pair: ½ where the space does not know, 1 where it always does. Mixing is the share "
        "of other modalities among a point's ten nearest, over what even mixing would give."
    )
    if not artifact["one_encoder"]:
        note += (
            " In the input space each modality has axes of its own here, and a cosine across two of them is "
            "only there to be compared with."
        )
    said = f"{evaluation.when}{drawn}, {encoders}, before and after the model."
    parts = []
    for space in dict.fromkeys(each["space"] for each in artifact["maps"] + artifact["densities"]):
        drawn = [_map(each) for each in artifact["maps"] if each["space"] == space]
        drawn += [_density(each) for each in artifact["densities"] if each["space"] == space]
        parts += [element("h3", _TITLES.get(space, space)), plots(drawn)]
    return explained(said, note, parts)


def _map(one: dict) -> Markup:
    numbers = [_MODALITIES.index(one["modalities"][place]) for place in one["point_modalities"]]
    mixing = f", mixing {one['mixing']:.2f}" if one.get("mixing") is not None else ""
    return scatter(f"t-SNE by modality{mixing}", one["points"], numbers, _MODALITIES)


def _density(one: dict) -> Markup:
    found = one["figures"]
    top = max(max(one["positive"]), max(one["negative"])) * 1.05
    title = f"{one['label']}, AUC {found['auc']:.3f}"
    cosines = Axis(low=one["at"][0], high=one["at"][-1], label="cosine")
    plot = Plot(title, cosines, Axis(low=0, high=top, label="kernel density"))
    for number, key, label in ((0, "positive", "pairs"), (1, "negative", "others")):
        mean = found[f"{key}_mean"]
        plot.curve(one["at"], one[key], number, f"{label}, mean {signed(mean)}")
    note = f"{one['clips']:,} pairs against {one['negatives']:,} others; overlap {found['overlap']:.2f}."
    if one["derived"]:
        note += " Derived: the two are never trained against each other."
    return plot.figure(note)
