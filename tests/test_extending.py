"""The examples of docs/extending.md and docs/losses.md, in a copy of the tree: tests, rules, the gin file."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("extending.md", "losses.md")]
TEXT = "\n".join(DOCUMENTS)
# `name` in `folder`, some words or none, and the block below
BLOCK = re.compile(r"^`([\w.]+)`(?: in `([\w/]+)`)?[^`]*:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# In the same process as the tests of the document: TensorFlow takes seconds to start.
_RUN = """\
import pytest

from vatt import cli, config
from vatt.prepare.cli import known_layouts

FILES = ["experiments/pretrain.gin", "mine.gin"]


def test_the_gin_file_is_accepted():
    config.load(FILES)
    assert "MarginLoss.margin = 0.2" in config.config_text()
    with pytest.raises(config.ConfigError, match="(?s)MarginLoss.*margin"):
        config.load(FILES, ["MarginLoss.magrin = 1.0"])


def test_the_plan_counts_with_it():
    assert cli.main(["plan", *FILES]) == 0


def test_the_layout_is_listed():
    assert "vggsound" in known_layouts()
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources with the files of the document in it."""
    folder = tmp_path_factory.mktemp("tree")
    for part in ("vatt", "tests", "experiments"):
        away = shutil.ignore_patterns("__pycache__", "golden")
        shutil.copytree(ROOT / part, folder / part, ignore=away)
    for part in ("pyproject.toml", "benchmarks", "data", "docs", "tests/golden"):
        (folder / part).symlink_to(ROOT / part)
    for name, place, text in BLOCK.findall(TEXT):
        path = folder / place / name
        assert not path.exists(), f"{path.name} is there: the document must have another example"
        path.write_text(text, encoding="utf-8")
    (folder / "tests" / "test_the_run.py").write_text(_RUN)
    return folder


def test_the_documents_are_whole():
    files = [name for name, _, _ in BLOCK.findall(TEXT)]
    assert len(files) == 7 and files[-1] == "mine.gin"
    assert TEXT.count("```python") == 6


@pytest.mark.slow
def test_the_examples_pass_their_tests_and_the_rules(tree):
    tests = [
        "tests/prepare/layouts/test_layouts_vggsound.py",
        "tests/evals/test_evals_reciprocal_rank.py",
        "tests/losses/test_losses_margin.py",
        "tests/test_rules.py",
        "tests/test_the_run.py",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests],
        cwd=tree,
        env={name: os.environ[name] for name in os.environ.keys() - {"PYTEST_ADDOPTS"}},  # in one process
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-5000:]


def test_the_examples_are_in_the_style_of_the_house(tree):
    files = [str(tree / place / name) for name, place, _ in BLOCK.findall(TEXT) if place]
    for command in (["check"], ["format", "--check"]):
        line = [sys.executable, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), *files]
        done = subprocess.run(line, cwd=tree, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
