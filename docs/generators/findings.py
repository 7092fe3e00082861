"""`docs/findings.md`: everything that `vatt doctor` looks for, and what to do about it."""

import importlib
import pkgutil

from vatt.prepare import doctor
from vatt.prepare.doctor.findings import Check

_HEAD = """\
# What `vatt doctor` finds

Made from the checks themselves; change those. Errors make training go wrong
or stop; warnings may be meant. Some things occur a little in any large set and are a finding only above a
share. `--html` shows each with its first twenty places, `--json` prints them for programs, `--repair OUT`
writes a copy in which what can be mended is.

| finding | | rule | what to do | `--repair` |
|---|---|---|---|---|"""


def page() -> str:
    """The whole page."""
    rows = [
        f"| `{check.name}` | {_severity(check)} | {check.rule} | {check.way_out} "
        f"| {'mends it' if check.is_mended else ''} |"
        for check in checks()
    ]
    return "\n".join([_HEAD, *rows, ""])


def checks() -> list[Check]:
    """Every check of the doctor, by name."""
    found = {}
    for module in pkgutil.iter_modules(doctor.__path__, f"{doctor.__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        found |= {each.name: each for each in members if isinstance(each, Check)}
    return [found[name] for name in sorted(found)]


def _severity(check: Check) -> str:
    share = f", above {check.tolerated_share:.2%} of {check.among}" if check.tolerated_share else ""
    return f"{check.severity}{share}"
