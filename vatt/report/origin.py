"""What is on record of a run: the few facts at the head of its page, and what ran, from command to data."""

from collections.abc import Sequence

import numpy as np

from vatt.report import scales
from vatt.report.markup import Markup, element
from vatt.report.run_files import RunFiles
from vatt.report.tables import facts_list, facts_table, folded, numbers_table
from vatt.run_records import bound_text, starts

_CODES = ("Training data", "Evaluated data", "Starts from")
_OF_A_START = {
    "command": "Command",
    "started": "Started",
    "vatt": "VATT",
    "python": "Python",
    "packages": "Packages",
    "devices": "Devices",
}
_OF_A_CHECKPOINT = {
    "data": "Training data, fingerprint",
    "vocabulary": "Vocabulary",
    "batch_size": "Clips of a batch",
    "seed": "Seed",
}


def facts_of(run: RunFiles) -> dict[str, str]:
    """Name -> what is on record, for the head of the page."""
    facts, journal = {}, run.journal
    if journal:
        facts["Steps"] = f"{journal.last_step:,}"
        if journal.seconds is not None:
            facts["Training time"] = scales.duration(journal.seconds)
        losses, rates = journal.finite("loss"), journal.finite("clips_per_second")
        if len(losses):
            facts["Loss, first → last"] = f"{scales.short(losses[0])} → {scales.short(losses[-1])}"
        if len(rates):
            facts["Throughput, median"] = f"{scales.short(float(np.median(rates)))} clips/s"
    if "data" in run.identity:
        facts["Training data"] = run.identity["data"]
    elif len(evaluated := set(_evaluated_data(run, ("data",)).values())) == 1:
        facts["Evaluated data"] = evaluated.pop()
    if start := bound_text(run.config, "CHECKPOINT"):
        facts["Starts from"] = start
    if run.finished:
        facts["Last written"] = f"{run.finished:%Y-%m-%d %H:%M %Z}"
    return facts


def facts(run: RunFiles) -> Markup | None:
    """The head's facts; None without any."""
    return facts_list((name, value, name in _CODES) for name, value in facts_of(run).items())


def facts_of_origin(run: RunFiles) -> dict[str, str]:
    """Name -> what is on record, of what ran."""
    found = starts(run.command)
    last = found[-1] if found else {}
    facts = {title: last[name] for name, title in _OF_A_START.items() if name in last}
    if len(found) > 1:
        facts["Starts"] = f"{len(found)}, the first {found[0].get('started', 'at an unknown time')}"
    if start := bound_text(run.config, "CHECKPOINT"):
        facts["Starts from"] = start
    facts |= {title: run.identity[name] for name, title in _OF_A_CHECKPOINT.items() if name in run.identity}
    for where, data in _evaluated_data(run, ("data", "train_data")).items():
        facts[f"Evaluated on {where}, fingerprint"] = data
    return facts


def _evaluated_data(run: RunFiles, parts: Sequence[str]) -> dict[str, str]:
    """Data set, split and size -> fingerprint, of these parts of all protocol cards."""
    found = {}
    for evaluation in run.evaluations.values():
        for part in parts:
            data = evaluation.protocol.get(part)
            if isinstance(data, dict) and "fingerprint" in data:
                records = f", {data['records']:,} records" if isinstance(data.get("records"), int) else ""
                name = f"{data.get('dataset', '?')}/{data.get('split', '?')}{records}"
                found[name] = str(data["fingerprint"])
    return found


def origin(run: RunFiles) -> Markup:
    """The section."""
    parts = [element("h2", "What ran", id="origin")]
    if facts := facts_of_origin(run):
        parts.append(facts_table(facts.items(), class_="card-lines"))
    for title, text in (
        ("All starts (command.txt)", run.command if len(starts(run.command)) != 1 else ""),
        ("Configuration (config.gin)", run.config),
        ("Everything that was used (operative.gin)", run.operative),
    ):
        if text.strip():
            parts.append(folded(title, element("pre", text.strip())))
    if run.metrics:
        parts.append(folded(f"All {len(run.metrics)} numbers (metrics.json)", numbers_table(run.metrics)))
    return element("section", parts)
