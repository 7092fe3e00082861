"""Generated pages are what the code gives now, in the words of the others, and describe every argument."""

import difflib
import inspect

import pytest

from docs.generators import COMMITTED, DOCS, docstrings, gin_files, gin_names, text_of
from tests.documents import MADE, ROOT, blocks
from tests.test_words import unsaid, visible


@pytest.mark.parametrize("name", COMMITTED)
def test_a_page_is_what_the_code_gives(name):
    written, now = (DOCS / name).read_text(encoding="utf-8"), text_of(name)
    changes = difflib.unified_diff(written.splitlines(), now.splitlines(), "written", "now", lineterm="", n=0)
    assert written == now, f"run `python -m docs.generators`: docs/{name}\n" + "\n".join([*changes][:20])


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_a_page_made_at_build_is_written_as_the_others(path):
    (_, text), *_ = visible(path)
    assert text.startswith("# ") and "\nMade from " in text
    assert not list(unsaid(text))
    assert not list(blocks(path, "python"))  # which tests/test_docs_code.py would have to run


def test_pages_made_at_build_are_not_committed():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {path.relative_to(ROOT).as_posix() for path in MADE} <= set(ignored)


def test_whatever_a_gin_file_may_bind_is_described():
    for each in gin_names.registered():
        assert docstrings.first_sentence(inspect.getdoc(each.wrapped) or ""), each.selector
        said = gin_names.said_of(each.wrapped)
        unsaid = set(inspect.signature(each.wrapped).parameters) - set(each.denylist or ()) - set(said)
        assert not unsaid, f"the docstring of {each.selector} says nothing of {sorted(unsaid)}"


def test_a_docstring_is_read_to_the_last_line_of_an_argument():
    text = """Does this, and e.g. that. And more.

    Args:
        one: a number,
            of two lines.
        left, right: a pair.

    Returns:
        two: nothing of this.
    """
    assert docstrings.first_sentence(text) == "Does this, and e.g. that"
    assert docstrings.arguments(text) == {
        "one": "a number, of two lines.",
        "left": "a pair.",
        "right": "a pair.",
    }


def test_a_command_over_several_lines_is_taken_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(gin_files, "ROOT", tmp_path)
    file = tmp_path / "a.gin"
    header = "# What it is (A.2). More.\n#\n#   python -m vatt.main --gin_file=a.gin \\\n#     --dry_run\n#\n"
    file.write_text(header + "# End.\n")
    assert gin_files.what(file) == "What it is (A.2)"
    assert gin_files.own_command(file) == "python -m vatt.main --gin_file=a.gin \\\n    --dry_run"
    file.write_text("# What it is.\n")
    with pytest.raises(ValueError, match=r"a\.gin without one"):
        gin_files.own_command(file)
