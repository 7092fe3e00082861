"""gin's internals are those of gin-config 0.5, which `vatt/config/gin_internals.py` is written against."""

import ast
import importlib.metadata
import re
from pathlib import Path

import gin
import pytest

from vatt.config import gin_internals

ROOT = Path(__file__).parents[2]


def test_gin_is_of_the_version_that_the_internals_are_of():
    version = importlib.metadata.version("gin-config")
    assert version.startswith("0.5."), (
        f"gin-config {version} is installed. vatt/config/gin_internals.py uses internals of 0.5: compare "
        "gin/config.py and gin/config_parser.py of both versions before the pin is raised."
    )


def test_the_version_is_pinned():
    assert '"gin-config==0.5.*"' in (ROOT / "pyproject.toml").read_text()
    assert re.search(r"^gin-config==0\.5\.", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_one_file_imports_what_gin_does_not_export():
    for path in (*(ROOT / "vatt").rglob("*.py"), *(ROOT / "docs").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            inner = any(name.startswith("gin.") for name in names)
            inner |= isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gin"
            assert not inner or path.name == "gin_internals.py", f"{path} imports gin's internals"


@gin.register(module="here.first")
def twice(one, *, two: int = 2, **more):
    return one, two, more


@gin.register("twice", module="here.second")
def twice_again():
    """Another of the same name."""


def test_names_are_found_and_listed():
    assert gin_internals.find("first.twice").wrapped is twice
    assert gin_internals.find("nowhere.twice") is None
    with pytest.raises(KeyError):
        gin_internals.find("twice")
    assert twice in [each.wrapped for each in gin_internals.registered()]
    assert list(gin_internals.parameters_of(gin_internals.find("first.twice"))) == ["one", "two"]


def test_keys_are_complete_and_checked():
    assert gin_internals.complete_key("a/b", "first.twice", "two") == ("a/b", "here.first.twice", "two")
    assert gin_internals.complete_key("NAME", gin_internals.MACRO, "value") == ("NAME", "gin.macro", "value")
    with pytest.raises(ValueError):
        gin_internals.complete_key("", "second.twice", "two")


def test_statements_have_lines_values_and_references():
    text = "# a comment\nNAME = %gin.REQUIRED\na/first.twice.two = [@b/first.twice(), %NAME, @nobody]\n"
    macro, binding = gin_internals.statements(text)
    assert (macro.selector, macro.arg_name) == ("NAME", "") and gin_internals.is_required(macro.value)
    assert (binding.scope, binding.location.line_num) == ("a", 3)
    call, name = gin_internals.references(binding.value)
    assert (call.scopes, call.evaluate, call.configurable.wrapped) == (["b"], True, twice)
    assert gin_internals.macro_named(name) == "NAME" and gin_internals.macro_named(call) is None
    (unknown,) = gin_internals.references(binding.value, gin_internals.UnknownReference)
    assert unknown.name == "nobody"
    (_, written) = gin_internals.statements_as_written(text)
    assert repr(written.value) == "[@b/first.twice(), %NAME, @nobody]"
