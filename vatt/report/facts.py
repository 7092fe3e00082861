"""The few facts about a run that stand at the head of its page."""

import numpy as np

from vatt.report import scales
from vatt.report.markup import Markup
from vatt.report.origin import evaluated_data, macro
from vatt.report.run_files import RunFiles
from vatt.report.tables import facts_list

_CODES = ("Training data", "Evaluated data", "Starts from")


def facts_of(run: RunFiles) -> dict[str, str]:
    """Name -> what is on record."""
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
    elif len(evaluated := set(evaluated_data(run, ("data",)).values())) == 1:
        facts["Evaluated data"] = evaluated.pop()
    if start := macro(run.config, "CHECKPOINT"):
        facts["Starts from"] = start
    if run.finished:
        facts["Last written"] = f"{run.finished:%Y-%m-%d %H:%M %Z}"
    return facts


def facts(run: RunFiles) -> Markup | None:
    """The facts of one run; None without any."""
    return facts_list((name, value, name in _CODES) for name, value in facts_of(run).items())
