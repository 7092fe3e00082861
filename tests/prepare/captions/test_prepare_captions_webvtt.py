import pytest

from vatt.prepare.captions.notes import Notes
from vatt.prepare.captions.webvtt import read_webvtt


def read(text):
    notes = Notes()
    return list(read_webvtt(text, notes)), {note.what: note.count for note in notes.as_tuple()}


BLOCKS = """WEBVTT - Film: a talk
Kind: captions
Language: en

NOTE a comment
of two lines

STYLE
::cue { color: red }

REGION
id:left

3f2504e0-4f89-11d3-9a0c-0305e82c3301
00:01.000 --> 00:02.500 region:left align:left
one

intro
00:03.000-->00:04.000
two

NOTE

Chapter 1 - the end
01:00:00.000 --> 01:00:01.000
three
42"""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_identifiers_comments_styles_and_regions_are_no_text(end):
    assert read(BLOCKS.replace("\n", end)) == (
        [(1.0, 2.5, "one"), (3.0, 4.0, "two"), (3600.0, 3601.0, "three 42")],
        {},
    )


@pytest.mark.parametrize(
    "written, text",
    [
        ("Like a <00:03.500>big pizza <00:04.000>pie", "Like a big pizza pie"),
        ("<00:00:03.500><c>all</c><00:00:04.000><c> right</c>", "all right"),
        ("<v Ann Lee>Salt &amp; <c.red.big>pepper</c></v>", "Salt & pepper"),
        ("<v.loud Ann>Hi<v Bob>Ho", "Hi Ho"),
        ("un<i>believ</i>able <lang en-GB>colour</lang>", "unbelievable colour"),
        ("<ruby>漢<rt>kan</rt>字<rt>ji</rt></ruby>", "漢字"),
        ("a < b, 3 <4 and I <3 you", "a < b, 3 <4 and I <3 you"),
        ("if x <y and z> w", "if x <y and z> w"),
        ("don&#39;t &quot;&lt;i&gt;&quot; &amp;lt; &nbsp;&lrm; AT&T", 'don\'t "<i>" &lt; AT&T'),
        ("one<br>two\nthree", "one two three"),
        ("to --> here", "to --> here"),
        ("{\\an8}up", "up"),
        ("a\u2028b\u0085c\x0bd\x0ce", "a b c d e"),
        ("\ufeff\u200bzero", "zero"),
    ],
)
def test_markup_is_no_text_and_text_is_no_markup(written, text):
    assert read(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{written}") == ([(1.0, 2.0, text)], {})


def test_cues_without_an_empty_line_between():
    text = "WEBVTT\n\n1\n00:01.000 --> 00:02.000\none\n2\n00:02.000 --> 00:03.000\ntwo\n"
    text += "00:03.000 --> 00:04.000\n3 x\n"
    assert [text for *_, text in read(text)[0]] == ["one", "two", "3 x"]
    text = "WEBVTT\n00:01.000 --> 00:02.000\none\n \nname\n00:02.000 --> 00:03.000\ntwo\n"
    assert [text for *_, text in read(text)[0]] == ["one", "two"]


def test_blocks_that_are_no_cue_are_counted():
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\none\n\ncut off\n\n00:aa.000 --> 00:03.000\nlost\n"
    assert read(text) == (
        [(1.0, 2.0, "one")],
        {"blocks without a time, left out": 1, "cues without a readable time, left out": 1},
    )


def test_chapters_metadata_and_thumbnails_are_no_text():
    cue = "\n\n00:01.000 --> 00:02.000\nChapter one\n"
    assert read("WEBVTT\nKind: chapters" + cue) == ([], {"cues of a track of chapters, left out": 1})
    assert read("WEBVTT\nKind: metadata" + cue) == ([], {"cues of a track of metadata, left out": 1})
    images = cue.replace("Chapter one", "thumbs/1.jpg#xywh=0,0,160,90")
    assert read("WEBVTT" + images) == ([], {"cues that name an image, left out": 1})
    assert read("WEBVTT\nKind: captions" + cue) == ([(1.0, 2.0, "Chapter one")], {})
