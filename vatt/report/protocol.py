"""Protocol cards: shown with each evaluation, and compared, so that two metrics that were measured in
different ways are never presented as comparable.
"""

import dataclasses
from typing import Any

from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.tables import facts_table, table

# What may differ between two runs whose numbers are comparable: the weights are what is compared; the others
# are reported, since they may change a metric slightly, but they do not make it another measurement.
_COMPARED = ("weights",)
_TOLD = ("code", "precision", "seed", "warnings", "data.dataset", "train_data.dataset")
NOT_THERE = "–"


def flat(card: dict[str, Any], before: str = "") -> dict[str, str]:
    """The lines of a card: "data.clip.frames" -> "32"."""
    lines = {}
    for name, value in card.items():
        if isinstance(value, dict):
            lines |= flat(value, f"{before}{name}.")
        else:
            lines[f"{before}{name}"] = _text(value)
    return lines


def protocol_card(card: dict[str, Any], tag: Markup | None = None) -> Markup:
    """The card, folded; a sentence where there is none. `tag`: what marks the run it is of."""
    mark = [tag, " "] if tag is not None else None
    if not card:
        return element("p", mark, "This evaluation left no protocol card.", class_="note")
    warnings = [
        element("div", element("b", "▲ "), sentence, class_="warning", role="note")
        for sentence in warnings_of(card)
    ]
    folded = element(
        "details",
        element("summary", mark, "Protocol: on what and how it was measured"),
        facts_table(((_name(name), value) for name, value in flat(card).items()), class_="card-lines"),
        class_="on-paper",
    )
    return element("div", warnings, folded)


def warnings_of(card: dict[str, Any]) -> list[str]:
    """What a card, or one of the cards in it, warns of, each sentence once."""
    own = card.get("warnings")
    said = [each for each in own if isinstance(each, str)] if isinstance(own, list) else []
    inner = (warnings_of(value) for value in card.values() if isinstance(value, dict))
    return list(dict.fromkeys([*said, *(each for sentences in inner for each in sentences)]))


def compared_card(evaluation: Evaluation) -> dict[str, Any]:
    """The card, with the names of the classes: two sets of six are two tasks."""
    classes = evaluation.artifact.get("classes")
    if not evaluation.protocol or not isinstance(classes, list):
        return evaluation.protocol
    names = [each.get("label") for each in classes if isinstance(each, dict)]
    return evaluation.protocol | {"names_of_the_classes": names}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Differences:
    """Lines of two cards that differ: name -> (left, right).

    Args:
        hindering: those that make the numbers incomparable.
        told: those that do not.
        is_known: both runs have a card.
    """

    hindering: dict[str, tuple[str, str]]
    told: dict[str, tuple[str, str]]
    is_known: bool = True

    @property
    def are_comparable(self) -> bool:
        return self.is_known and not self.hindering


def differences(left: dict[str, Any], right: dict[str, Any]) -> Differences:
    """Compares two cards line by line; a line that one of them lacks differs."""
    left_lines, right_lines = flat(left), flat(right)
    differing = {
        name: (left_lines.get(name, NOT_THERE), right_lines.get(name, NOT_THERE))
        for name in dict.fromkeys([*left_lines, *right_lines])
        if left_lines.get(name) != right_lines.get(name) and not _is_one_of(name, _COMPARED)
    }
    told = {name: pair for name, pair in differing.items() if _is_one_of(name, _TOLD)}
    return Differences(
        hindering={name: pair for name, pair in differing.items() if name not in told},
        told=told,
        is_known=bool(left) and bool(right),
    )


def differences_notice(found: Differences, tags: tuple[Markup, Markup]) -> Markup | None:
    """A visible warning where the numbers are not comparable, a quiet note where something else differs.

    Args:
        found: of two evaluations.
        tags: what marks the left and the right run.
    """
    if not found.is_known:
        text = "One of the two has no protocol card, so that nothing says whether they were measured alike."
        return element("div", element("b", "▲ Not comparable. "), text, class_="warning", role="note")
    parts = []
    if found.hindering:
        text = "The two were measured in different ways; no difference is given. What differs:"
        parts.append(
            element(
                "div",
                element("b", "▲ Not comparable. "),
                text,
                pairs_table(found.hindering, tags),
                class_="warning",
                role="note",
            )
        )
    if found.told:
        summary = element("summary", "Also different, without making them incomparable")
        parts.append(element("details", summary, pairs_table(found.told, tags)))
    return element("div", parts) if parts else None


def pairs_table(
    pairs: dict[str, tuple[str, str]], tags: tuple[Markup, Markup], *, plain_names: bool = False
) -> Markup:
    """Name by name what both runs have; `plain_names` leaves the names as they are."""
    rows = [(name if plain_names else _name(name), *values) for name, values in pairs.items()]
    return table(["", *tags], rows, class_="pairs")


def _name(name: str) -> str:
    return name.replace("_", " ").replace(".", " · ")


def _is_one_of(name: str, names: tuple[str, ...]) -> bool:
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
