"""Features in a plane, coloured by class (paper Figure 2)."""

from vatt.report import scales
from vatt.report.analyses import explained
from vatt.report.analyses.scatter import scatter
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element


def section(evaluation: Evaluation) -> Markup:
    """The map, and how far the features keep the classes apart."""
    artifact, found = evaluation.artifact, evaluation.artifact["figures"]
    output, names = artifact["protocol"]["output"], artifact["class_names"]
    said = [
        f"{evaluation.when}{output} of {artifact['clips']:,} clips, {artifact['classes']} of "
        f"{artifact['classes_in_set']} classes, laid out so that neighbours stay neighbours. Of a clip's "
        f"{artifact['protocol']['neighbours']} nearest, ",
        element("b", scales.percent(found["neighbour_purity"])),
        f" are of its class; of all others {scales.percent(found['chance_neighbour_purity'])}. ",
    ]
    if found.get("silhouette") is not None:
        said.append(f"Silhouette by class {found['silhouette']:.3f}, 1 at best. ")
    if artifact["left_out"]:
        said.append(f"{artifact['left_out']:,} clips without it are left out. ")
    note = (
        "Measured on the features, not on the map, where distances between far groups and the directions "
        f"mean nothing (trustworthiness of the map {found['trustworthiness']:.3f})."
    )
    title = f"{artifact['clips']:,} clips of {len(names)} classes, t-SNE"
    drawn = scatter(title, artifact["points"], artifact["point_classes"], names)
    return explained(said, note, element("div", drawn, class_="large"))
