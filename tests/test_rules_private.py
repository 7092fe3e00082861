"""Private names of other packages are used in the files that list them, and nowhere else."""

import ast

from tests.test_rules import ROOT, SOURCES, imported_modules, tree_of

LISTS = {
    "vatt/config/gin_internals.py",
    "vatt/engines/private_names.py",
    "vatt/engines/jax/private_names.py",
}
PRIVATE_MODULES = ("tensorflow.python", "keras.src", "jax._src", "gin.config")
# Of Python itself: documented, or a class to annotate with.
OF_PYTHON = {"_replace", "_exit", "_ActionsContainer", "_actions"}


def uses(path):
    """Private names of others in a file: modules, and attributes of what is not the file's own object."""
    yield from (name for name in imported_modules(path) if name.startswith(PRIVATE_MODULES))
    own = {each.attr for each in ast.walk(tree_of(path)) if is_own(each)}
    own |= {each.name for each in ast.walk(tree_of(path)) if isinstance(each, ast.FunctionDef)}
    taken = own | OF_PYTHON
    others = (each for each in ast.walk(tree_of(path)) if isinstance(each, ast.Attribute))
    yield from (ast.unparse(each) for each in others if is_private(each.attr) and each.attr not in taken)


def is_private(name):
    return name[0] == "_" and name[:2] != "__"


def is_own(node):
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls", "super()")


def test_private_names_are_in_the_files_that_list_them():
    found = {path.relative_to(ROOT).as_posix(): [*uses(path)] for path in SOURCES}
    assert {path for path, names in found.items() if names} == LISTS
    assert any("_REGISTRY" in name for name in found["vatt/config/gin_internals.py"])
