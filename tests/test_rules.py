"""The rules that a machine can keep: who may import whom, how large a part may be, what is annotated."""

import ast
import functools
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "vatt").rglob("*.py"))
MAX_LINES = 400
MAX_FUNCTION_LINES = 80
MAX_PARAMETERS = 12

# folder -> what it may import of this project besides itself. The foundation is open to all.
FOUNDATION = {
    *("spec", "protocols", "files", "terminal", "arguments", "environment", "errors", "resident_memory"),
    *("run_records", "unit_rows", "one_pass", "products"),
}
MAY_IMPORT = {
    "layers": set(),
    "models": {"layers"},
    "losses": {"layers"},  # `draws`
    "metrics": set(),
    "data": set(),
    "evals": {"layers", "metrics"},
    "analyses": {"evals", "metrics", "models"},
    "engines": {"optimizers"},
    "optimizers": set(),
    "train": {"engines"},
    "prepare": {"data", "report"},
    "demo": {"prepare"},
    "convert": {"models", "layers", "data", "train", "engines"},
    "embed": {"convert", "models", "data", "prepare", "evals", "train", "config"},
    "harness": {"embed"},
    "export": {"embed", "convert", "models", "layers", "data", "evals", "train"},
    "search": {"embed", "export", "metrics", "prepare", "report"},
    "config": set(),
    "tables": {"config"},
    "report": set(),
    "plan": {"config", "models", "layers", "losses", "train", "convert", "tables", "run"},
}
# Entry points and what lies between them and the folders; all other top-level modules are the foundation.
TOP_LEVEL_MAY_IMPORT = {
    "__init__": {"embed", "export", "search"},
    "__main__": {"cli"},
    "cli": {"config", "main"},
    "completion": {"cli"},
    "main": {"config", "engines", "run"},
    "run": {"config", "engines", "evals", "train"},
}
MAY_NOT_IMPORT = {
    "optimizers": {"tensorflow"},
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


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(path):
    """Full names of all that a file imports, at any depth of it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(path):
    """The folder of `vatt` in which a file lies, or a top-level module itself."""
    return path.relative_to(ROOT / "vatt").parts[0].removesuffix(".py")


def is_public(name):
    return name[0] not in "_<" or name in ("__init__", "__call__")  # "<locals>" are of a function


def functions_in(path):
    """(qualified name, definition, class around it or None) of every function of a file, nested ones too."""
    waiting = [("", None, tree_of(path))]
    while waiting:
        prefix, owner, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            name = f"{prefix}{getattr(child, 'name', '')}"
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, child, owner
                waiting.append((f"{name}.<locals>.", None, child))
            elif isinstance(child, ast.ClassDef):
                waiting.append((f"{name}.", child, child))
            else:
                waiting.append((prefix, owner, child))


def decorators(node):
    return {ast.unparse(each).partition("(")[0].rpartition(".")[2] for each in node.decorator_list}


def parameters(function, owner):
    """What a caller may give: without `self` and `cls`."""
    listed = [*function.args.posonlyargs, *function.args.args]
    is_bound = owner is not None and "staticmethod" not in decorators(function)
    return [*listed[is_bound:], *function.args.kwonlyargs]


def fields_of_dataclasses(path):
    """(name, number of parameters of the constructor that is generated) of a file's dataclasses."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef) and "dataclass" in decorators(node):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            shown = [ast.unparse(each) for each in fields]
            yield node.name, sum("ClassVar" not in each and "init=False" not in each for each in shown)


def test_imports_go_one_way():
    may_import = MAY_IMPORT | TOP_LEVEL_MAY_IMPORT | dict.fromkeys(FOUNDATION, set())
    wrong = []
    for path, name in ((each, name) for each in SOURCES for name in imported_modules(each)):
        folder, (head, *rest) = folder_of(path), name.split(".")
        allowed = FOUNDATION | may_import[folder] | {folder}
        if head in MAY_NOT_IMPORT.get(folder, ()) or head == "vatt" and rest and rest[0] not in allowed:
            wrong.append(f"{path} imports {name}; vatt/{folder} may import {sorted(may_import[folder])}")
    assert not wrong


@pytest.mark.parametrize(
    "framework, readers",
    # It reads a checkpoint's weights without a run.
    [("tensorflow", set()), ("jax", {"vatt/convert/run_directory.py"})],
)
def test_an_engine_is_behind_its_protocol(framework, readers):
    engine = f"vatt.engines.{framework}"
    users = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if any(name.startswith(engine) for name in imported_modules(path))
    }
    assert not {path for path in users if not path.startswith(f"vatt/engines/{framework}/")} - readers


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


def test_every_folder_and_module_has_its_rule():
    assert {folder_of(path) for path in SOURCES} == {*MAY_IMPORT, *TOP_LEVEL_MAY_IMPORT, *FOUNDATION}


OTHERS = [each for name in ("tests", "benchmarks", "docs") for each in sorted((ROOT / name).rglob("*.py"))]
# Functions above the two limits. A list only shrinks: what is mended is taken off, nothing new goes on.
# At most five may stay, each with its reason.
LONG_FUNCTIONS: set[str] = set()
MANY_PARAMETERS = {
    # What a media file may vary in: two streams, their times, codecs and options. Most callers give three.
    "tests/prepare/media_maker.py:make_media",
    # What tests vary of a model that is composed of a dozen objects.
    "tests/small_models.py:small_classifier",
    "tests/small_models.py:small_vatt",
}


