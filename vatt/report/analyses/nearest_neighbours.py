"""What each modality of a clip finds among the others, side by side."""

from vatt.report import scales
from vatt.report.analyses import explained
from vatt.report.document import render
from vatt.report.evaluation import Evaluation
from vatt.report.gallery import clips_of, waveform
from vatt.report.markup import Markup
from vatt.report.tables import derived_tag


def section(evaluation: Evaluation) -> Markup:
    """A card for each clip, a row for each direction."""
    artifact, found = evaluation.artifact, evaluation.artifact["figures"]
    right = "of the clip's group" if artifact["grouped"] else "the clip itself"
    shares = [
        f"{key.split('/')[0].replace('_to_', ' → ')} {scales.percent(value, 0)}"
        for key, value in found.items()
        if key.endswith("/group_share") and "chance" not in key
    ]
    chance = max((value for key, value in found.items() if "chance" in key), default=0.0)
    said = [
        f"{evaluation.when}Of the {artifact['neighbours']} nearest among {artifact['clips']:,} clips, "
        f"{right}: {', '.join(shares)}; chance {scales.percent(chance)}. "
    ]
    for key, value in found.items():
        if key.endswith("/mutual"):
            gallery, asking, _ = key.split("/")
            both = asking.replace("_", " and ").capitalize()
            said.append(f"{both} of one clip agree on {scales.percent(value, 0)} of its {gallery}s. ")
    note = "Each row asks with one modality of the same clip alone. Clips were drawn at random."
    cards = render(
        "report/analyses/nearest_neighbours.html",
        queries=artifact["queries"],
        clip_of=clips_of(artifact),
        waveform=waveform,
        derived_tag=derived_tag,
    )
    return explained(said, note, Markup(cards))
