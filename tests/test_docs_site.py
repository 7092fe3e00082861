"""The site of the documents is built strictly, so that every link leads somewhere; whole; of one host."""

import importlib.util
import re
import subprocess
import sys

import pytest

from tests.documents import DOCUMENTS, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed"),
]
# What a page or a style sheet fetches by itself; where a reader may click is another matter.
FETCHED = re.compile(
    r"<(?:script|img|source|iframe)\b[^>]*\bsrc=\W?https?:"
    r"|<link\b[^>]*\brel=\W?(?:stylesheet|preconnect)\b[^>]*https?:"
    r"|url\(\W?https?:"
)


def build(*options):
    """What the strict build says and ends with."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build("--site-dir", folder)
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


def test_every_document_is_a_page(site):
    documents = {path for path in DOCUMENTS if path.parent == ROOT / "docs" and path.name != "README.md"}
    assert len(documents) > 20
    missing = [path.stem for path in documents if not (site / path.stem / "index.html").is_file()]
    assert not missing
    home = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="own_videos/"' in home and 'src="images/report.png"' in home


def test_python_is_described_from_its_docstrings(site):
    page = (site / "api" / "vatt.losses" / "index.html").read_text(encoding="utf-8")
    assert 'id="vatt.losses.contrastive.ContrastiveLoss"' in page
    assert "Sigmoid cross-entropy summed over classes" in page


def test_pages_made_at_build_are_there_and_linked_by_their_names(site):
    assert 'id="contrastiveloss"' in (site / "gin" / "index.html").read_text(encoding="utf-8")
    page = (site / "formats" / "index.html").read_text(encoding="utf-8")
    assert '<a href="../gin/"><code>gin.md</code></a>' in page


def test_a_link_to_the_code_leads_to_the_code(site):
    page = (site / "architecture" / "index.html").read_text(encoding="utf-8")
    assert 'href="../engines/"' in page
    assert "class" in (site / "repository" / "vatt" / "spec.py" / "index.html").read_text(encoding="utf-8")


def test_pages_fetch_nothing_from_other_hosts(site):
    files = [path for kind in ("html", "css") for path in site.rglob(f"*.{kind}")]
    assert len(files) > 100
    for path in files:
        found = FETCHED.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(site)}: {found[0]}"


def test_a_broken_link_and_a_page_in_no_menu_are_noticed(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# One\n\n[no page](two.md), [no heading](#three)\n")
    (tmp_path / "docs" / "four.md").write_text("# Four\n")
    settings = f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: docs\nhooks: []\nplugins: []\nnav: [index.md]\n"
    (tmp_path / "mkdocs.yml").write_text(settings)
    done = build("--config-file", tmp_path / "mkdocs.yml", "--site-dir", tmp_path / "site")
    assert done.returncode == 1
    for name in ("'two.md'", "'#three'", "four.md"):
        assert name in done.stderr
