"""docs/fidelity.md and the overlays that it names agree: each switch of a row is set, and nothing else."""

import re
from pathlib import Path

import pytest

from vatt import config

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
OVERLAYS = ROOT / "experiments" / "overlay"
FILES = {
    "released": [OVERLAYS / f"released_{role}.gin" for role in ("pretrain", "finetune", "probe")],
    "printed": [OVERLAYS / "as_printed.gin"],
}


def rows():
    """Number -> fifth column."""
    lines = (line[1:-1].strip() for line in TEXT.splitlines() if re.match(r"\| \d+ \|", line))
    cells = (re.split(r"\s\|\s", line) for line in lines)
    return {int(row[0]): row[4] for row in cells}


def switches(kind):
    """(row, key, value as read) of every binding after "released:" or "printed:"."""
    for number, text in rows().items():
        for part in text.split("; "):
            if not part.startswith(f"{kind}: "):
                continue
            for binding in re.findall(r"`([^`]+ = [^`]+)`", part):
                ((key, value),) = config.as_written(binding).items()
                yield number, key, value


def bound(kind):
    found = {}
    for path in FILES[kind]:
        found |= config.as_written(path.read_text(encoding="utf-8"))
    return found


def test_every_row_is_there_once_and_says_what_switches_it():
    assert sorted(rows()) == list(range(1, len(rows()) + 1))
    for number, text in rows().items():
        assert re.search(r"released: |printed: |NONE", text), number


@pytest.mark.parametrize("kind", FILES)
def test_what_a_row_says_is_switched_is(kind):
    overlays = bound(kind)
    found = list(switches(kind))
    assert len(found) > 5
    for number, key, value in found:
        assert overlays.get(key) == value, f"row {number}: {key}"


@pytest.mark.parametrize("kind", FILES)
def test_what_an_overlay_switches_has_a_row(kind):
    told = {key for _, key, _ in switches(kind)}
    told |= {key for binding in re.findall(r"`([^`]+ = [^`]+)`", TEXT) for key in config.as_written(binding)}
    for key in bound(kind):
        assert key in told, key


def test_rows_that_the_overlays_name_are_theirs():
    for path in (each for paths in FILES.values() for each in paths):
        text = path.read_text(encoding="utf-8")
        named = {
            int(number)
            for group in re.findall(r"rows? ([\d, and]+)", text)
            for number in re.findall(r"\d+", group)
        }
        own = config.as_written(text)
        for number in named:
            keys = {key for kind in FILES for row, key, _ in switches(kind) if row == number}
            assert keys & set(own) or re.search("as row|NONE|as_printed", rows()[number]), (path.name, number)
