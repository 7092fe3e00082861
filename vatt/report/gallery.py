"""Queries and what they found, to look at: right and wrong marked by sign and word as well as colour."""

from collections.abc import Callable, Sequence
from typing import Any

from vatt.report.document import render
from vatt.report.markup import Markup, element

_HEADINGS = {"text_to_video": "Text → video", "audio_to_video": "Audio → video"}
_BLANK = {"id": "", "group": "", "caption": "", "jpeg_base64": "", "envelope": []}


def gallery(artifact: dict) -> Markup | None:
    """Cards of the evaluator's example queries, by direction; None where there are none."""
    directions: dict[str, list[dict]] = {}
    for query in artifact.get("queries") or []:
        directions.setdefault(query["direction"], []).append(query)
    if not directions:
        return None
    clip_of = clips_of(artifact)
    content = {"directions": directions, "headings": _HEADINGS, "clip_of": clip_of, "waveform": waveform}
    return Markup(render("report/gallery.html", **content))


def clips_of(artifact: dict) -> Callable[[int], dict[str, Any]]:
    """Number -> what is on record of a clip that is shown; blanks for what is not."""
    clips = artifact.get("shown_clips") or {}
    return lambda number: _BLANK | clips.get(str(number), {})


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
