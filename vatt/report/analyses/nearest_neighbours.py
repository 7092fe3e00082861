"""What each modality of a clip finds among the others, side by side."""

from vatt.report import scales
from vatt.report.evaluation import Evaluation
from vatt.report.gallery import waveform
from vatt.report.markup import Markup, element


def figures(artifact: dict) -> Markup:
    """A card for each clip, a row for each direction."""
    clips = artifact["shown_clips"]
    return element("div", [_card(query, clips) for query in artifact["queries"]])


def section(evaluation: Evaluation) -> Markup:
    """See `vatt.report.kinds`."""
    artifact, found = evaluation.artifact, evaluation.artifact["figures"]
    right = "of the clip's group" if artifact["grouped"] else "the clip itself"
    said = [
        f"{evaluation.when}Of the {artifact['neighbours']} nearest among {artifact['clips']:,} clips, "
        f"{right}: "
    ]
    shares = [
        f"{key.split('/')[0].replace('_to_', ' → ')} {scales.percent(value, 0)}"
        for key, value in found.items()
        if key.endswith("/group_share") and "chance" not in key
    ]
    chance = max((value for key, value in found.items() if "chance" in key), default=0.0)
    said.append(f"{', '.join(shares)}; chance {scales.percent(chance)}. ")
    for key, value in found.items():
        if key.endswith("/mutual"):
            gallery, asking, _ = key.split("/")
            both = asking.replace("_", " and ")
            said.append(
                f"{both.capitalize()} of one clip agree on {scales.percent(value, 0)} of its {gallery}s. "
            )
    note = "Each row asks with one modality of the same clip alone. Clips were drawn at random."
    return element("div", element("p", said), element("p", note, class_="note"), figures(artifact))


def _card(query: dict, clips: dict) -> Markup:
    own = clips[str(query["clip"])]
    rows = []
    for each in query["directions"]:
        name = [element("span", each["label"])]
        if each["derived"]:
            name.append(element("span", "derived", class_="tag", title="never trained directly"))
        kind = each["direction"].rpartition("_to_")[2]
        items = [_item(place, item, clips, kind) for place, item in enumerate(each["retrieved"], start=1)]
        rows += [element("b", name), element("ol", items)]
    return element(
        "article",
        element("b", own["caption"] or own["id"], class_="caption"),
        element("small", f" {own['group'] or own['id']}"),
        element(
            "div",
            _frames(own) if own["jpeg_base64"] else None,
            waveform(own["envelope"]) if own["envelope"] else None,
            class_="asking",
        ),
        element("div", rows, class_="finds"),
        class_="clip",
    )


def _item(place: int, item: dict, clips: dict, kind: str) -> Markup:
    clip = clips[str(item["clip"])]
    if kind == "video":
        shown = _frames(clip)
    elif kind == "audio":
        shown = (
            waveform(clip["envelope"]) if clip["envelope"] else element("div", "no audio", class_="absent")
        )
    else:
        shown = element("q", clip["caption"])
    mark = "✓" if item["hit"] else "✗"
    name = clip["group"] or clip["id"]
    under = element(
        "div",
        element("b", f"{place} {mark}"),
        element("span", name, class_="name"),
        element("i", f"{item['score']:.2f}"),
        class_="under",
    )
    words = "right" if item["hit"] else "wrong"
    return element("li", shown, under, class_=words, title=f"{words} · {clip['id']} · {clip['caption']}")


def _frames(clip: dict) -> Markup:
    if not clip["jpeg_base64"]:
        return element("div", "no frames", class_="absent")
    source = f"data:image/jpeg;base64,{clip['jpeg_base64']}"
    return element("img", src=source, alt=f"Frames of {clip['id']}")
