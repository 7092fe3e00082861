"""What is installed is what was tested: one list of pins, and a lock of all that they stand on."""

import re
import tomllib

import pytest

from tests.documents import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
INSTALLERS = ("README.md", "CONTRIBUTING.md", "docs/own_videos.md", ".ci/run")


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name):
    return {package.lower().replace("_", "-"): version for package, version in PIN.findall(text(name))}


def test_the_lock_has_the_pins_of_the_requirements():
    required, locked = pins("requirements.txt"), pins("requirements.lock")
    assert required.items() <= locked.items(), required.items() - locked.items()
    assert len(locked) > len(required) + 20, "and what they stand on"


def test_every_package_of_the_lock_has_hashes_and_no_address():
    lock = text("requirements.lock")
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lock)


def test_every_dependency_of_the_package_is_pinned():
    stated = tomllib.loads(text("pyproject.toml"))["project"]["dependencies"]
    names = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower() for each in stated}
    assert names <= pins("requirements.txt").keys()


@pytest.mark.parametrize("name", INSTALLERS)
def test_documents_and_ci_install_the_lock(name):
    commands = re.findall(r"pip install[^\n&#]*-r \S+", text(name))
    assert commands and all("--require-hashes -r requirements.lock" in command for command in commands)
