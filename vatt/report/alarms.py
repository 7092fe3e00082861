"""What went wrong in a run, or looked so: alarms, steps left out, damaged records, checkpoints set aside."""

import dataclasses
from collections.abc import Sequence

from vatt.report.markup import Markup, element
from vatt.report.run_files import RunFiles
from vatt.report.tables import folded

_SHOWN = 12
_MOST = 500  # in the page at all
_MARKED = 20


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that was noted, with its step and the kind it is of."""

    step: int | None
    kind: str
    sentence: str


def events(run: RunFiles) -> list[Event]:
    """All that is on record, by step; a failure last."""
    found = [Event(step, "alarm", sentence) for step, sentence in run.journal.alarms]
    for line in run.incidents:
        step, when = line.get("step"), line.get("time")
        sentence = f"{line.get('sentence', '')}{f' ({when})' if when else ''}"
        kind = str(line.get("kind", "incident"))
        found.append(Event(step if isinstance(step, int) else None, kind, sentence))
    found.sort(key=lambda event: -1 if event.step is None else event.step)
    noted = {event.kind for event in found}
    if run.set_aside and "checkpoint set aside" not in noted:
        text = f"In checkpoints/damaged: {_list(run.set_aside)}."
        found.append(Event(None, "checkpoint set aside", text))
    if run.bad_batches and not noted & {"step left out", "step not finite, run stopped"}:
        text = f"Batches of steps that were not finite are kept in bad_batches: {_list(run.bad_batches)}."
        found.append(Event(None, "step not finite", text))
    if run.failure:
        text = f"The last start ended with: {run.failure} (traceback.txt)"
        found.append(Event(None, "failure", text))
    return found


def marks(run: RunFiles) -> list[tuple[int, str]]:
    """(step, kind and sentence) of the first ones that have a step, for a chart."""
    stepped = [(e.step, f"{e.kind}: {e.sentence}") for e in events(run) if e.step is not None]
    return stepped[:_MARKED]


def alarms(run: RunFiles) -> Markup | None:
    """The section; a quiet sentence where nothing is on record, None where nothing could be."""
    found, totals = events(run), _totals(run)
    if not found and not totals:
        if not run.journal:
            return None
        text = "No alarm raised, no step left out, no training record found damaged, no checkpoint set aside."
        return element("p", element("span", "✓ ", class_="fine"), text, class_="note")
    return element(
        "section",
        element("h2", "Alarms ", element("span", f"{len(found):,} on record", class_="quiet"), id="alarms"),
        element("p", totals) if totals else None,
        event_list(found),
    )


def event_list(found: Sequence[Event]) -> Markup:
    """The events, those after the first dozen folded."""
    items = []
    for event in found[:_MOST]:
        where = element("b", f"▲ step {event.step:,}" if event.step is not None else "▲ no step")
        items.append(element("li", where, element("span", event.kind, class_="tag"), " ", event.sentence))
    rest = unsaid = None
    if len(found) > _MOST:
        unsaid = element("p", f"{len(found) - _MOST:,} more are in the run directory.", class_="note")
    if len(found) > _SHOWN:
        more = element("ol", items[_SHOWN:], class_="events")
        rest = folded(f"{len(found) - _SHOWN:,} more", more, unsaid)
    return element("div", element("ol", items[:_SHOWN], class_="events"), rest)


def _totals(run: RunFiles) -> str:
    sentences = []
    for name, one, many in (
        ("skipped_steps", "1 step was left out.", "{:,.0f} steps were left out."),
        (
            "damaged_records",
            "1 training record was found damaged.",
            "{:,.0f} training records were found damaged.",
        ),
    ):
        if most := float(run.journal.finite(name).max(initial=0)):
            sentences.append(one if most == 1 else many.format(most))
    return " ".join(sentences)


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
