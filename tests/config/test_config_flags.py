"""The flags of the usual names, `--gin.NAME=VALUE`, and text without quotes."""

import argparse
from pathlib import Path

import gin
import pytest

import vatt.run  # noqa: F401 (registers the root)
from tests.documents import ROOT
from vatt import config
from vatt.config.flags import add_config_flags, files_and_bindings, flag_of, joined


@gin.register(module="library")
def lend(*, run, title: str, shelf: str | None = None, copies: int = 1, tags=(), note="none"):
    return run, title, shelf, copies, tags, note


TEXT = """\
MODEL_DIR = 'runs/library'
DATA_DIR = %gin.REQUIRED
SEED = 3
TAGS = ('new',)
LABEL = None
run.job = @lend
run.model_dir = %MODEL_DIR
run.seed = %SEED
lend.title = %DATA_DIR
lend.shelf = %LABEL
lend.tags = %TAGS
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("library.gin").write_text(TEXT)
    yield
    gin.clear_config()


def load(*words) -> None:
    """Reads a configuration as the command line with these words would."""
    config.load(*files_and_bindings(["--gin_file=library.gin", *words]))


def value(name, *words):
    load("--gin.DATA_DIR=x", *words)
    return config.value_of(name)


def test_flags_bind_the_usual_names_in_the_order_given():
    load("--model_dir", "runs/1", "--data_dir=it's here", "--seed", "4")
    assert config.value_of("run.model_dir") == "runs/1" and config.value_of("lend.title") == "it's here"
    assert config.value_of("run.seed") == 4
    assert value("run.seed", "--seed=5", "--gin.SEED=6") == 6
    assert value("run.seed", "--gin.SEED=6", "--seed=5") == 5
    assert value("lend.title", "--data_dir", "2024") == "2024"  # text, whatever it looks like
    load("--data_dir=x", "--steps=5", "--batch_size=2")  # nothing here uses them, which is no error


def test_gin_flags_become_bindings():
    assert joined(["--gin_file=a", "--gin.x/adam.epsilon=1e-8"]) == [
        "--gin_file=a",
        "--gin_bindings=x/adam.epsilon = 1e-8",
    ]
    with pytest.raises(config.ConfigError, match="in one word"):
        joined(["--gin.SEED", "3"])
    words = ["python", "-m", "vatt", "train", "--gin.D=a=b", "--steps", "3", "--dry_run"]
    assert files_and_bindings(words) == ([], ["D = a=b", "TRAIN_STEPS = 3"])
    assert files_and_bindings(["--seed=many"]) == ([], [])


@pytest.mark.parametrize(
    ("flag", "name", "expected"),
    [
        ("--gin.MODEL_DIR=runs/second", "run.model_dir", "runs/second"),  # the macro is text
        ("--gin.MODEL_DIR=2024-runs/März #1, a = b", "run.model_dir", "2024-runs/März #1, a = b"),
        ("--gin.DATA_DIR=my films/x", "lend.title", "my films/x"),  # left open; what reads it takes text
        ("--gin.DATA_DIR=..", "lend.title", ".."),
        ("--gin.LABEL=top", "lend.shelf", "top"),  # None; what reads it takes text, or None
        ("--gin.lend.shelf=top", "lend.shelf", "top"),  # by its annotation
        ("--gin.lend.note=late", "lend.note", "late"),  # by its default
        ("--gin.lend.title='quoted'", "lend.title", "quoted"),
        ("--gin.lend.title=%MODEL_DIR", "lend.title", "runs/library"),  # a macro stays one
        ("--gin.lend.shelf=None", "lend.shelf", None),
    ],
)
def test_text_needs_no_quotes_where_text_is_taken(flag, name, expected):
    assert value(name, flag) == expected


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("--gin.SEED=many", ("text where the parameter or macro takes text", "Received: SEED = many.")),
        ("--gin.lend.copies=two", ("anywhere else", "lend.copies = two", """'--gin.lend.copies='""")),
        ("--gin.TAGS=old", ("anywhere else", "TAGS = old")),
        ("--gin.MODEL_DIR=@home/x y", ("anywhere else", "To give it as text: --model_dir '@home/x y'")),
        ("--gin.MODEL_DIR='runs", ("anywhere else", "--model_dir runs")),
        ("--gin.MODEL_DIR=(a, b", ("anywhere else",)),
        ("--gin.MODEL_DIR=@runs", ("a name must be registered", "`runs`")),
        ("--gin.MODEL_DIR=%RUNS", ("a macro must be bound", "`%RUNS`")),
        ("--gin.MODEL_DIR=2024", ("must be str. Received: 2024", "as text: --model_dir 2024")),
        ("--gin.lend.shelf=7", ("must be str or None. Received: 7", "--gin.lend.shelf=")),
        ("--gin.MODELDIR=runs/x", ("a macro must be used", "Closest: `MODEL_DIR`")),
        ("--gin.lend.titel=x", ("no parameter `titel`", "Closest: `title`")),
        ("--gin.lendd.title=x", ("must be registered", "Closest: `lend`")),
        ("--gin_bindings=what is this", ("must be `NAME = VALUE`",)),
    ],
)
def test_what_may_be_something_else_is_never_taken_for_text(flag, expected):
    with pytest.raises(config.ConfigError) as caught:
        load("--data_dir=x", flag)
    for part in expected:
        assert part.lower() in str(caught.value).lower()


def test_a_missing_value_names_the_flag_that_sets_it():
    with pytest.raises(config.ConfigError, match=r"DATA_DIR \(left open at .*:2\): add --data_dir DIR"):
        load()
    assert flag_of("adam.epsilon") == "--gin.adam.epsilon=…"


def test_every_place_of_the_shipped_experiments_takes_text_without_quotes():
    for path in sorted((ROOT / "experiments").glob("*.gin")):
        open_macros = [
            name
            for name, written in config.as_written(path.read_text(encoding="utf-8")).items()
            if written == "%gin.REQUIRED"
        ]
        bindings = [f"{name} = a/place of {name}" for name in open_macros if name != "CLASSES"]
        config.load([str(path)], bindings, complete=False)
        for name in open_macros:
            assert gin.query_parameter(f"{name}/gin.macro.value") == f"a/place of {name}", path.name


def test_help_names_each_flag_and_the_rule():
    parser = argparse.ArgumentParser()
    add_config_flags(parser)
    said = " ".join(parser.format_help().split())
    for flag in (
        "--model_dir DIR",
        "--data_dir DIR",
        "--steps N",
        "--batch_size N",
        "--seed N",
        "--gin.NAME",
    ):
        assert flag in said
    assert "Quotes may be left out where the parameter or macro takes text" in said


@pytest.mark.parametrize(
    "flag", ["--gin.1a=x y", "--gin.a//b=x y", "--gin.a.=x y", "--gin.x.y.=('", "--gin.DATA_DIR='''"]
)
def test_whatever_is_written_there_is_one_message(flag):
    with pytest.raises(config.ConfigError):
        load("--data_dir=x", flag)


def test_several_lines_are_not_one_text():
    load("--gin_bindings=DATA_DIR = 'x'\nSEED = 4")
    assert (config.value_of("lend.title"), config.value_of("run.seed")) == ("x", 4)
    with pytest.raises(config.ConfigError, match="must be `NAME = VALUE`"):
        load("--gin_bindings=DATA_DIR = x\nSEED = 4")


def test_macros_in_a_circle_end():
    with pytest.raises(config.ConfigError, match="must not name each other in a circle"):
        load("--data_dir=x", "--gin.A=%B", "--gin.B=%A", "--gin.lend.note=%B", "--gin.A=x y", "--gin.A=%B")
