"""What `vatt doctor --environment` lists."""

import re
import tomllib

import pytest

from tests.documents import ROOT
from vatt import cli, environment

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements):
    """Of packages, without extras and versions; what an extra of this package has, it lists itself."""
    others = [each for each in requirements if not each.startswith("vatt[")]
    return {re.split(r"[\[<>=]", each)[0] for each in others}


def test_the_extras_are_those_of_the_package():
    stated = {extra: names(packages) for extra, packages in PROJECT["optional-dependencies"].items()}
    assert {"dev", "docs"} <= stated.keys()
    assert {extra: set(packages) for extra, (packages, _) in environment.EXTRAS.items()} == {
        extra: stated[extra] for extra in stated.keys() - {"dev", "docs"}
    }
    assert set(environment.BASE) <= names(PROJECT["dependencies"])


def test_it_lists_versions_devices_and_what_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(environment.EXTRAS, "train", (("tensorflow", "not-a-package"), "training"))
    assert cli.main(["doctor", "--environment"]) == 0
    told = capsys.readouterr().out
    assert "train (training): no not-a-package: pip install 'vatt[train]'" in told
    assert "TensorFlow: /device:CPU:0" in told and "numpy 2" in told and "MISSING" not in told


def test_as_json_it_is_not_there(capsys):
    assert cli.main(["doctor", "--environment", "--json"]) == 2
    assert "Received: --environment" in capsys.readouterr().err


def test_without_records_it_says_what_it_needs(capsys):
    assert cli.main(["doctor"]) == 2
    assert "needs RECORDS, a prepared set, or --environment" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["numpy", "keras"])
def test_versions_are_those_installed(package):
    assert environment.version_of(package) == __import__(package).__version__
