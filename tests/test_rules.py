"""The rules of the house that a machine can keep: which folder may import which, how long a file may be."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "vatt").rglob("*.py"))
MAX_LINES = 400

# folder -> what it may import of this project besides itself. The foundation is open to all.
FOUNDATION = {
    *("spec", "protocols", "whole_file", "terminal", "regular_file", "json_file", "array_file"),
    *("errors", "resident_memory"),
}
MAY_IMPORT = {
    "layers": set(),
    "models": {"layers"},
    "losses": set(),
    "metrics": set(),
    "data": set(),
    "evals": {"metrics"},
    "analyses": {"evals", "metrics", "models"},
    "engines": set(),
    "train": {"engines"},
    "prepare": {"data", "report"},
    "demo": {"prepare"},
    "convert": {"models", "layers", "data", "train"},
    "embed": {"convert", "models", "data", "prepare", "evals", "train", "config"},
    "export": {"embed", "convert", "models", "layers", "data", "evals", "train"},
    "search": {"embed", "prepare", "report"},
    "tables": {"config"},
    "report": set(),
    "plan": {"config", "models", "layers", "losses", "train", "convert", "tables", "run"},
}
MAY_NOT_IMPORT = {
    "layers": {"tensorflow"},
    "models": {"tensorflow"},
    "losses": {"tensorflow"},
    "metrics": {"tensorflow", "keras"},
    "analyses": {"tensorflow"},
    "prepare": {"keras", "tensorflow"},
    "demo": {"keras", "tensorflow"},
    "report": {"keras", "tensorflow"},
    "search": {"keras", "tensorflow"},
    "tables": {"keras", "tensorflow"},
}


def imported_modules(path):
    """Full names of all that a file imports, at any depth of it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(path):
    parts = path.relative_to(ROOT / "vatt").parts
    return parts[0] if len(parts) > 1 else None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    folder = folder_of(path)
    if folder is None:
        return  # the top-level modules are the entry points; they may see everything
    for name in imported_modules(path):
        head, *rest = name.split(".")
        assert head not in MAY_NOT_IMPORT.get(folder, ()), f"{path} must not import {name}"
        if head == "vatt" and rest:
            allowed = FOUNDATION | MAY_IMPORT[folder] | {folder}
            assert rest[0] in allowed, f"vatt/{folder} may import {sorted(allowed)}; {path} imports {name}"


def test_no_circle_of_imports():
    # Without vatt/__init__.py, whose `load` imports what it needs when it is called.
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES}
    modules = {name.removesuffix(".__init__") for name in names.values()} - {"vatt"}
    graph = {
        name: {each for found in imported_modules(path) for each in (found, found.rpartition(".")[0])}
        & (modules - {name})
        for path, name in names.items()
        if name != "vatt.__init__"
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises, naming the circle


def test_every_folder_has_its_rule():
    assert {folder_of(path) for path in SOURCES} - {None} <= set(MAY_IMPORT)


def test_files_are_short():
    others = (
        path for folder in ("tests", "benchmarks", "docs") for path in sorted((ROOT / folder).rglob("*.py"))
    )
    everything = [*SOURCES, *others]
    long = {
        str(p.relative_to(ROOT)): n for p in everything if (n := len(p.read_text().splitlines())) > MAX_LINES
    }
    assert not long


def test_no_folder_is_named_for_nothing():
    vague = {"utils", "util", "helpers", "common", "misc", "lib"}
    assert not [path for path in SOURCES if path.stem in vague]


def test_runnable_gin_files_are_short_and_say_what_they_are():
    for path in sorted((ROOT / "experiments").glob("*.gin")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 120, f"{path} has {len(lines)} lines"
        assert lines[0].startswith("# "), f"{path} must start with what it is"
        header = "\n".join(line for line in lines if line.startswith("#"))
        assert f"--gin_file=experiments/{path.name}" in header, f"{path} must state its command"


def test_json_of_files_is_read_in_one_place():
    """Whose errors are of one kind; see `vatt/json_file.py`."""
    own = {ROOT / "vatt/json_file.py", ROOT / "vatt/prepare/layouts/json_stream.py"}
    calls = re.compile(r"\bjson\.loads?\(|JSONDecoder|raw_decode")
    assert not [str(path) for path in SOURCES if path not in own and calls.search(path.read_text())]


# They define or call `writer.write_text`, which writes whole files.
WRITER_OF_THE_SAME_NAME = {"vatt/prepare/writer.py"}
# A new file in a temporary folder, video in memory, an archive in a temporary folder.
OPEN_TO_WRITE = {
    "vatt/prepare/spool.py",
    "vatt/search/playable.py",
    "vatt/demo/render.py",
    "vatt/export/hub.py",
}
# Calls that only one module may make, and what to call instead; the files that have a reason.
_WRITING = "vatt/whole_file.py writes: nothing goes through a planted link, nothing is left half done"
_PRINTING = "vatt/terminal.py prints: control characters are written out"
_INSIDE_A_TEMPORARY_FOLDER = {
    "vatt/data/description.py",
    "vatt/evals/features.py",
    "vatt/export/exporting.py",
    "vatt/export/hub.py",
    "vatt/export/litert.py",
    "vatt/prepare/beam.py",
    "vatt/train/checkpoint.py",
}
ONLY_IN = {
    "print": ("vatt/terminal.py", _PRINTING, set()),
    "ArgumentParser": ("vatt/terminal.py", _PRINTING, set()),
    "Console": ("vatt/terminal.py", _PRINTING, set()),
    "write_text": (
        "vatt/whole_file.py",
        _WRITING,
        _INSIDE_A_TEMPORARY_FOLDER | {"vatt/resident_memory.py", *WRITER_OF_THE_SAME_NAME},
    ),
    "write_bytes": ("vatt/whole_file.py", _WRITING, _INSIDE_A_TEMPORARY_FOLDER),
    "FileLock": ("vatt/whole_file.py", _WRITING, set()),
    "mkdtemp": ("vatt/whole_file.py", _WRITING, set()),
    "TemporaryDirectory": ("vatt/whole_file.py", _WRITING, set()),
    "NamedTemporaryFile": ("vatt/whole_file.py", _WRITING, set()),
}


def calls_in(path):
    """(name of what is called, the call) of a file; Rich's `Console` only where it is Rich's."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("vatt.terminal", "vatt.prepare.writer")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            is_method = isinstance(node.func, ast.Attribute)
            owner = ast.unparse(node.func.value) if is_method else ""
            if name not in ours and not (name == "print" and is_method) and owner != "writer":
                yield name, node


def opens_to_write(call):
    modes = [
        each.value
        for each in (*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode"))
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    return any(set(mode) & set("wax+") and not set(mode) - set("rwaxbt+") for mode in modes)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_module_prints_and_one_writes(path):
    name_of_file = path.relative_to(ROOT).as_posix()
    for name, call in calls_in(path):
        owner, reason, allowed = ONLY_IN.get(name, ("", "", ()))
        assert not owner or name_of_file in (owner, *allowed), f"{path}:{call.lineno} {name}: {reason}"
        if name in ("open", "fdopen") and name_of_file not in ("vatt/whole_file.py", *OPEN_TO_WRITE):
            assert not opens_to_write(call), f"{path}:{call.lineno} {name}: {_WRITING}"
