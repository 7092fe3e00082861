"""docs/troubleshooting.md quotes messages that the code has, word for word."""

import ast
import re

import pytest

from tests.documents import ROOT, text_of

PAGE = ROOT / "docs" / "troubleshooting.md"
# A quote, "…" for what changes; whose it is stands behind it where it is not ours.
QUOTE = re.compile(r"^> (?:`` (.+?) ``|`([^`]+)`)(?: \((.+)\))?$")
CHANGES = "…"


def _template(node):
    """A text of the source with "…" for its values; None for what is no text."""
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else CHANGES for part in node.values)
        return "".join(parts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _template(node.left), _template(node.right)
        return left + right if left is not None and right is not None else None
    return None


@pytest.fixture(scope="module")
def templates():
    found = set()
    for file in (ROOT / "vatt").rglob("*.py"):
        for node in ast.walk(ast.parse(text_of(file))):
            if template := _template(node):
                found.add(re.sub(r"\s+", " ", re.sub(r"%[-.\d]*[sdfg]\b|\{\}", CHANGES, template)))
    return found


def quotes():
    for line in text_of(PAGE).splitlines():
        if line.startswith(">"):
            match = QUOTE.match(line)
            assert match, f"not a quote: {line}"
            yield match.group(1) or match.group(2), match.group(3)


def is_said(quote, templates):
    """Whether one text of the source has every fixed part of the quote, in order."""
    pieces = [re.escape(piece.strip()) for piece in quote.split(CHANGES) if piece.strip(" .,:()")]
    pattern = re.compile(".*".join(pieces))
    return any(pattern.search(template) for template in templates)


def test_every_quoted_message_is_one_of_the_code(templates):
    ours = [quote for quote, whose in quotes() if whose is None]
    assert len(ours) > 50
    unknown = [quote for quote in ours if not is_said(quote, templates)]
    assert not unknown, "no such message: " + "\n".join(unknown)


def test_others_messages_name_their_origin():
    assert {whose for _, whose in quotes()} == {None, "Python", "TensorFlow", "the system"}


def test_every_message_has_an_answer():
    assert not re.search(r"^> .*\n+(?:#|\Z)", text_of(PAGE), re.MULTILINE)


def test_no_message_is_quoted_twice():
    said = [quote for quote, _ in quotes()]
    assert len(set(said)) == len(said)


def test_a_changed_message_would_be_noticed(templates):
    assert is_said(
        "An index holds embeddings of one model. Received: model …, but … was made with", templates
    )
    assert not is_said("An index holds the embeddings of one model.", templates)
