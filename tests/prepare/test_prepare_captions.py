import json
import math

import pytest

from vatt.prepare.captions import CaptionError, read_captions

SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\nworld\n\n"
    "2\n00:00:00,000 --> 00:00:00,900\n{\\an8}First\n"
)
VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Salt &amp; <c.red>pepper</c>\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\b1}Bold{\\b0}\\Nline\n"
    "Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,never shown\n"
)


@pytest.mark.parametrize(
    "suffix, content, expected",
    [
        ("srt", SRT, [(0.0, 0.9, "First"), (1.0, 2.5, "Hello world")]),
        ("srt", "\ufeff" + SRT, [(0.0, 0.9, "First"), (1.0, 2.5, "Hello world")]),
        ("vtt", VTT, [(1.0, 2.0, "Salt & pepper")]),
        ("vtt", VTT.replace("&amp;", "&amp;lt;"), [(1.0, 2.0, "Salt &lt; pepper")]),
        ("ass", ASS, [(1.0, 2.0, "Bold line")]),
        ("srt", "", []),
        ("vtt", "WEBVTT\n", []),
    ],
)
def test_captions_without_tags_in_order(tmp_path, suffix, content, expected):
    path = tmp_path / f"a.{suffix}"
    path.write_text(content, encoding="utf-8")
    captions = read_captions(path).captions
    assert [(start, end, " ".join(text.split())) for start, end, text in captions] == expected


SEGMENTS = [{"start": 2.5, "end": 4, "text": " second\n one "}, {"start": 0.0, "end": 2.5, "text": "first"}]
WHISPER = [(0.0, 2.5, "first"), (2.5, 4.0, "second one")]


@pytest.mark.parametrize(
    "content, expected",
    [
        ({"text": "first second one", "segments": SEGMENTS, "language": "en"}, WHISPER),
        (SEGMENTS, WHISPER),
        (
            {
                "segments": [
                    {**SEGMENTS[0], "words": []},
                    SEGMENTS[1],
                    {"start": None, "end": None, "text": "x"},
                ],
                "word_segments": [],
            },
            WHISPER,
        ),
        (
            {
                "transcription": [
                    {"timestamps": {}, "offsets": {"from": 0, "to": 2500}, "text": " first"},
                    {"timestamps": {}, "offsets": {"from": 2500, "to": 4000}, "text": " second one"},
                ]
            },
            WHISPER,
        ),
        ({"segments": []}, []),
        ({"segments": [{"start": 1, "end": 2, "text": "  "}]}, []),
    ],
)
def test_transcripts(tmp_path, content, expected):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    assert list(read_captions(path).captions) == expected


@pytest.mark.parametrize(
    "content, reason",
    [
        ("{", "Expecting"),
        ('{"title": "a video"}', "`segments`"),
        ('"text"', "`segments`"),
        ('{"segments": [{"start": "now", "end": 2, "text": "x"}]}', "start and end in seconds"),
        ('{"segments": [{"start": 0, "end": 2}]}', "start and end in seconds"),
        ('{"segments": [3]}', "start and end in seconds"),
        ('{"segments": [{"start": NaN, "end": 2, "text": "x"}]}', "start and end in seconds"),
    ],
)
def test_json_that_is_no_transcript(tmp_path, content, reason):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(CaptionError, match=f"a.json.*{reason}"):
        read_captions(path)


def test_lines_of_plain_text_describe_the_whole_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("A dog  barks.\n\n  At the moon. \n", encoding="utf-8")
    assert read_captions(path).captions == (
        (0.0, math.inf, "A dog barks."),
        (0.0, math.inf, "At the moon."),
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(tmp_path, encoding):
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\ncafé ☕\n", encoding=encoding)
    assert read_captions(path).captions == ((1.0, 2.0, "café ☕"),)


def test_odd_bytes_are_replaced(tmp_path):
    path = tmp_path / "a.srt"
    path.write_bytes(b"1\n00:00:01,000 --> 00:00:02,000\ncaf\xe9\n")
    assert read_captions(path).captions[0][2].startswith("caf")


def test_an_unreadable_file_names_itself(tmp_path):
    with pytest.raises(CaptionError, match="a.srt"):
        read_captions(tmp_path / "a.srt")
