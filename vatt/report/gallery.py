"""Queries and what they found, to look at: right and wrong marked by sign and word as well as colour."""

from collections.abc import Sequence

from vatt.report.markup import Markup, element

_HEADINGS = {"text_to_video": "Text → video", "audio_to_video": "Audio → video"}


def gallery(artifact: dict) -> Markup | None:
    """Cards of the evaluator's example queries, by direction; None where there are none."""
    queries, clips = artifact.get("queries") or [], artifact.get("shown_clips") or {}
    if not queries:
        return None
    parts = []
    for direction in dict.fromkeys(query["direction"] for query in queries):
        heading = _HEADINGS.get(direction, direction.replace("_to_", " → "))
        cards = [_card(query, clips) for query in queries if query["direction"] == direction]
        parts += [element("h4", heading), element("div", cards, class_="cards")]
    return element("div", parts)


def _card(query: dict, clips: dict[str, dict]) -> Markup:
    right = query["rank"] == 1
    verdict = "✓ right clip first" if right else f"✗ first right clip at rank {query['rank']}"
    own = clips.get(str(query["clip"]), {})
    if query["direction"].startswith("audio"):
        asked = [waveform(query.get("envelope") or []), element("span", query["caption"], class_="caption")]
        said = element("small", "The query is the audio alone; the words only describe it.")
    else:
        asked, said = [element("q", query["caption"], class_="caption")], None
    found = [_result(place, item, clips) for place, item in enumerate(query["retrieved"], start=1)]
    return element(
        "article",
        element(
            "header",
            element("div", asked, class_="asked"),
            element("span", verdict, class_="verdict right" if right else "verdict wrong"),
        ),
        element("small", f"Asked for: {own['group']}. " if own.get("group") else "", said),
        element("ol", found),
        class_="card",
    )


def _result(place: int, item: dict, clips: dict[str, dict]) -> Markup:
    clip = clips.get(str(item["clip"]), {})
    name = clip.get("group") or clip.get("id", "")
    shown = element("div", "no frames", class_="absent")
    if clip.get("jpeg_base64"):
        source = f"data:image/jpeg;base64,{clip['jpeg_base64']}"
        shown = element("img", src=source, alt=f"Frames of {clip.get('id', 'the clip')}")
    mark = element("b", f"{place} ✓" if item["hit"] else f"{place} ✗")
    words = "right" if item["hit"] else "wrong"
    return element(
        "li",
        shown,
        element(
            "div",
            mark,
            " ",
            element("span", name, class_="name"),
            element("i", f"{item['score']:.2f}"),
            class_="under",
        ),
        class_=words,
        title=f"{words} · {clip.get('id', '')} · {clip.get('caption', '')} · cosine {item['score']:.3f}",
    )


def waveform(
    envelope: Sequence[float], label: str = "Outline of the query's audio", *, full_scale: float = 0.0
) -> Markup:
    """The outline of some audio, mirrored about its axis.

    Args:
        envelope: its peaks, one for each bar.
        label: what it is, for screen readers.
        full_scale: the peak that fills the height; 0 for the loudest there is.
    """
    loudest = full_scale or max(envelope, default=0.0) or 1.0
    bars = []
    for place, peak in enumerate(envelope):
        half = round(max(0.4, 15 * min(1.0, peak / loudest)), 1)
        bars.append(element("rect", x=3 * place, y=16 - half, width=2, height=2 * half))
    return element(
        "svg",
        bars,
        viewBox=f"0 0 {max(1, 3 * len(envelope))} 32",
        preserveAspectRatio="none",
        class_="waveform",
        role="img",
        aria_label=label,
    )
