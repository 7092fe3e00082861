"""The package as others install it: built, installed without the repository, run from an empty folder; and
the Python versions that it states."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import vatt
from tests.documents import ROOT
from tests.prepare.media_maker import beep, grey, make_media

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
(SETUPTOOLS,) = (re.fullmatch(r"setuptools>=(\d+)", each)[1] for each in PROJECT["build-system"]["requires"])
STATED_PYTHONS = ("3.11", "3.12", "3.13")
_BUILD = "import sys, setuptools.build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"


def run(*command, cwd):
    """Runs a command that knows nothing of the repository; returns what it printed."""
    inherited = {name: os.environ[name] for name in os.environ.keys() - {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind, tree, folder):
    """Path of the sdist or wheel that the stated backend makes of a tree, without downloading anything."""
    folder.mkdir(exist_ok=True)
    name = run(sys.executable, "-c", _BUILD, f"build_{kind}", folder, cwd=tree).splitlines()[-1]
    return folder / name


def files_of_the_package():
    """Names of all files of `vatt/` under the tree's root, without what running leaves."""
    found = (
        path for path in (ROOT / "vatt").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return {path.relative_to(ROOT).as_posix() for path in found}


@pytest.mark.slow
class TestInstalled:
    """The wheel is built from the unpacked sdist, so each must be complete."""

    @pytest.fixture(scope="class")
    def sdist(self, tmp_path_factory):
        if int(version("setuptools").partition(".")[0]) < int(SETUPTOOLS):
            pytest.skip(f"builds need setuptools {SETUPTOOLS} or later, as requirements.lock has it")
        tree = tmp_path_factory.mktemp("tree")
        for name in (
            "vatt",
            "experiments",
            "data",
            "pyproject.toml",
            "setup.py",
            "MANIFEST.in",
            "README.md",
            "LICENSE",
        ):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
            copy(ROOT / name, tree / name)
        return build("sdist", tree, tmp_path_factory.mktemp("sdist"))

    @pytest.fixture(scope="class")
    def wheel(self, sdist, tmp_path_factory):
        folder = tmp_path_factory.mktemp("unpacked")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        (tree,) = folder.iterdir()
        return build("wheel", tree, tmp_path_factory.mktemp("wheel"))

    @pytest.fixture(scope="class")
    def scripts(self, wheel, tmp_path_factory):
        """Folder of the programs of an environment with the wheel, whose dependencies are those of this one;
        of the project it has the wheel only."""
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, symlinks=True)
        paths = {"base": str(folder), "platbase": str(folder)}
        python = Path(sysconfig.get_path("scripts", "venv", paths)) / "python"
        place = Path(sysconfig.get_path("purelib", "venv", paths))
        dependencies = sysconfig.get_path("purelib")
        (place / "dependencies.pth").write_text(f"import site; site.addsitedir({dependencies!r})\n")
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
        run(*pip, "install", "--no-deps", "--no-index", "--no-compile", wheel, cwd=folder)
        found = run(python, "-c", "import vatt; print(vatt.__file__)", cwd=folder)
        assert Path(found.strip()).is_relative_to(place)
        return python.parent

    def test_every_file_of_the_package_is_in_the_wheel(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        beside = {path for top in ("experiments", "data") for path in (ROOT / top).rglob("*.*")}
        missing = files_of_the_package() - names
        missing |= {f"vatt/shipped/{path.relative_to(ROOT).as_posix()}" for path in beside} - names
        assert not missing and len(names) > 300
        others = {name.partition("/")[0] for name in names} - {"vatt", f"vatt-{vatt.__version__}.dist-info"}
        assert not others, "tests and documents are not of the package"

    def test_the_command_says_what_it_can(self, scripts, tmp_path):
        assert run(scripts / "vatt", "--version", cwd=tmp_path).split() == ["vatt", vatt.__version__]
        assert "prepare" in run(scripts / "vatt", "--help", cwd=tmp_path)
        assert not list(tmp_path.iterdir())

    def test_the_command_prepares_and_examines_videos(self, scripts, tmp_path):
        prepares_and_examines(scripts / "vatt", tmp_path)

    def test_the_command_plans_an_experiment(self, scripts, tmp_path):
        """Gin files, the registry, the models and TensorFlow are all there."""
        for name in ("pretrain.gin", "experiments/pretrain.gin"):
            told = run(scripts / "vatt", "plan", name, "overlay/paper.gin", "--json", cwd=tmp_path)
            assert json.loads(told)["parameters"]["trainable"] > 1e8
        assert not list(tmp_path.iterdir())

    def test_the_command_trains_from_an_empty_folder(self, scripts, tmp_path):
        words = ("train", "--gin_file=pretrain.gin", "--gin_file=overlay/tiny.gin", "--steps", "1")
        run(scripts / "vatt", *words, "--data_dir", "data", "--model_dir", "run", cwd=tmp_path)
        assert (tmp_path / "run" / "report.html").is_file()

    def test_the_command_lists_the_paper_s_tables(self, scripts, tmp_path):
        assert "pretrain + paper" in run(scripts / "vatt", "tables", "--paper", cwd=tmp_path)
        assert "finetune_kinetics400" in run(scripts / "vatt", "tables", cwd=tmp_path)
        assert "Table 7" in run(scripts / "vatt", "plan", "--paper", cwd=tmp_path)

    @pytest.mark.parametrize("name", STATED_PYTHONS[1:])
    def test_the_base_installs_and_works_on(self, wheel, name, tmp_path):
        """With the newest dependencies that pyproject.toml allows."""
        run(interpreter(name), "-m", "venv", tmp_path / "environment", cwd=tmp_path)
        scripts = tmp_path / "environment/bin"
        pip = [scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
        made = subprocess.run(pip, cwd=tmp_path, capture_output=True, text=True, timeout=500)
        if made.returncode and re.search("No matching distribution|NewConnectionError", made.stderr):
            pytest.skip(f"no package registry with the dependencies for Python {name}: {made.stderr[-200:]}")
        assert made.returncode == 0, made.stderr
        prepares_and_examines(scripts / "vatt", tmp_path)


def interpreter(name):
    """A Python of this version that runs: on the path, or among those of pyenv."""
    installed = sorted(Path.home().glob(f".pyenv/versions/{name}.*/bin/python"))
    for each in filter(None, (shutil.which(f"python{name}"), *installed)):
        if not subprocess.run([each, "-c", ""], capture_output=True).returncode:
            return each
    pytest.skip(f"no Python {name} on this machine")


def prepares_and_examines(vatt_command, folder):
    """In an empty folder, with the templates and style sheets that the wheel brings."""
    (folder / "videos").mkdir()
    for number in range(4):
        frames = grey(np.linspace(20 * number, 200, 8))
        make_media(folder / f"videos/{number}.mp4", pictures=frames, sound=beep(0.8, at=0.1))
    run(vatt_command, "prepare", "folder", "videos", "records", "--processes", "1", cwd=folder)
    assert "<style>" in (folder / "records/preparation.html").read_text(encoding="utf-8")
    run(vatt_command, "doctor", "records", cwd=folder)


def test_the_stated_pythons_are_those_that_are_checked():
    stated = PROJECT["project"]["requires-python"]
    oldest, newest = (tuple(map(int, each.split("."))) for each in (STATED_PYTHONS[0], STATED_PYTHONS[-1]))
    assert stated == f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
    assert PROJECT["tool"]["pyright"]["pythonVersion"] == STATED_PYTHONS[0]


def test_the_sources_compile_without_warnings(tmp_path):
    """On this Python; an escape that a later one refuses is a warning now."""
    check = "import sys, compileall; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1, force=True))"
    shutil.copytree(ROOT / "vatt", tmp_path / "vatt", ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-W", "error", "-c", check, tmp_path / "vatt", cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", STATED_PYTHONS)
def test_the_sources_compile_on(name, tmp_path):
    program = interpreter(name)
    sources = shutil.copytree(ROOT, tmp_path / "tree", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    check = "import sys, compileall; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1))"
    run(program, "-W", "error", "-c", check, sources, cwd=tmp_path)
