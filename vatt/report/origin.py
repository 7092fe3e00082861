"""What ran: command, versions, data, configuration."""

import re
from collections.abc import Sequence

from vatt.report.markup import Markup, element
from vatt.report.run_files import RunFiles
from vatt.report.tables import facts_table, numbers_table

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


def facts_of_origin(run: RunFiles) -> dict[str, str]:
    """Name -> what is on record, for a table."""
    last = run.starts[-1] if run.starts else {}
    facts = {title: last[name] for name, title in _OF_A_START.items() if name in last}
    if len(run.starts) > 1:
        facts["Starts"] = f"{len(run.starts)}, the first {run.starts[0].get('started', 'at an unknown time')}"
    if start := macro(run.config, "CHECKPOINT"):
        facts["Starts from"] = start
    facts |= {title: run.identity[name] for name, title in _OF_A_CHECKPOINT.items() if name in run.identity}
    for where, data in evaluated_data(run).items():
        facts[f"Evaluated on {where}, fingerprint"] = data
    return facts


def evaluated_data(run: RunFiles, parts: Sequence[str] = ("data", "train_data")) -> dict[str, str]:
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


def macro(config: str, name: str) -> str:
    """A text that a configuration binds to a name of capitals; "" where it binds none."""
    found = re.search(rf"^{re.escape(name)} = (['\"])(.+?)\1$", config, re.MULTILINE)
    return found[2] if found else ""


def origin(run: RunFiles) -> Markup:
    """The section."""
    parts = [element("h2", "What ran", id="origin")]
    if facts := facts_of_origin(run):
        parts.append(facts_table(facts.items(), class_="card-lines"))
    for title, text in (
        ("All starts (command.txt)", run.command if len(run.starts) != 1 else ""),
        ("Configuration (config.gin)", run.config),
        ("Everything that was used (operative.gin)", run.operative),
    ):
        if text.strip():
            parts.append(element("details", element("summary", title), element("pre", text.strip())))
    if run.metrics:
        summary = element("summary", f"All {len(run.metrics)} numbers (metrics.json)")
        parts.append(element("details", summary, numbers_table(run.metrics)))
    return element("section", parts)
