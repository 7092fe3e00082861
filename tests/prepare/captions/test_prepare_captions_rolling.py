import pytest

from vatt.prepare.captions.notes import Notes
from vatt.prepare.captions.subrip import read_subrip
from vatt.prepare.captions.webvtt import read_webvtt

# As YouTube writes it: a line of a blank is text in WebVTT, and words carry their times.
YOUTUBE = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.070 align:start position:0%
 
all<00:00:00.400><c> right</c><00:00:00.640><c> so</c>

00:00:02.070 --> 00:00:02.080 align:start position:0%
all right so
 

00:00:02.080 --> 00:00:04.000 align:start position:0%
all right so
here<00:00:02.400><c> we</c><00:00:02.800><c> are</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
here we are
 

00:00:04.010 --> 00:00:06.000 align:start position:0%
here we are
<00:00:04.500><c>don&#39;t</c><00:00:04.800><c> go</c>

00:00:06.000 --> 00:00:06.010 align:start position:0%
don&#39;t go
 
"""  # noqa: W291, W293
PHRASES = [(0.16, 2.07, "all right so"), (2.08, 4.0, "here we are"), (4.5, 6.0, "don't go")]


def as_vtt(*cues):
    clock = [(f"00:{start:06.3f}", f"00:{end:06.3f}", text) for start, end, text in cues]
    return "WEBVTT\n\n" + "\n\n".join(f"{start} --> {end}\n{text}" for start, end, text in clock)


def read(text, reader=read_webvtt):
    notes = Notes()
    return list(reader(text, notes)), notes


def test_three_phrases_are_three_captions_at_their_times():
    captions, notes = read(YOUTUBE)
    assert captions == PHRASES
    (note,) = notes.as_tuple()
    assert note.what.startswith("lines of rolling captions") and (note.count, note.cues_lost) == (5, 3)


def test_as_subrip_without_the_times_of_words():
    cues = YOUTUBE.partition("\n\n")[2].split("\n\n")
    text = "\n\n".join(f"{number}\n{cue}" for number, cue in enumerate(cues, 1)).replace(
        " align:start position:0%", ""
    )
    expected = [*PHRASES[:2], (4.5, 6.0, "don't go")]
    assert read(text, read_subrip)[0] == expected
    without = [
        "00:00:00,160 --> 00:00:02,070\nall right so",
        "00:00:02,070 --> 00:00:02,080\nall right so",
        "00:00:02,080 --> 00:00:04,000\nall right so\nhere we are",
        "00:00:04,000 --> 00:00:04,010\nhere we are",
        "00:00:04,010 --> 00:00:06,000\nhere we are\ndon't go",
    ]
    text = "\n\n".join(f"{number}\n{cue}" for number, cue in enumerate(without, 1))
    assert read(text, read_subrip)[0] == [*PHRASES[:2], (4.01, 6.0, "don't go")]


def test_two_lines_that_roll_without_flashes():
    cues = [(0, 2, "one"), (2, 4, "one\ntwo"), (4, 6, "two\nthree"), (6, 8, "three\nthree"), (20, 22, "four")]
    captions, notes = read(as_vtt(*cues))
    assert captions == [(0, 2, "one"), (2, 4, "two"), (4, 6, "three"), (6, 8, "three"), (20, 22, "four")]
    assert notes.cues_lost == 0


def test_a_phrase_that_is_said_again_is_kept():
    tagged = "no<00:03.500><c> no</c>"
    cues = [
        (0, 2, "no<00:00.500><c> no</c>"),
        (2, 2.01, "no no"),
        (2.01, 4, f"no no\n{tagged}"),
        (4, 4.01, "no no"),
    ]
    assert [text for *_, text in read(as_vtt(*cues))[0]] == ["no no", "no no"]


def test_lines_that_grow_give_each_word_once():
    cues = [
        (0, 1, "a &lt;"),
        (1, 2, "a &lt; b &amp;amp;"),
        (2, 3, "a &lt; b &amp;amp; c"),
        (3, 4, "a &lt; b &amp;amp; c\nd"),
    ]
    assert [text for *_, text in read(as_vtt(*cues))[0]] == ["a <", "b &amp;", "c", "d"]


@pytest.mark.parametrize(
    "cues",
    [
        [(number, number + 1, "la la la") for number in range(6)],
        [(number, number + 1, "la la la\nla la la") for number in range(6)],
        [
            (0, 1, "a verse"),
            (1, 2, "of a song\nwith this chorus"),
            (2, 3, "with this chorus"),
            (3, 4, "the end"),
        ],
        [(0, 1, "Yes."), (1, 2, "Yes.\nNo."), (2, 3, "Well."), (3, 4, "I see."), (4, 5, "Bye.")],
        [(0, 4, "a karaoke <00:02.000>line"), (4, 8, "and <00:05.000>another")],
        [(0, 1, "one")],
    ],
)
def test_a_chorus_is_no_rolling_caption(cues):
    captions, notes = read(as_vtt(*cues))
    assert len(captions) == len(cues) and not notes.as_tuple()
    assert [(start, end) for start, end, _ in captions] == [(start, end) for start, end, _ in cues]
