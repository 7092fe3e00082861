"""What went wrong in a run, or looked so: alarms, steps left out, damaged records, checkpoints set aside."""

import dataclasses

from vatt.report.markup import Markup, element
from vatt.report.run_files import RunFiles

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
    for line in run.troubles.incidents:
        step, when = line.get("step"), line.get("time")
        sentence = f"{line.get('sentence', '')}{f' ({when})' if when else ''}"
        found.append(
            Event(step if isinstance(step, int) else None, str(line.get("kind", "incident")), sentence)
        )
    found.sort(key=lambda event: -1 if event.step is None else event.step)
    noted = {event.kind for event in found}
    if run.troubles.set_aside and "checkpoint set aside" not in noted:
        found.append(
            Event(None, "checkpoint set aside", f"In checkpoints/damaged: {_list(run.troubles.set_aside)}.")
        )
    if run.troubles.bad_batches and not noted & {"step left out", "step not finite, run stopped"}:
        kept = _list(run.troubles.bad_batches)
        text = f"Batches of steps that were not finite are kept in bad_batches: {kept}."
        found.append(Event(None, "step not finite", text))
    if run.troubles.failure:
        found.append(
            Event(None, "failure", f"The last start ended with: {run.troubles.failure} (traceback.txt)")
        )
    return found


def marks(run: RunFiles) -> list[tuple[int, str]]:
    """(step, kind and sentence) of the first ones that have a step, for a chart."""
    stepped = [event for event in events(run) if event.step is not None]
    return [(event.step, f"{event.kind}: {event.sentence}") for event in stepped[:_MARKED]]


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


def event_list(found: list[Event]) -> Markup:
    """The events, those after the first dozen folded."""
    items = [_item(event) for event in found]
    rest = None
    if len(items) > _SHOWN:
        summary = element("summary", f"{len(items) - _SHOWN:,} more")
        folded = element("ol", items[_SHOWN:_MOST], class_="events")
        unsaid = f"{len(items) - _MOST:,} more are in the run directory." if len(items) > _MOST else None
        rest = element("details", summary, folded, element("p", unsaid, class_="note") if unsaid else None)
    return element("div", element("ol", items[:_SHOWN], class_="events"), rest)


def _item(event: Event) -> Markup:
    where = f"step {event.step:,}" if event.step is not None else "no step"
    return element(
        "li", element("b", f"▲ {where}"), element("span", event.kind, class_="tag"), " ", event.sentence
    )


def _totals(run: RunFiles) -> str:
    sentences = []
    for name, one, many in (
        ("skipped_steps", "1 step was left out", "{:,.0f} steps were left out"),
        (
            "damaged_records",
            "1 training record was found damaged",
            "{:,.0f} training records were found damaged",
        ),
    ):
        values = run.journal.finite(name)
        most = float(values.max()) if len(values) else 0
        if most:
            sentences.append((one if most == 1 else many.format(most)) + ". ")
    return "".join(sentences).strip()


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
