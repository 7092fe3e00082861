import pytest

from vatt.prepare.captions.notes import Notes
from vatt.prepare.captions.subrip import read_subrip


def read(text):
    notes = Notes()
    return list(read_subrip(text, notes)), {note.what: note.count for note in notes.as_tuple()}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_numbers_are_no_text_and_numbers_in_text_are(end):
    text = (
        "1\n00:00:01,000 --> 00:00:02,500\n<i>The answer</i>\nis\n42\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\n{\\an8}Two\n\nafter an empty line\n"
        "3\n00:00:05,000 --> 00:00:06,000\nhello\n7\n\n\n"
        "d41d8cd9-8f00-b204-e980-0998ecf8427e\n00:00:07,000 --> 00:00:08,000\nlast\n\n42\n\n"
    )
    assert read(text.replace("\n", end)) == (
        [
            (1.0, 2.5, "The answer is 42"),
            (3.0, 4.0, "Two after an empty line"),
            (5.0, 6.0, "hello 7"),
            (7.0, 8.0, "last 42"),
        ],
        {},
    )


@pytest.mark.parametrize(
    "times, expected",
    [
        ("00:00:01 --> 00:00:02", (1.0, 2.0)),
        ("00:00:01.5 --> 00:00:02,25", (1.5, 2.25)),
        ("0:1,345-->0:2,999", (1.345, 2.999)),
        ("00: 00: 01, 500 --> 00 : 00 : 02 , 500", (1.5, 2.5)),
        ("  01:00:01,000  ->  01:00:02,000  X1:10 X2:20 Y1:1 Y2:2", (3601.0, 3602.0)),
        ("00:00:01,000000 --> 123:59:59,999", (1.0, 446399.999)),
    ],
)
def test_times_as_programs_write_them(times, expected):
    assert read(f"1\n{times}\ntext\n") == ([(*expected, "text")], {})


@pytest.mark.parametrize(
    "written, text",
    [
        ("don&#39;t &amp;amp; caf&eacute;", "don't &amp; café"),
        ('<font color="#fff">white</font> <b>bold</b>', "white bold"),
        ("List<String> and <unk>", "List<String> and <unk>"),
        ("a < b > c", "a < b > c"),
        ("up\\Ndown in C:\\New", "up down in C:\\New"),
        ("press --> to go on", "press --> to go on"),
    ],
)
def test_markup_is_no_text_and_text_is_no_markup(written, text):
    assert read(f"1\n00:00:01,000 --> 00:00:02,000\n{written}\n") == ([(1.0, 2.0, text)], {})


def test_what_is_no_cue_is_counted():
    text = (
        "Subtitles by somebody\n\n1\n00:00:01,000 --> 00:00:02,000\none\n\n"
        "2\n00:00:xx,000 --> 00:00:04,000\nlost\n\n3\n00:00:05,000 --> 00:00:06,000\nthree\n\n4\n"
    )
    assert read(text) == (
        [(1.0, 2.0, "one"), (5.0, 6.0, "three")],
        {"lines that belong to no cue, left out": 1, "cues without a readable time, left out": 2},
    )
    assert read("no cue\nat all") == ([], {"lines that belong to no cue, left out": 2})
