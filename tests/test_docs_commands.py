"""Commands and names in the documents are those of the code: verbs, options, values, gin files, bindings."""

import re
import shlex
from argparse import ArgumentError

import pytest

import vatt.run  # noqa: F401 (registers the root)
from docs.generators import gin_names
from tests.documents import (
    DOCUMENTS,
    GIN_FILES,
    ROOT,
    commands,
    is_of_examples,
    options,
    parser_that_raises,
    spans,
    subparsers,
)
from vatt import cli, config
from vatt.config.flags import joined
from vatt.config.gin_internals import parameters_of

BINDING = re.compile(r"(?:[a-z_]+/)*(\w+)\.(\w+)(?: = (.+))?")
FILES = {"csv", "gin", "html", "json", "jsonl", "md", "npz", "py", "sh", "txt"}


OF_OTHERS = {"--signal", "--requeue"}  # Slurm's

# A binding that a sentence names must be one that some run takes.
RUNS = (
    ("pretrain",),
    ("pretrain", "overlay/paper", "overlay/released_pretrain"),
    ("pretrain", "overlay/agnostic"),
    ("pretrain", "overlay/demo_spectrogram"),
    ("finetune_demo",),
    ("finetune_kinetics400", "overlay/from_scratch"),
    ("finetune_kinetics400", "overlay/released_finetune"),
    ("finetune_audioset",),
    ("probe_ucf101", "overlay/released_probe"),
    ("retrieve_msrvtt",),
    ("zero_shot_ucf101",),
    ("pretrain", "overlay/evaluate"),
    ("export_released",),
)


@pytest.fixture(scope="module")
def parsers():
    return {verb: parser_that_raises(verb) for verb in cli.VERBS}


def check(command, parsers):
    """Raises what the command line would refuse, without running anything."""
    words = shlex.split(command)
    if words[1] != "-m":
        script = ROOT / words[1]
        assert script.is_file(), command
        source = script.read_text(encoding="utf-8")
        for option in (word.partition("=")[0] for word in words[2:] if word.startswith("--")):
            assert f'"{option}"' in source, f"{words[1]} has no {option}"
    elif words[2] in ("vatt.main", "vatt"):
        verb, rest = ("train", words[3:]) if words[2] == "vatt.main" else (words[3], words[4:])
        assert verb in cli.VERBS, command
        given = parsers[verb].parse_args(joined(rest) if verb in ("train", *cli.READ_GIN) else rest)
        if verb == "train" and rest != ["--help"]:
            load(given.gin_file, given.bindings, complete=True)
        elif verb == "plan" and not given.paper:
            load([*given.gin, *given.gin_file], given.bindings, complete=False)
            load(given.start, [], complete=False)
    else:
        assert words[2] in ("pytest", "venv", "pip", "docs.generators", "heareval.embeddings.runner"), command


def load(files, bindings, *, complete):
    """Reads a configuration as a run would; one that a run directory recorded stands for the main job's."""
    if files:
        named = ["experiments/pretrain.gin" if file.endswith("/config.gin") else file for file in files]
        config.load(named, bindings, complete=complete)


@pytest.mark.parametrize("path", DOCUMENTS + GIN_FILES, ids=lambda path: path.name)
def test_commands_are_understood(path, parsers):
    for command in () if is_of_examples(path) else commands(path):
        try:
            check(command, parsers)
        except (ArgumentError, config.ConfigError) as error:
            pytest.fail(f"{path.relative_to(ROOT)}: {command}\n{error}")


@pytest.mark.parametrize(
    "command",
    [
        "python -m vatt.main --gin_file=experiments/pretrain.gin --gin.BATCHSIZE=3",
        "python -m vatt.main --gin_file=experiments/pretrian.gin",
        "python -m vatt.main --gin_file=experiments/pretrain.gin --gin_bindings 'Trainer.stepz = 3'",
        "python -m vatt prepare folder VIDEOS",
        "python -m vatt prepare folder VIDEOS RECORDS --labels file",
        "python -m vatt search INDEX --count many",
        "python -m vatt plan experiments/pretrain.gin --device_memory 3",
    ],
)
def test_what_is_wrong_is_found(command, parsers):
    with pytest.raises((ArgumentError, config.ConfigError)):
        check(command, parsers)


def test_the_walk_in_the_help_is_understood(parsers, capsys):
    assert cli.main(["--help"]) == 0
    found = re.findall(r"^  vatt (.+?)(?:  +#.*)?$", capsys.readouterr().out, re.MULTILINE)
    assert [each.split()[0] for each in found] == ["prepare", "train", "index", "serve", "export"]
    for each in found:
        check(f"python -m vatt {each}", parsers)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_verbs_and_options_in_sentences_are_there(path, parsers):
    for span in () if is_of_examples(path) else spans(path):
        match = re.fullmatch(r"(?:python -m )?vatt ([a-z]+)\b(.*)", span)
        if match is None:
            continue
        verb, rest = match.groups()
        assert verb in cli.VERBS, f"{path.name}: `{span}`"
        known = options(parsers[verb])
        for option in re.findall(r"(?<!\S)--[a-z_]+", rest):
            assert option in known, f"{path.name}: `{span}`: `vatt {verb}` has no {option}"
        first = rest.split()[:1]
        below = subparsers(parsers[verb])
        if below and first and first[0].isidentifier() and first[0].islower():
            assert first[0] in below, f"{path.name}: `{span}`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_options_in_sentences_belong_to_something(path, parsers):
    known = OF_OTHERS.union(*(options(parser) for parser in parsers.values()))
    for span in spans(path):
        match = re.fullmatch(r"(--[a-z_]+)([ =].*)?", span)
        if match:
            assert match.group(1) in known, f"{path.name}: `{span}`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_bindings_in_sentences_are_parameters(path):
    known = {each.name: parameters_of(each) for each in gin_names.registered()}
    for span in spans(path):
        match = BINDING.fullmatch(span)
        if match and match.group(1) in known and match.group(2) not in FILES:
            name, parameter, value = match.groups()
            assert parameter in known[name], f"{path.name}: `{span}`. {name} takes {', '.join(known[name])}"
            if value is not None and "…" not in value:
                assert any(is_taken(span, run) for run in RUNS), f"{path.name}: no run takes `{span}`"


def is_taken(binding, run):
    """Whether a run that says nothing of its own takes a binding."""
    try:
        load([f"experiments/{name}.gin" for name in run], [binding], complete=False)
    except config.ConfigError:
        return False
    return True


def test_a_binding_that_no_run_takes_is_found():
    assert is_taken("Trainer.batch_size = 3", RUNS[0])
    assert not is_taken("Trainer.batch_size = 'three'", RUNS[0])
    assert not is_taken("SoftmaxLoss.label_smoothing = 0.2", RUNS[0])
