"""Sections of the paper that code and gin files cite are there, and are about what stands next to them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    *sorted((ROOT / "vatt").rglob("*.py")),
    *sorted((ROOT / "experiments").rglob("*.gin")),
]
# Section, table or equation -> a word of its subject, which a citation has near it.
SUBJECTS = {
    "A.1.1": "text|caption|mixture",
    "A.2": "train",
    "A.2.1": "clip|augment|colour|crop|box|caption|frame|jitter|kinds of|shift|draws|fps|size",
    "A.2.2": "size|transformer|agnostic|options|patch|signal|encoder|bias",
    "A.2.3": "head",
    "A.2.4": "adam|schedule|batch|recipe",
    "A.2.5": "tun|views|crops|position|schedule|frames|sgd",
    "A.3": "sound|audio|label|mixup|tun",
    "A.3.1": "imag|picture|label|warmup",
    "A.3.2": "linear|probe|features|clips|components|classifier",
    "A.3.3": "retriev|cosine|clips",
    "3.1": "patch|token|grid",
    "3.1.1": "droptoken",
    "3.2": "attention|transformer|options|bias",
    "3.3": "space|head",
    "3.4": "nce",
    "4.1": "train|mixture|data",
    "4.2": "tun",
    "4.2.1": "video|kinetics",
    "4.2.2": "audio|sound",
    "4.2.3": "imag|picture",
    "Eq. 1": "position",
    "Eq. 2": "agg|token",
    "Eq. 3": "space|head|map|direction|project|embed",
    "Eq. 4": "nce|negative",
    "Eq. 5": "nce|candidate|caption",
    "Eq. 6": "weight|λ|sum",
}
_SECTION = re.compile(r"(?:A\.\d(?:\.\d)?)(?![\d.]*\d)|Eq\. \d|(?<=paper )[34]\.\d(?:\.\d)?")


def citations(path):
    """(section, the lines about it) of every citation of the paper."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        for match in _SECTION.finditer(line):
            if not re.search(r"et al\.[^;]*$", line[: match.start()]):  # of another paper
                yield match[0], " ".join(lines[max(0, number - 3) : number + 3])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_cited_is_about_that(path):
    for section, text in citations(path):
        assert section in SUBJECTS, f"{path.name}: the paper has no {section} that we know of"
        assert re.search(SUBJECTS[section], text, re.IGNORECASE), f"{path.name}: {section}: {text}"


def test_tables_have_a_number_that_the_paper_has():
    for path in FILES:
        for number in re.findall(r"Tables? (\d+)", path.read_text(encoding="utf-8")):
            assert 1 <= int(number) <= 10, path


def test_there_are_citations():
    assert sum(len(list(citations(path))) for path in FILES) > 80
