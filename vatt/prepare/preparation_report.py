"""The end report of a preparation: preparation.json for programs, preparation.html for people.

Both are written however the run ends, so that a set that was refused for its failures says which they were.
"""

from pathlib import Path
from typing import Any

from vatt.files.json_file import read_object
from vatt.prepare import writer
from vatt.prepare.holdings import SetHoldings
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.preparation_page import page

JSON_FILE = "preparation.json"
HTML_FILE = "preparation.html"
_MOST_BYTES = 1 << 30  # of JSON_FILE: every clip that failed


def write_report(directory: Path, content: dict[str, Any]) -> Path:
    """Writes both files, each whole or not at all; returns the page's path."""
    writer.write_json(directory / JSON_FILE, content)
    writer.write_text(directory / HTML_FILE, page(content))
    return directory / HTML_FILE


def read_report(directory: Path) -> dict[str, Any]:
    """What an earlier run reported; empty if there is none, or one that can not be read."""
    try:
        return read_object(directory / JSON_FILE, max_bytes=_MOST_BYTES)
    except (OSError, ValueError):
        return {}


def describe(
    plan: Plan, made: SetHoldings, *, max_failures: float, is_finished: bool, this_run: dict, made_by: dict
) -> dict[str, Any]:
    """The content of preparation.json: what was to be prepared, what planning left out, decided and lost, and
    what was made. `is_finished` is False where more clips failed than may; `this_run` is what this run
    did, as opposed to what earlier ones had finished.
    """
    return {
        "name": plan.name,
        "finished": is_finished,
        "clips": len(plan.clips),
        "records": made.whole.records,
        "hours": made.whole.seconds / 3600,
        "splits": {
            split: {"records": it.records, "hours": it.seconds / 3600, "records_with": dict(it.contents)}
            for split, it in sorted(made.splits.items())
        },
        "max_failures": max_failures,
        "failed": [{"media_id": media_id, "reason": reason} for media_id, reason in made.whole.failures],
        "kept_in_part": [{"media_id": media_id, "lost": lost} for media_id, lost in made.whole.warnings],
        "missing": [{"media_id": name, "looked_for": looked_for} for name, looked_for in plan.missing],
        **plan.planning.content(),
        "this_run": this_run,
        "made_by": made_by,
    }
