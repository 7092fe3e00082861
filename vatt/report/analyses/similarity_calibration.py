"""What a similarity is worth as a probability, and reliability diagrams."""

import math
from collections.abc import Iterator

from vatt.report import scales
from vatt.report.analyses import explained, plots
from vatt.report.evaluation import Evaluation
from vatt.report.intervals import wilson_interval
from vatt.report.markup import Markup
from vatt.report.plot import Axis, Plot, signed
from vatt.report.tables import folded

_STEPS = 80  # of the logistic curve


def section(evaluation: Evaluation) -> Markup:
    """What a cosine is worth for each pair of modalities, and how sure and right each direction is; the
    derived ones folded away.
    """
    artifact = evaluation.artifact
    drawn, derived, seen = [], [], set()
    for one in artifact["directions"]:
        parts, pair = derived if one["derived"] else drawn, frozenset(one["name"].split("_to_"))
        if pair not in seen:  # the same pairs, whichever side asks
            seen.add(pair)
            parts.append(_pairs(one))
        parts.append(_first(one, artifact["temperature"]))
    rest = folded("Text and audio, which are never trained against each other", plots(derived))
    said = [f"{evaluation.when}{artifact['clips']:,} clips. "]
    for one in artifact["directions"]:
        if one["name"] in ("text_to_video", "audio_to_video"):
            found = one["figures"]
            said.append(
                f"{one['label'].capitalize()}: {_even(found)}; the softmax promises "
                f"{scales.percent(found['confidence'])} of first answers right, and "
                f"{scales.percent(found['first_right'])} are. "
            )
    note = (
        "First: how often a pair of that cosine belongs together, with 95\u202f% intervals, and the logistic "
        "map fitted to it (Platt 1999); it holds for this set's own share of right pairs. Then: how sure "
        "the softmax over all clips is of its first answer, against how often that is right; the diagonal is "
        "honest, below it is too sure. ECE: mean distance from the diagonal (Guo et al. 2017). What is "
        "fitted is judged on queries that it was not fitted on."
    )
    return explained(said, note, plots(drawn), rest if derived else None)


def _even(found: dict) -> str:
    if found.get("even_cosine") is None:
        return "no cosine is as often right as wrong"
    return f"a cosine of {signed(found['even_cosine'])} is as often right as wrong"


def _dots(bins: list[dict]) -> Iterator[tuple[float, float, float, float, str]]:
    for each in bins:
        low, high = wilson_interval(each["observed"], each["count"])
        title = f"{each['stated']:.3f}: {scales.percent(each['observed'])} of {each['count']:,}"
        yield each["stated"], each["observed"], low, high, title


def _pairs(one: dict) -> Markup:
    found, bins = one["figures"], one["by_cosine"]
    low, high = bins[0]["stated"], max(bins[-1]["stated"], 1.0)
    plot = Plot(
        f"{one['label'].replace('→', '–')}: worth of a cosine",
        Axis(low=low, high=high, label="cosine"),
        Axis(low=0, high=1, label="share of pairs that belong together", write=_percent),
    )
    xs = [low + (high - low) * step / _STEPS for step in range(_STEPS + 1)]
    curve = [(x, _logistic(one["slope"] * x + one["offset"])) for x in xs]
    plot.line(curve, 0, f"logistic, ECE {found['pair_ece']:.3f}")
    plot.points(_dots(bins), 1, "observed")
    share = scales.percent(found["right_pairs"])
    return plot.figure(f"{share} of all pairs belong together; {_even(found)}.")


def _first(one: dict, temperature: float) -> Markup:
    found = one["figures"]
    plot = Plot(
        f"{one['label']}: first answer right?",
        Axis(low=0, high=1, label="probability that the softmax gives it", write=_percent),
        Axis(low=0, high=1, label="share that is right", write=_percent),
    )
    plot.guide((0, 0), (1, 1))
    for number, key, label in (
        (1, "first_bins", f"as trained, τ {temperature:g}, ECE {found['first_ece']:.3f}"),
        (
            0,
            "fitted_first_bins",
            f"fitted, τ {found['fitted_temperature']:.3f}, ECE {found['fitted_first_ece']:.3f}",
        ),
    ):
        bins = one[key]
        plot.line([(each["stated"], each["observed"]) for each in bins], number, label)
        plot.points(_dots(bins), number)
    note = f"{scales.percent(found['first_right'])} of {one['clips']:,} queries are answered rightly first."
    return plot.figure(note)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def _percent(value: float) -> str:
    return scales.percent(value, 0)
