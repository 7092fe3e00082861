"""What is installed is what was tested: one list of pins, and a lock of all that they stand on."""

import pathlib
import re
import shutil
import subprocess
import sys
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
    names = stated_packages(*EXTRAS)
    assert {"tensorflow", "keras", "tensorboard", "numpy"} <= names
    assert names <= pins("requirements.txt").keys()


# What the lock installs; Beam has an environment of its own.
EXTRAS = ("docs", "jax", "parquet", "stores", "text", "train")


def stated_packages(*extras):
    """Names of what pyproject.toml requires, with those of some extras."""
    project = tomllib.loads(text("pyproject.toml"))["project"]
    stated = [
        *project["dependencies"],
        *(each for extra in extras for each in project["optional-dependencies"][extra]),
    ]
    return {re.match(r"[A-Za-z0-9._-]+", each)[0].lower() for each in stated}


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
