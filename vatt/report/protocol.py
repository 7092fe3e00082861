"""Protocol cards: shown with each evaluation, and compared, so that two metrics that were measured in
different ways are never presented as comparable.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from vatt.report.contrast import TAGS
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.tables import facts_table, folded, table

# What may differ between two runs whose numbers are comparable: the weights are what is compared; the others
# are reported, since they may change a metric slightly, but they do not make it another measurement.
_COMPARED = ("weights",)
_REPORTED = ("code", "precision", "seed", "warnings", "data.dataset", "train_data.dataset")
NOT_THERE = "–"


def flat(card: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """The lines of a card: "data.clip.frames" -> "32"."""
    lines = {}
    for name, value in card.items():
        if isinstance(value, dict):
            lines |= flat(value, f"{before}{name}.")
        else:
            lines[f"{before}{name}"] = _text(value)
    return lines


def protocol_card(card: Mapping[str, Any], tag: Markup | None = None) -> Markup:
    """The card, folded; a sentence where there is none. `tag`: what marks the run it is of."""
    mark = [tag, " "] if tag is not None else None
    if not card:
        return element("p", mark, "This evaluation left no protocol card.", class_="note")
    lines = facts_table(((_spaced(name), value) for name, value in flat(card).items()), class_="card-lines")
    return element(
        "div",
        [warning("▲ ", sentence) for sentence in warnings_of(card)],
        folded([mark, "Protocol: on what and how it was measured"], lines),
        class_="on-paper",
    )


def warning(head: str, *content: Any) -> Markup:
    """A visible warning."""
    return element("div", element("b", head), content, class_="warning", role="note")


def warnings_of(card: Mapping[str, Any]) -> list[str]:
    """What a card, or one of the cards in it, warns of, each sentence once."""
    own = card.get("warnings")
    said = [each for each in own if isinstance(each, str)] if isinstance(own, list) else []
    for value in card.values():
        said += warnings_of(value) if isinstance(value, dict) else []
    return list(dict.fromkeys(said))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Differences:
    """Lines of two cards that differ: name -> (left, right)."""

    hindering: dict[str, tuple[str, str]]  # those that make the numbers incomparable
    harmless: dict[str, tuple[str, str]]  # those that do not
    is_known: bool = True  # both runs have a card

    @property
    def are_comparable(self) -> bool:
        return self.is_known and not self.hindering


def differences_of(left: Evaluation, right: Evaluation) -> Differences:
    """What differs between two evaluations' protocols; other classes are another task."""
    return differences(_with_classes(left), _with_classes(right))


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> Differences:
    """Compares two cards line by line; a line that one of them lacks differs."""
    differing = differing_pairs(flat(left), flat(right))
    differing = {name: pair for name, pair in differing.items() if not _is_one_of(name, _COMPARED)}
    harmless = {name: pair for name, pair in differing.items() if _is_one_of(name, _REPORTED)}
    return Differences(
        hindering={name: pair for name, pair in differing.items() if name not in harmless},
        harmless=harmless,
        is_known=bool(left) and bool(right),
    )


def differing_pairs(left: Mapping[str, str], right: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Name -> (left, right), of the lines that differ; "–" where one lacks it."""
    return {
        name: (left.get(name, NOT_THERE), right.get(name, NOT_THERE))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    }


def differences_notice(found: Differences) -> Markup | None:
    """A visible warning where the numbers are not comparable, a quiet note where something else differs."""
    if not found.is_known:
        text = "One of the two has no protocol card, so that nothing says whether they were measured alike."
        return warning("▲ Not comparable. ", text)
    parts = []
    if found.hindering:
        text = "The two were measured in different ways; no difference is given. What differs:"
        parts.append(warning("▲ Not comparable. ", text, _spaced_table(found.hindering)))
    if found.harmless:
        parts.append(
            folded("Also different, without making them incomparable", _spaced_table(found.harmless))
        )
    return element("div", parts) if parts else None


def pairs_table(pairs: Mapping[str, Sequence[str]]) -> Markup:
    """Name by name what both runs have."""
    return table(["", *TAGS], [(name, *values) for name, values in pairs.items()], class_="pairs")


def _spaced_table(pairs: Mapping[str, Sequence[str]]) -> Markup:
    return pairs_table({_spaced(name): values for name, values in pairs.items()})


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace(".", " · ")


def _with_classes(evaluation: Evaluation) -> dict[str, Any]:
    classes = evaluation.artifact.get("classes")
    if not evaluation.protocol or not isinstance(classes, list):
        return evaluation.protocol
    names = [each.get("label") for each in classes if isinstance(each, dict)]
    return evaluation.protocol | {"names_of_the_classes": names}


def _is_one_of(name: str, names: Sequence[str]) -> bool:
    """Whether a line is one of some names, in whatever part of the card."""
    return any(name == each or name.endswith(f".{each}") for each in names)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or NOT_THERE
    if value is None:
        return NOT_THERE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
