"""User-visible text uses the words of the glossary: one field-standard word for each thing."""

import ast
import io
import json
import re
import tokenize

import pytest

from tests.documents import ROOT, WRITTEN, text_of

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
# (file, words that stay there). Each has a reason.
ALLOWED: dict[str, set[str]] = {
    "benchmarks/real.py": {"film"},  # a corpus, as runs and options are called
}
PYTHON = ("vatt", "docs", "benchmarks", "tests")
# What people read: documents, what the program prints or refuses with, docstrings, comments.
FILES = [
    *(ROOT / name for name in ("README.md", "BUILD.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *(path for path in WRITTEN if path.parent == ROOT / "docs"),
    *sorted((ROOT / "experiments").rglob("*.gin")),
    *sorted((ROOT / "vatt").rglob("*.html")),
    *sorted((ROOT / "vatt").rglob("*.md")),
    ROOT / "benchmarks" / "RESULTS.md",
    *sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")),
    *sorted(path for folder in PYTHON for path in (ROOT / folder).rglob("*.py")),
]
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def visible(path):
    """(first line, text) of all that a file says to people: of Python its comments and its strings of several
    words, formatted ones included; of a document and a notebook all but code; of a gin file its comments."""
    text = text_of(path)
    if path.suffix == ".py":
        nodes = [*ast.walk(ast.parse(text))]
        if path.is_relative_to(ROOT / "tests"):  # of which the strings are examples, but for docstrings
            nodes = [each.value for each in nodes if isinstance(each, ast.Expr)]
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                yield node.lineno, node.value
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    elif path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        yield 1, "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    elif path.suffix == ".gin":
        yield 1, "\n".join(line.partition("#")[2] for line in text.splitlines())
    else:
        yield 1, _CODE.sub(lambda code: re.sub(r"[^\n]", "", code.group()), text)


def unsaid(text):
    """(line number, found, what to say) for each word of the glossary that a text should not have."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, better in GLOSSARY.items():
            for found in re.finditer(rf"(?<![\w./-])(?:{pattern})(?![\w/-])", line, re.IGNORECASE):
                yield number, found.group(), better


@pytest.mark.parametrize("folder", ["", "experiments", *PYTHON])
def test_people_read_the_words_of_the_glossary(folder):
    wrong = []
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        if name.rpartition("/")[0].partition("/")[0] == folder:
            wrong += [
                f"{name}:{first + line - 1}: {word!r}: say {better}"
                for first, text in visible(path)
                for line, word, better in unsaid(text)
                if word.lower() not in ALLOWED.get(name, ())
            ]
    assert not wrong, "\n".join(wrong)


def test_what_is_allowed_is_there():
    for name, words in ALLOWED.items():
        assert words <= {word.lower() for _, text in visible(ROOT / name) for _, word, _ in unsaid(text)}, (
            f"{name} has not all of {words} any more: take them off ALLOWED"
        )


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.py", 'def f():\n    """Reads a film."""\n    raise ValueError(f"{1} no\\nsound at all")\n', 2),
        ("a.py", 'picture = {"picture": 1}  # a picture\n', 1),  # names are free
        ("a.md", "A film.\n\n```\nfilm\n```\n`film` and sound\n", 2),
        ("a.gin", "film.x = 1\n# A film\n", 1),
        ("a.ipynb", '{"cells": [{"cell_type": "markdown", "source": ["A film"]}]}', 1),
        ("a.html", "<p>films</p>", 1),
    ],
)
def test_the_scan_sees_what_people_read(tmp_path, name, content, found):
    (tmp_path / name).write_text(content)
    assert sum(len(list(unsaid(text))) for _, text in visible(tmp_path / name)) == found
