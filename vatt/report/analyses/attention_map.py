"""Attention roll-out drawn on single clips: frames, waveform, words."""

from vatt.report import scales
from vatt.report.analyses import explained
from vatt.report.analyses.heat import veil
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.plot import signed

_GAP = 4  # user units between frames
_BRIGHT = 0.98  # of the tokens are below what is shown without a veil
_MARGIN = 74  # right of a waveform, for the scale
_WIDTH, _OUTLINE, _TRACE = 800, 64, 46  # of a waveform and of the attention under it


def section(evaluation: Evaluation) -> Markup:
    """A card for each clip."""
    artifact, found = evaluation.artifact, evaluation.artifact["figures"]
    said = [f"{evaluation.when}{artifact['clips']:,} clips. "]
    for modality in artifact["clips_with"]:
        said.append(f"{modality.capitalize()}: the most attended token gets {found[f'{modality}/peak']:.1f} ")
        said.append(f"times an even share, evenness {scales.percent(found[f'{modality}/entropy'])}. ")
    for key, text in (
        ("video/movement_correlation", "where the video moves"),
        ("audio/loudness_correlation", "where the audio is loud"),
    ):
        if found.get(key) is not None:
            said.append(f"Rank correlation with {text}: {signed(found[key])}. ")
    note = (
        "Which input tokens the output at AGG is made of, by following the attention of all layers, half of "
        "each for the residual (roll-out; Abnar and Zuidema 2020). Frames: plain above, below veiled where "
        "attention is least in this clip. Waveform: the line is attention, the dashed one an even share. "
        "Words: the bar is attention. It follows attention alone and proves no cause."
    )
    return explained(said, note, [_card(clip) for clip in artifact["shown"]])


def _card(clip: dict) -> Markup:
    return element(
        "article",
        element("b", clip["caption"] or clip["id"], class_="caption"),
        element("small", f" {clip['id']}") if clip["caption"] else None,
        _frames(clip["video"]) if "video" in clip else None,
        _audio(clip["audio"]) if "audio" in clip else None,
        _words(clip["text"]) if clip.get("text", {}).get("words") else None,
        class_="clip",
    )


def _frames(video: dict) -> Markup:
    width, height = video["frame_size"]
    everything = [share for step in video["shares"] for row in step for share in row]
    least, most = min(everything), sorted(everything)[int(_BRIGHT * (len(everything) - 1))]
    parts = []
    for place, (jpeg, shares) in enumerate(zip(video["frames_jpeg_base64"], video["shares"], strict=True)):
        x, size = place * (width + _GAP), {"width": width, "height": height}
        frame = f"data:image/jpeg;base64,{jpeg}"
        parts.append(element("image", x=x, y=0, href=frame, **size))
        parts.append(element("image", x=x, y=height + _GAP, href=frame, **size))
        laid_over = {"href": veil(shares, least, most), "preserveAspectRatio": "none"}
        parts.append(element("image", x=x, y=height + _GAP, **laid_over, **size))
    count = len(video["shares"])
    across = count * (width + _GAP) - _GAP
    return element(
        "svg",
        parts,
        element("title", f"attention from {least:.2f} to {max(everything):.2f} times an even share"),
        viewBox=f"0 0 {across} {2 * height + _GAP}",
        style=f"max-width:{max(across, min(960, 3 * across))}px",
        role="img",
        aria_label=f"{count} frames of the clip, and the same veiled where attention is least",
    )


def _audio(audio: dict) -> Markup:
    outline, shares = audio["outline"], audio["shares"]
    loudest, step = max(outline, default=0.0) or 1.0, _WIDTH / max(1, len(outline))
    parts = []
    for place, peak in enumerate(outline):
        half = max(0.5, _OUTLINE / 2 * peak / loudest)
        bar = {"x": round(place * step, 1), "width": round(0.7 * step, 2)}
        parts.append(element("rect", y=round(_OUTLINE / 2 - half, 1), height=round(2 * half, 1), **bar))
    most = max(*shares, 1.0)
    bottom = _OUTLINE + 6 + _TRACE

    def up(share: float) -> float:
        return round(bottom - _TRACE * share / most, 1)

    stretch = _WIDTH / len(shares)
    path = " ".join(
        f"{place * stretch:.1f},{up(share)} {(place + 1) * stretch:.1f},{up(share)}"
        for place, share in enumerate(shares)
    )
    outlined = f"0,{bottom} {path} {_WIDTH},{bottom}"
    parts.append(element("polygon", points=outlined, class_="area m1"))
    parts.append(element("polyline", points=path, class_="line m1"))
    parts.append(element("line", x1=0, x2=_WIDTH, y1=up(1), y2=up(1), class_="guide"))
    parts.append(element("text", "even share", x=_WIDTH + 6, y=up(1) + 4))
    if up(1) - up(most) > 12:
        parts.append(element("text", f"{most:.1f} times it", x=_WIDTH + 6, y=up(most) + 8))
    return element(
        "svg",
        parts,
        viewBox=f"0 0 {_WIDTH + _MARGIN} {bottom + 2}",
        class_="sound",
        role="img",
        aria_label=f"Waveform, and attention over it up to {most:.2f} times an even share",
    )


def _words(text: dict) -> Markup:
    most = max(text["shares"]) or 1.0
    words = [
        element(
            "span",
            element("i", style=f"height:{round(40 * share / most, 1)}px"),
            word,
            title=f"{share:.2f} times an even share",
        )
        for word, share in zip(text["words"], text["shares"], strict=True)
    ]
    return element("div", words, class_="words")
