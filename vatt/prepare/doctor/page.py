"""The doctor's report as one HTML page that needs nothing but itself."""

from collections.abc import Iterator
from pathlib import Path

from vatt.prepare.doctor.contact_sheet import contact_sheet
from vatt.prepare.doctor.examine import Diagnosis
from vatt.prepare.doctor.facts import facts_of, verdict
from vatt.report.document import render, write_whole
from vatt.report.markup import Markup
from vatt.report.tables import table

_CLIPS_SHOWN = 24
_CLASSES_SHOWN = 40


def write_page(diagnosis: Diagnosis, path: str | Path) -> None:
    """Writes the page, whole or not at all."""
    write_whole(build_page(diagnosis), Path(path))


def build_page(diagnosis: Diagnosis) -> str:
    """The page as text."""
    labels = diagnosis.whole.labels
    return render(
        "prepare/doctor/doctor.html",
        title=f"{diagnosis.prepared.name} · VATT doctor",
        name=diagnosis.prepared.name,
        verdict=verdict(diagnosis),
        findings=diagnosis.findings,
        subset=diagnosis.subset,
        facts=_facts(diagnosis),
        tolerated=diagnosis.tolerated,
        classes=list(_balance(diagnosis)),
        classes_left=len(labels) - _CLASSES_SHOWN,
        clips=contact_sheet(diagnosis, _CLIPS_SHOWN),
    )


def _facts(diagnosis: Diagnosis) -> Markup | None:
    facts = {split: facts_of(tally) for split, tally in diagnosis.splits.items()}
    if not facts:
        return None
    rows = [(key, *(of[key] for of in facts.values())) for key in next(iter(facts.values()))]
    return table(["", *facts], rows, class_="splits")


def _balance(diagnosis: Diagnosis) -> Iterator[tuple[str, int, float]]:
    """(name, clips, clips as a share of the largest class's) of the most frequent classes."""
    names, ranked = diagnosis.prepared.labels, diagnosis.whole.labels.most_common(_CLASSES_SHOWN)
    for label, count in ranked:
        yield names[label] if 0 <= label < len(names) else f"id {label}", count, count / ranked[0][1]
