"""Numbers on command lines: none that is not finite, or larger than any machine has use for, gets further."""

import argparse

import pytest

from docs.generators.command_line import _below, parser_of
from vatt import arguments, cli

ODD = ("nan", "inf", "-inf", "1e308", "-1e308", "9" * 20, "9" * 5_000)


def numbers_of(verb):
    """(what it is called, its type) of every argument that takes a number."""
    for _, parser in _below(parser_of(verb)):
        for action in parser._actions:
            if action.type is not None and not action.choices and is_number(action.type):
                yield f"{parser.prog} {'/'.join(action.option_strings) or action.dest}", action.type


def is_number(kind):
    try:
        kind("no number")
    except (ValueError, TypeError, argparse.ArgumentTypeError):
        return True
    return False


@pytest.mark.parametrize("verb", cli.VERBS)
def test_help_ends_with_an_example_and_the_exit_statuses(verb):
    for _, parser in _below(parser_of(verb)):
        text = parser.format_help()
        examples, _, statuses = text.rpartition("\nexample")[2].partition("\n\nExit status: 0 ")
        assert f"\n  {parser.prog} " in examples, parser.prog
        assert statuses.endswith(" 2 a wrong argument or file, 130 Ctrl-C.\n"), parser.prog


def test_json_is_what_is_printed_wherever_it_is_an_option():
    found = {
        parser.prog: action.nargs
        for verb in cli.VERBS
        for _, parser in _below(parser_of(verb))
        for action in parser._actions
        if "--json" in action.option_strings
    }
    assert found == {"vatt doctor": 0, "vatt plan": 0, "vatt tables": 0}


@pytest.mark.parametrize("verb", cli.VERBS)
def test_no_argument_takes_an_odd_number(verb):
    for name, kind in numbers_of(verb):
        for text in ODD:
            with pytest.raises((ValueError, argparse.ArgumentTypeError)):
                assert f"{name} took {kind(text)!r}" is None


def test_there_are_such_arguments_and_plain_numbers_pass():
    found = dict(pair for verb in cli.VERBS for pair in numbers_of(verb))
    assert len(found) > 60
    assert found["vatt serve --max_upload_mb"]("0.5") == 0.5
    assert found["vatt prepare folder --processes"]("3") == 3
    assert found["vatt search --start_seconds"]("1e3") == 1000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("serve", "INDEX", "--max_upload_mb", "inf"), "must be finite and no larger than 1,000,000,000"),
        (("search", "INDEX", "--video", "a.mp4", "--start_seconds", "nan"), "Received: nan"),
        (("prepare", "folder", "A", "B", "--memory_gib", "1e308"), "Received: 1e308"),
        (("prepare", "folder", "A", "B", "--audio_rate_hz", "9" * 20), "between 1,000 and 1,000,000"),
        (("prepare", "folder", "A", "B", "--audio_rate_hz", "1"), "between 1,000 and 1,000,000"),
        (("prepare", "folder", "", "B"), "argument DIR: must not be empty"),
        (("embed", "a.mp4", "", "--model", "M", "--out", "a.npz"), "argument FILE: must not be empty"),
        (("embed", "a.mp4", "--model", "M", "--out", "a.npz", "--batch_size", "9" * 20), "Received: 999"),
        (("plan", "a.gin", "--peak_tflops", "1e308"), "argument --peak_tflops: must be finite"),
    ],
)
def test_the_argument_is_named(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2 and told in capsys.readouterr().err


def with_processes(verb):
    """Parsers below a verb that take a number of processes of this machine."""
    for _, parser in _below(parser_of(verb)):
        if any("--processes" in action.option_strings for action in parser._actions):
            yield parser


def test_workers_are_machines_and_processes_are_of_this_one():
    """One name for one thing: no parser but that of `vatt train` takes `--workers`."""
    found = {parser.prog: parser for verb in cli.VERBS for parser in with_processes(verb)}
    assert {"vatt prepare demo", "vatt prepare dmvr", "vatt prepare folder"} <= found.keys()
    assert {"vatt doctor", "vatt embed", "vatt index"} <= found.keys()
    for verb in cli.VERBS:
        for _, parser in _below(parser_of(verb)):
            (workers,) = [a for a in parser._actions if "--workers" in a.option_strings] or [None]
            assert (workers is not None) == (parser.prog in found or verb == "train"), parser.prog
            assert parser.prog not in found or workers.help == argparse.SUPPRESS


def test_the_former_name_of_processes_is_refused_with_the_new_one(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "records", "--workers", "2"])
    told = capsys.readouterr().err
    assert ended.value.code == 2 and "are `--processes`. Received: --workers 2." in told


@pytest.mark.parametrize("kind", [arguments.RATE, arguments.SECONDS, arguments.GIBIBYTES, arguments.QUANTITY])
def test_what_is_next_to_nothing_is_refused_and_nothing_is_not(kind):
    with pytest.raises(argparse.ArgumentTypeError, match="must be 0 or no smaller"):
        kind("1e-300")
    assert kind("0") == 0 and kind("0.001") == 0.001
