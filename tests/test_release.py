"""`.ci/release`: in a repository made for it."""

import re
import shutil
import subprocess

import pytest

from tests.documents import ROOT

FILES = (
    *(".gitignore", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md"),
    *("CITATION.cff", ".ci/release", "vatt/__init__.py", "experiments/pretrain.gin", "data/demo/README.md"),
)
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def repository(tmp_path):
    """The files that a release looks at and builds, of version 9.8.7, committed; one module of `vatt`."""
    if shutil.which("git") is None:
        pytest.skip("no git on this machine")
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    edit(tmp_path / "pyproject.toml", r'^version = ".*"', 'version = "9.8.7"')
    edit(tmp_path / "vatt/__init__.py", r'^__version__ = ".*"', '__version__ = "9.8.7"')
    edit(tmp_path / "CITATION.cff", r"^version: .*", "version: 9.8.7")
    edit(tmp_path / "CHANGELOG.md", r"^## 0\..*", "## 9.8.7, 2030-01-02")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def edit(path, pattern, text):
    changed, count = re.subn(pattern, text, path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1, path
    path.write_text(changed, encoding="utf-8")


def git(folder, *words):
    return subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")


def release(folder, *words):
    command = ["bash", ".ci/release", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_dry_run_builds_and_tags_nothing(repository):
    done = release(repository, "9.8.7", "--dry_run")
    assert done.returncode == 0, done.stderr
    assert "vatt-9.8.7-py3-none-any.whl" in done.stdout and "vatt-9.8.7.tar.gz" in done.stdout
    assert not git(repository, "tag") and not (repository / "dist").exists()
    assert not git(repository, "status", "--porcelain")


@pytest.mark.slow
def test_checks_come_first_and_the_tag_last(repository):
    run = repository / ".ci/run"
    run.write_text("#!/bin/sh\nexit 3\n")
    run.chmod(0o755)
    commit(repository)
    assert release(repository, "9.8.7").returncode == 3 and not git(repository, "tag")
    run.write_text("#!/bin/sh\n")
    commit(repository)
    assert release(repository, "9.8.7").returncode == 0
    assert git(repository, "tag").split() == ["v9.8.7"]
    assert {path.suffix for path in (repository / "dist").iterdir()} == {".gz", ".whl"}
    assert "is tagged" in release(repository, "9.8.7").stderr


def test_what_is_refused(repository):
    def told(*words):
        done = release(repository, *words)
        assert done.returncode == 2 and done.stderr.startswith("error: ")
        return done.stderr

    assert "MAJOR.MINOR.PATCH" in told("9.8") and "MAJOR.MINOR.PATCH" in told("9.8.7", "--now")
    assert "pyproject.toml must have a line" in told("9.8.8")
    edit(repository / "CHANGELOG.md", "^## 9.8.7, .*", "## 9.8.7, unreleased")
    assert "what is committed" in told("9.8.7", "--dry_run")
    commit(repository)
    assert "CHANGELOG.md must have a line" in told("9.8.7", "--dry_run")