def test_files_are_short():
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*SOURCES, *OTHERS]
    }
    assert not {path: count for path, count in lines.items() if count > MAX_LINES}


def test_functions_are_short():
    found = {
        f"{path.relative_to(ROOT)}:{name}"
        for path in [*SOURCES, *OTHERS]
        for name, function, _ in functions_in(path)
        if function.end_lineno - function.lineno >= MAX_FUNCTION_LINES
    }
    assert found == LONG_FUNCTIONS, "split what is new here; take what is mended off LONG_FUNCTIONS"


def test_callers_give_few_parameters():
    found = {
        f"{path.relative_to(ROOT)}:{name}"
        for path in [*SOURCES, *OTHERS]
        for name, count in (
            *((name, len(parameters(*rest))) for name, *rest in functions_in(path)),
            *fields_of_dataclasses(path),
        )
        if count > MAX_PARAMETERS
    }
    assert found == MANY_PARAMETERS, "group what is new here; take what is mended off MANY_PARAMETERS"


def says_all(function, owner):
    named = [*parameters(function, owner), function.args.vararg, function.args.kwarg]
    is_said = all(each is None or each.annotation is not None for each in named)
    return is_said and (function.returns is not None or function.name == "__init__")


def test_public_functions_are_annotated():
    assert not [
        f"{path}:{function.lineno} {name}"
        for path in SOURCES
        for name, function, owner in functions_in(path)
        if all(map(is_public, name.split("."))) and not says_all(function, owner)
    ]


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
    """Whose errors are of one kind; see `vatt/files/json_file.py`."""
    own = {ROOT / "vatt/files/json_file.py", ROOT / "vatt/prepare/layouts/json_stream.py"}
    calls = re.compile(r"\bjson\.loads?\(|JSONDecoder|raw_decode")
    assert not [str(path) for path in SOURCES if path not in own and calls.search(path.read_text())]


# They define or call `writer.write_text`, which writes whole files.
WRITER_OF_THE_SAME_NAME = {"vatt/prepare/writer.py"}
# A new file in a temporary folder, video in memory, an archive in a temporary folder.
OPEN_TO_WRITE = {
    "vatt/prepare/spool.py",
    "vatt/prepare/stored_audio.py",
    "vatt/search/playable.py",
    "vatt/demo/render.py",
    "vatt/export/hub.py",
}
# Calls that only one module may make, and what to call instead; the files that have a reason.
_WRITING = "vatt/files/whole_file.py writes: nothing goes through a planted link, nothing is left half done"
_PRINTING = "vatt/terminal.py prints: control characters are written out"
_INSIDE_A_TEMPORARY_FOLDER = {
    "vatt/data/description.py",
    "vatt/evals/features.py",
    "vatt/export/exporting.py",
    "vatt/export/onnx.py",
    "vatt/export/hub.py",
    "vatt/export/litert.py",
    "vatt/prepare/beam_spool.py",
    "vatt/train/checkpoint_folder.py",
}
ONLY_IN = {
    "print": ("vatt/terminal.py", _PRINTING, set()),
    "ArgumentParser": ("vatt/terminal.py", _PRINTING, set()),
    "Console": ("vatt/terminal.py", _PRINTING, set()),
    "write_text": (
        "vatt/files/whole_file.py",
        _WRITING,
        _INSIDE_A_TEMPORARY_FOLDER | {"vatt/resident_memory.py", *WRITER_OF_THE_SAME_NAME},
    ),
    "write_bytes": ("vatt/files/whole_file.py", _WRITING, _INSIDE_A_TEMPORARY_FOLDER),
    "FileLock": ("vatt/files/whole_file.py", _WRITING, set()),
    "mkdtemp": ("vatt/files/whole_file.py", _WRITING, set()),
    "TemporaryDirectory": ("vatt/files/whole_file.py", _WRITING, set()),
    "NamedTemporaryFile": ("vatt/files/whole_file.py", _WRITING, set()),
}


def calls_in(path):
    """(name of what is called, the call) of a file; Rich's `Console` only where it is Rich's."""
    tree = tree_of(path)
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module in ("vatt.terminal", "vatt.prepare.writer", "vatt.files.whole_file")
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


def test_messages_go_to_the_logger_that_a_terminal_shows():
    """A run shows the messages of `vatt` and silences those of absl (`vatt.main.configure_terminal`)."""
    assert not [
        f"{path} imports {name}"
        for path in SOURCES
        for name in imported_modules(path)
        if name.startswith("absl")
    ]


def test_one_module_prints_and_one_writes():
    wrong = []
    for path, name, call in ((each, *found) for each in SOURCES for found in calls_in(each)):
        name_of_file = path.relative_to(ROOT).as_posix()
        owner, reason, allowed = ONLY_IN.get(name, ("", "", ()))
        if owner and name_of_file not in (owner, *allowed):
            wrong.append(f"{path}:{call.lineno} {name}: {reason}")
        may_open = name_of_file in ("vatt/files/whole_file.py", *OPEN_TO_WRITE)
        if name in ("open", "fdopen") and not may_open and opens_to_write(call):
            wrong.append(f"{path}:{call.lineno} {name}: {_WRITING}")
    assert not wrong
