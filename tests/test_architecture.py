"""The walks of docs/architecture.md lead through files and names that exist, in few hops."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_HOPS = {"`DropToken.rate`": 8, "A clip": 12, "A checkpoint": 8, "A gradient": 10}
WALKS = {
    title: re.findall(r"^\d+\. (.*(?:\n   .*)*)", body, re.MULTILINE)
    for title, body in re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
}


@pytest.mark.parametrize("title", MOST_HOPS)
def test_a_walk_is_short_and_its_places_exist(title):
    hops = WALKS[title]
    assert 4 <= len(hops) <= MOST_HOPS[title]
    for hop in hops:
        path, *names = re.findall(r"`([^`]+)`", hop)
        source = (ROOT / path).read_text(encoding="utf-8")
        for name in names:
            assert name in source, f"{title}: {path} has no {name}"


def test_there_are_no_other_walks():
    assert set(WALKS) == set(MOST_HOPS)
