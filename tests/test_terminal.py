"""Nothing that others have written controls the terminal, or is a formula in a spreadsheet."""

import csv
import io
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from vatt import terminal
from vatt.terminal import Console, Parser, one_line, printable, say, show, table_cell

HOSTILE = "a\x1b[31mred\x07\r\x9b2J\x7f\u202egpj.exe\u2066\u2028\udce9b"
SHOWN = r"a\u001b[31mred\u0007\u000d\u009b2J\u007f\u202egpj.exe\u2066\u2028\udce9b"


def test_control_characters_are_written_out():
    assert printable(HOSTILE) == SHOWN
    assert printable("a\tb\nc") == "a\tb\nc" and one_line("a\tb\nc") == r"a\u0009b\u000ac"
    kept = "Ünï, кошка, 猫, عربي, עברית, 👩‍👩‍👧, e\u0301, \\u001b"
    assert printable(kept) == kept


@given(st.text(st.characters(codec=None)))
def test_no_text_controls_a_terminal(text):
    for made in (printable(text), one_line(text), table_cell(text)):
        for character in made.replace("\n", "").replace("\t", ""):
            assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
            assert unicodedata.bidirectional(character) not in (
                "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
            )  # fmt: skip
        made.encode()  # whatever the locale's error handler


def test_a_reader_that_has_enough_is_no_error():
    tables = [sys.executable, "-m", "vatt", "tables", "--paper"]
    with subprocess.Popen(tables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as printing:
        assert printing.stdout.readline().startswith("Table 1")
        printing.stdout.close()
        assert printing.stderr.read() == ""
    assert printing.returncode == 0


def test_all_ways_to_print(capsys):
    show(HOSTILE)
    say(HOSTILE)
    console = Console(width=200, force_terminal=True, highlight=False, markup=False)
    table = Table("x")
    table.add_row(HOSTILE, style="red")
    console.print(HOSTILE, table, Text(HOSTILE))
    with pytest.raises(SystemExit):
        Parser(prog="x").parse_args([HOSTILE])
    out, error = capsys.readouterr()
    assert out.startswith(SHOWN + "\n") and error.startswith(SHOWN + "\n")
    assert out.count(SHOWN) == 3 and error.count(SHOWN) == 2
    assert f"\x1b[31m{SHOWN}\x1b[0m" in out  # Rich's own colour, and none of the text's
    assert not set(error) & set(HOSTILE) - set(printable(HOSTILE))


def test_parsers_of_verbs_print_the_same_way():
    assert type(Parser(prog="x").add_subparsers().add_parser("y")) is Parser


@pytest.mark.parametrize(
    "text, cell",
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+1.mp4", "'+1+1.mp4"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", r"'\u0009=1"),
        ("\r=1", r"'\u000d=1"),
        (" =1", "' =1"),
        ("＝1", "'＝1"),
        ("'=1", "''=1"),
        ("-0.25", "-0.25"),
        ("1e-05", "1e-05"),
        (-0.5, "-0.5"),
        (3, "3"),
        ("-", "'-"),
        ("film.mp4", "film.mp4"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_cells_are_no_formulas_and_numbers_stay(text, cell):
    assert table_cell(text) == cell


@given(st.lists(st.text(st.characters(codec=None)), min_size=1))
def test_a_table_has_the_cells_that_went_in(row):
    stream = io.StringIO()
    csv.writer(stream, delimiter="\t", lineterminator="\n").writerow(map(table_cell, row))
    (again,) = csv.reader(io.StringIO(stream.getvalue()), delimiter="\t")
    assert [cell.removeprefix("'") for cell in again] == [
        one_line(text).removeprefix("'") if not table_cell(text).startswith("''") else one_line(text)
        for text in row
    ]
    assert stream.getvalue().count("\n") == 1 and terminal.printable(stream.getvalue()) == stream.getvalue()


def test_a_training_is_started_as_this_process_was(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/venv/bin/vatt", "prepare"])
    assert terminal.train_command() == "vatt train"
    monkeypatch.setattr(sys, "argv", ["/venv/lib/vatt/__main__.py", "prepare"])
    assert terminal.train_command() == "python -m vatt.main"
