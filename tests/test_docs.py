"""What the documents and the gin headers say is there, is there: paths, links, the tree, the test command."""

import re

import pytest

from tests.documents import DOCUMENTS, GIN_FILES, MADE, ROOT, WRITTEN, text_of

PATH = re.compile(r"(?<![\w/\"-])(?:vatt|experiments|tests|docs|data|benchmarks|\.ci)/[\w./-]*\w")
# Looked up by a name, a message or a row, not read from the top.
REFERENCE = {"formats.md", "fidelity.md", "troubleshooting.md"}
NUMBERS = {"data/video", "data/audio", "data/text"}  # of a journal


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", text_of(path)):
        if not target.startswith("http"):
            file = path.parent / target
            assert file.exists() or path in MADE and file in MADE, f"{path.name}: {target}"
            assert path in MADE or file not in MADE, f"{path.name}: {target} is not in the repository"


def anchor(heading):
    """What a heading is called in a link, by GitHub's rule."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_headings_lead_to_one(path):
    for target, name in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text_of(path)):
        if not target.startswith("http"):
            headings = re.findall(
                r"^#+ (.+)$", text_of(path.parent / target if target else path), re.MULTILINE
            )
            assert name in map(anchor, headings), f"{path.name}: {target}#{name}"


@pytest.mark.parametrize("path", DOCUMENTS + GIN_FILES, ids=lambda path: path.name)
def test_paths_exist(path):
    for name in set(PATH.findall(text_of(path))) - NUMBERS:
        assert (ROOT / name).exists() or ROOT / name in MADE, f"{path.relative_to(ROOT)} names {name}"


@pytest.mark.parametrize(
    "path",
    [path for path in WRITTEN if path.parent == ROOT / "docs" and path.name not in REFERENCE],
    ids=lambda path: path.name,
)
def test_a_page_is_not_long(path):
    assert len(text_of(path).split()) <= 1500


def test_the_tree_of_the_contributors_is_the_tree():
    tree = text_of(ROOT / "CONTRIBUTING.md").split("```\nvatt/\n")[1].split("```")[0]
    named = set(re.findall(r"^  ([\w.]+/?)", tree, re.MULTILINE))
    folders = {f"{path.name}/" for path in (ROOT / "vatt").iterdir() if (path / "__init__.py").is_file()}
    assert folders == {name for name in named if name.endswith("/")}


def test_the_readme_is_read_in_a_minute():
    text = text_of(ROOT / "README.md")
    assert text.count("\n") <= 130
    assert 8 <= text.split("```python\n")[1].split("```")[0].count("\n") + 4 <= 14


def test_ci_runs_the_test_command_of_the_readme():
    readme = text_of(ROOT / "README.md")
    install = r"pip install --require-hashes -r requirements\.lock"
    command = re.search(install + r" && (python -m pytest)\b", readme).group(1)
    assert f"\n{command}\n" in text_of(ROOT / ".ci" / "run")
