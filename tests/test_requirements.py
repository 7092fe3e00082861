"""What is installed is what was tested: one list of pins, and a lock of all that they stand on."""

import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.documents import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==([^\s;\\]+)", re.MULTILINE)
INSTALLERS = ("README.md", "CONTRIBUTING.md", "docs/quickstart.md", ".ci/run")


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
    names = stated_packages("dev")
    assert {"tensorflow", "keras", "tensorboard", "numpy", "pytest"} <= names
    assert names <= pins("requirements.txt").keys()


def test_every_pin_is_of_a_dependency_of_the_package():
    """So that `pip install 'vatt[dev]'` brings what tests need. Two come with others of them."""
    assert pins("requirements.txt").keys() - stated_packages("dev") == {"jaxlib", "mkdocstrings-python"}


def test_the_pins_satisfy_what_the_package_asks_for():
    """One source of versions: ranges in pyproject.toml, and what was tested within them here."""
    pinned = pins("requirements.txt")
    for each in stated("dev"):
        wanted = Requirement(each)
        assert wanted.specifier.contains(pinned[wanted.name.lower()]), each


def stated(*extras):
    """What pyproject.toml requires, with extras and the extras that those name. Beam, which has
    an environment of its own, is in none of them."""
    project = tomllib.loads(text("pyproject.toml"))["project"]
    found = [*project["dependencies"]]
    for each in (each for extra in extras for each in project["optional-dependencies"][extra]):
        own = Requirement(each)
        found += stated(*own.extras) if own.name == "vatt" else [each]
    return found


def stated_packages(*extras):
    """Names of what pyproject.toml requires, with those of some extras."""
    return {Requirement(each).name.lower() for each in stated(*extras)}


def packages(name):
    """Names of a requirements file, without versions and extras."""
    return {
        re.match(r"[A-Za-z0-9._-]+", each)[0].lower()
        for each in text(name).splitlines()
        if each[:1].isalpha()
    }


def test_a_tpu_gets_what_the_package_needs_and_no_second_tensorflow():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    needed = stated_packages("train") - {"tensorflow"}
    assert "keras" in needed
    found = packages("requirements/tpu.txt")
    assert needed <= found and "tensorflow-tpu" in found
    assert not found & {"tensorflow", "tensorflow-text"}
    assert (
        "tensorflow-text" not in needed and "tensorflow-text" in project["optional-dependencies"]["text"][0]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tpu", "gpu"])
def test_a_platforms_requirements_resolve(name):
    uv = shutil.which("uv") or shutil.which("uv", path=str(pathlib.Path(sys.executable).parent))
    if uv is None:
        pytest.skip("Resolving needs uv.")
    command = [uv, "pip", "compile", "--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_31"]
    made = subprocess.run(
        [*command, "--quiet", f"requirements/{name}.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if made.returncode and re.search("error sending request|Failed to fetch|Connect", made.stderr):
        pytest.skip("Resolving needs a package registry.")
    assert made.returncode == 0, made.stderr
    assert "nvidia-cudnn" in made.stdout if name == "gpu" else "tensorflow-tpu==2.20" in made.stdout


@pytest.mark.parametrize("name", INSTALLERS)
def test_documents_and_ci_install_the_lock(name):
    commands = re.findall(r"pip install[^\n&#]*-r \S+", text(name))
    assert commands and all("--require-hashes -r requirements.lock" in command for command in commands)


def test_ci_runs_every_test_that_skips_without_anothers_code():
    """With all of it installed, none may skip (`.ci/peers`)."""
    peers = re.compile(
        r"importorskip\(\s*\"(?:torch|transformers|apache_beam|tensorflow_hub|faiss|pocketsphinx|openapi_)"
        r"|\"jax\", \"torch\""
    )
    skipping = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if peers.search(path.read_text(encoding="utf-8")) and path.name != "test_requirements.py"
    }
    assert set(re.findall(r"tests/\S+\.py", text(".ci/peers"))) == skipping
    assert {"torch", "transformers", "apache-beam", "tensorflow-hub"} <= pins("requirements/peers.txt").keys()
