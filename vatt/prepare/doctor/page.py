"""The doctor's report as one HTML page that needs nothing but itself."""

from vatt.prepare.doctor.contact_sheet import contact_sheet
from vatt.prepare.doctor.examine import Diagnosis
from vatt.prepare.doctor.facts import facts_of, verdict
from vatt.prepare.doctor.findings import ERROR, Finding
from vatt.report.document import whole_page
from vatt.report.markup import Markup, element
from vatt.whole_file import whole_file

_CLIPS_SHOWN = 24
_CLASSES_SHOWN = 40
_STYLE = """
.findings { display: grid; gap: 14px; margin: 14px 0; }
.findings .card li { border: 0; background: none; padding: 0; list-style: "· "; }
.findings ul { display: block; margin: 8px 0; padding-left: 18px; font-size: 0.875rem;
  overflow-wrap: anywhere; }
.severity { font-weight: 600; } .error .severity { color: var(--wrong); }
.error { border-left: 4px solid var(--wrong); } .warning { border-left: 4px solid var(--colour2); }
.way-out::before { content: "→ "; color: var(--accent); }
.clean { color: var(--right); }
.table { overflow-x: auto; }
.splits th, .splits td { padding: 4px 18px 4px 0; text-align: left; font-weight: 400; font-size: 0.875rem;
  border-bottom: 1px solid var(--rule); }
.splits thead th { font-weight: 600; } .splits tbody th { color: var(--quiet); }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 14px;
  margin: 14px 0; align-items: start; }
.sheet .card img { border-radius: 6px; margin: 8px 0 6px; }
.sheet .card .caption { font-size: 0.875rem; }
.sheet .waveform { width: 100%; height: 32px; display: block; }
.sheet ul { margin: 6px 0 0; padding: 0; list-style: none; font-size: 0.8125rem; }
.sheet .card li { border: 0; background: none; overflow-wrap: anywhere; }
.sheet li i { color: var(--quiet); font-style: normal; }
.balance { display: grid; grid-template-columns: minmax(90px, max-content) 1fr; gap: 2px 14px;
  font-size: 0.8125rem; align-items: center; max-width: 640px; margin: 10px 0; }
.balance b { display: inline-block; height: 10px; min-width: 1px; background: var(--accent);
  margin-right: 8px; border-radius: 2px; }
"""


def write_page(diagnosis: Diagnosis, path) -> None:
    """Writes the page, whole or not at all."""
    with whole_file(path) as file:
        file.write(build_page(diagnosis).encode())


def build_page(diagnosis: Diagnosis) -> str:
    """The page as text."""
    name = diagnosis.prepared.name
    found = [_finding(finding) for finding in diagnosis.findings]
    parts = [
        element("p", "VATT doctor", class_="overline"),
        element("h1", name),
        element("p", verdict(diagnosis), class_="summary" if found else "summary clean"),
        [element("h2", "Findings"), element("div", found, class_="findings")] if found else None,
        element("h2", "Facts"),
        _facts(diagnosis),
        _balance(diagnosis),
        element("h2", "Contact sheet"),
        element(
            "p",
            "Clips that a finding names come first, others are spread evenly over the set. Pictures run "
            "from the first to the last; sound is drawn against full scale.",
            class_="note",
        ),
        element("div", contact_sheet(diagnosis, _CLIPS_SHOWN), class_="sheet"),
    ]
    return whole_page(f"{name} · VATT doctor", parts, style=_STYLE)


def _finding(finding: Finding) -> Markup:
    check = finding.check
    places = [
        element("li", element("span", f"{place}: " if str(place) else "", class_="quiet"), what)
        for what, place in finding.places
    ]
    more = finding.count - len(places)
    times = "once" if finding.count == 1 else f"{finding.count:,} times"
    return element(
        "article",
        element("span", check.severity.capitalize(), class_="severity"),
        element("span", f" · {check.name} · {times}", class_="quiet"),
        element("p", check.rule),
        element("ul", places, element("li", f"and {more:,} more", class_="quiet") if more else None),
        element("p", check.way_out, class_="way-out"),
        class_=f"card {'error' if check.severity == ERROR else 'warning'}",
    )


def _facts(diagnosis: Diagnosis) -> Markup | None:
    facts = {split: facts_of(tally) for split, tally in diagnosis.splits.items()}
    if not facts:
        return None
    head = element("tr", element("th"), [element("th", split, scope="col") for split in facts])
    rows = [
        element("tr", element("th", key, scope="row"), [element("td", of[key]) for of in facts.values()])
        for key in next(iter(facts.values()))
    ]
    rare = [
        element("p", f"{finding.check.name}: {finding.count:,}, as few as any large set has.", class_="note")
        for finding in diagnosis.tolerated
    ]
    table = element("table", element("thead", head), element("tbody", rows), class_="splits")
    subset = diagnosis.prepared.subset
    part = element("p", f"Subset: {subset}", class_="note") if subset else None
    return element("div", part, element("div", table, class_="table"), rare)


def _balance(diagnosis: Diagnosis) -> Markup | None:
    """Clips of each class, the most frequent first."""
    labels, names = diagnosis.whole.labels, diagnosis.prepared.setting.labels
    if not labels:
        return None
    ranked = labels.most_common(_CLASSES_SHOWN)
    most = ranked[0][1]
    rows = []
    for label, count in ranked:
        name = names[label] if 0 <= label < len(names) else f"id {label}"
        bar = element("b", style=f"width: {80 * count / most:.1f}%")
        rows.append([element("span", name), element("span", bar, f"{count:,}")])
    left = len(labels) - len(ranked)
    return element(
        "section",
        element("h3", "Clips of each class"),
        element("div", rows, class_="balance"),
        element("p", f"and {left:,} classes with fewer", class_="note") if left else None,
    )
