"""User-visible text uses the words of the glossary: one field-standard word for each thing."""

import re

import pytest

from tests.documents import ROOT, text_of

# What is not said -> what to say instead.
GLOSSARY = {
    r"films?": "video",
    r"pictures?": "image, or frame of a video",
    r"sounds?": "audio",
    r"beside": "baseline, compared with, next to",
    r"by way of": "via",
    r"(?:go|goes|went|gone|going) on from": "resume from",
    r"costs? itself": "is skipped and reported",
    r"the very \w+": "exact match, instance-level",
    r"told apart": "distinguished; negatives",
    r"(?:is|are|was|were|be) told": "logged, reported, warned",
    r"a look (?:at|from)": "summary; host sync",
    r"None for (?:none|nobody)": "None disables",
    r"stands? in for": "replaces, fallback",
    r"strangers?": "untrusted",
    r"two commands|what you see": "quickstart, results",
    r"whoever|so many|so manieth|at hand|by itself alone": "plain words",
}
# (file, found text in its line) that stay, with the reason.
ALLOWED = {}
DOCUMENTS = ["README.md", "BUILD.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def unsaid(text):
    """(line number, found, what to say) for each word of the glossary that a text should not have."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, better in GLOSSARY.items():
            for found in re.finditer(rf"(?<![\w./-])(?:{pattern})(?![\w/-])", line, re.IGNORECASE):
                yield number, found.group(), better


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name):
    allowed = ALLOWED.get(name, ())
    found = [each for each in unsaid(text_of(ROOT / name)) if each[1].lower() not in allowed]
    assert not found, "\n".join(f"{name}:{line}: {word!r}: say {better}" for line, word, better in found)


def test_the_scan_finds_a_word():
    assert [each[1] for each in unsaid("the film's sound\nvideo")] == ["film", "sound"]
