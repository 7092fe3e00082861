"""What the documents and the gin headers say is there, is there: paths, links, commands, verbs, flags."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from vatt import cli
from vatt import main as vatt_main

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").rglob("*.md")]
GIN_FILES = sorted((ROOT / "experiments").rglob("*.gin"))
PATH = re.compile(r"(?<![\w/\"-])(?:vatt|experiments|tests|docs|data|benchmarks|\.ci)/[\w./-]*\w")


def commands(path):
    """Every `python …` command of a document or a gin header, without comments, `&&` parts apart."""
    text = re.sub(r"\\\n#?\s*", "", path.read_text(encoding="utf-8"))  # a command over several lines
    for line in text.splitlines():
        line = line.strip().removeprefix("#").strip()
        for part in line.split("&&"):
            part = re.sub(r"\s+#.*", "", part.strip())
            if part.startswith(("python -m ", "python benchmarks/")):
                yield part


def the_parser(verb):
    module = vatt_main if verb == "train" else importlib.import_module(cli.VERBS[verb][0])
    parser = argparse.ArgumentParser(prog=verb, exit_on_error=False)
    module.add_arguments(parser)
    return parser


def flags_of_a_run():
    return [option for action in the_parser("train")._actions for option in action.option_strings]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS + GIN_FILES, ids=lambda path: path.name)
def test_paths_exist(path):
    for name in PATH.findall(path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{path.relative_to(ROOT)} names {name}"


@pytest.mark.parametrize("path", DOCUMENTS + GIN_FILES, ids=lambda path: path.name)
def test_commands_are_understood(path):
    for command in commands(path):
        words = shlex.split(command)
        if words[1] != "-m":
            assert (ROOT / words[1]).is_file(), command
        elif words[2] == "vatt.main":
            for word in words[3:]:
                flag, _, value = word.partition("=")
                assert flag.startswith("--gin.") or flag in flags_of_a_run() or not flag.startswith("--"), (
                    command
                )
                if flag == "--gin_file" and value.startswith("experiments/"):
                    assert (ROOT / value).is_file(), command
        elif words[2] == "vatt":
            assert words[3] in cli.VERBS, command
            if words[3] != "train":
                the_parser(words[3]).parse_args(words[4:])
        else:
            assert words[2] in ("pytest", "venv", "pip"), command


def test_the_tree_in_the_readme_is_the_tree():
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("```\nvatt/\n")[1].split("```")[0]
    named = set(re.findall(r"^  ([\w.]+/?)", tree, re.MULTILINE))
    folders = {f"{path.name}/" for path in (ROOT / "vatt").iterdir() if (path / "__init__.py").is_file()}
    assert folders == {name for name in named if name.endswith("/")}


def test_ci_runs_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"pip install -r requirements.txt && (python -m pytest)\b", readme).group(1)
    assert f"\n{command}\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
