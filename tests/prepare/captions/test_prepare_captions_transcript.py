import json
import math

import pytest

from vatt.prepare.captions import NotCaptions, read_captions

SEGMENTS = [{"start": 2.5, "end": 4, "text": " second\n one "}, {"start": 0.0, "end": 2.5, "text": "first"}]
WHISPER = ((0.0, 2.5, "first"), (2.5, 4.0, "second one"))


def read(folder, content, name="a.json"):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return read_captions(folder / name)


def whisper_cpp(**times):
    return {"transcription": [{"text": " first", **times}]}


@pytest.mark.parametrize(
    "content",
    [
        {"text": "first second one", "segments": SEGMENTS, "language": "en"},
        SEGMENTS,
        {"segments": [{**SEGMENTS[0], "words": []}, SEGMENTS[1]], "word_segments": [{"word": "x"}]},
        {
            "transcription": [
                {"timestamps": {}, "offsets": {"from": 0, "to": 2500}, "text": " first"},
                {"timestamps": {"from": "00:00:02,500", "to": "00:00:04,000"}, "text": " second one"},
            ]
        },
        {
            "text": "",
            "chunks": [
                {"timestamp": [0, 2.5], "text": " first"},
                {"timestamp": [2.5, 4], "text": "second one"},
            ],
        },
        [[1, 0, 0.0, 2.5, " first", [50364]], [2, 250, 2.5, 4.0, " second one", [50489]]],
        [[0, 2.5, "first"], [2.5, 4, "second one"]],
        [
            {"text": "first", "start": 0, "duration": 2.5},
            {"text": "second one", "start": "2.5", "duration": "1.5"},
        ],
        {
            "body": [
                {"from": 0, "to": 2.5, "content": "first"},
                {"from": 2.5, "to": 4, "content": "second one"},
            ]
        },
        {
            "segments": [
                {"text": "first", "words": [{"word": "fi"}, {"word": "rst", "start": 0, "end": 2.5}]},
                SEGMENTS[0],
            ]
        },
    ],
)
def test_the_programs_that_transcribe(tmp_path, content):
    file = read(tmp_path, content)
    assert file.captions == WHISPER and file.cues == 2 and not file.notes


@pytest.mark.parametrize(
    "content", [{"segments": []}, [], {"segments": [{"start": 1, "end": 2, "text": "  "}]}]
)
def test_transcripts_of_silence(tmp_path, content):
    file = read(tmp_path, content)
    assert file.captions == () and file.cues == sum(note.count for note in file.notes)


def test_missing_and_reversed_times_are_read_or_counted(tmp_path):
    chunks = [
        {"timestamp": [0.0, None], "text": " first one"},
        {"timestamp": [None, 3.0], "text": " when did it begin"},
        {"timestamp": [9, 8], "text": " backwards"},
        {"timestamp": [None, None], "text": " never"},
        {"timestamp": [10.5, None], "text": " last one"},
    ]
    file = read(tmp_path, {"chunks": chunks})
    assert file.captions == ((0.0, 9.0, "first one"), (10.5, 11.5, "last one"))
    assert file.cues == 5
    assert {note.what.split(",")[0]: (note.count, note.cues_lost) for note in file.notes} == {
        "cues that end before they begin": (1, 1),
        "cues without a readable time": (2, 2),
        "cues without an end": (2, 0),
    }


@pytest.mark.parametrize(
    "time", ["NaN", "Infinity", "-Infinity", "1e400", '"now"', "true", "[1]", "9" * 400, "{}"]
)
def test_times_that_are_none_are_counted(tmp_path, time):
    content = '{"segments": [{"start": TIME, "end": 2, "text": "x"}, {"start": 1, "end": 2, "text": "y"}]}'
    file = read(tmp_path, content.replace("TIME", time))
    assert file.captions == ((1.0, 2.0, "y"),)
    assert [str(note) for note in file.notes] == ["cues without a readable time, left out: 1"]


@pytest.mark.parametrize("key", ["words", "word_segments", "chunks"])
def test_single_words_become_phrases(tmp_path, key):
    said = "Hello there. This is one phrase of words and this one goes on for more than sixteen of them"
    words = [
        {"word": word, "start": number * 0.3, "end": number * 0.3 + 0.2}
        for number, word in enumerate(said.split())
    ]
    if key == "chunks":
        words = [{"text": " " + each["word"], "timestamp": [each["start"], each["end"]]} for each in words]
    words.append({**words[-1], "start": 30, "end": 31, "timestamp": [30, 31]})
    file = read(tmp_path, {key: words})
    assert [text for *_, text in file.captions] == [
        "Hello there.",
        "This is one phrase of words and this one goes on for more than sixteen of",
        "them",
        "them",
    ]
    assert file.captions[1][:2] == pytest.approx((0.6, 17 * 0.3 + 0.2))
    assert file.cues == 20 == len(file.captions) + sum(note.cues_lost for note in file.notes)


def test_words_of_languages_without_blanks(tmp_path):
    words = [
        {"word": word, "start": number, "end": number + 0.2} for number, word in enumerate("今日はいい天気")
    ]
    words = [{**word, "start": word["start"] * 0.3, "end": word["start"] * 0.3 + 0.2} for word in words]
    assert [text for *_, text in read(tmp_path, {"words": words}).captions] == ["今日はいい天気"]
    sentences = [
        {"text": text, "timestamp": [5 * n, 5 * n + 5]}
        for n, text in enumerate(["今日は。", "いい。", "天。", "気。"])
    ]
    assert len(read(tmp_path, {"chunks": sentences}).captions) == 4


def test_a_missing_end_is_guessed_and_never_infinite(tmp_path):
    long = "a last sentence of eleven words that goes on and on"
    chunks = [{"timestamp": [0, None], "text": "first"}, {"timestamp": [100, None], "text": long}]
    assert [end for _, end, _ in read(tmp_path, {"chunks": chunks}).captions] == pytest.approx([1.0, 104.4])
    huge = [{"start": 1e308, "duration": 1e308, "text": "x"}, {"start": 1, "duration": 1, "text": "y"}]
    file = read(tmp_path, huge)
    assert file.captions == ((1.0, 2.0, "y"),) and file.cues == 2


def test_a_transcript_without_times_is_of_the_whole_file(tmp_path):
    file = read(tmp_path, {"text": " all of\nit ", "usage": {}})
    assert file.captions == ((0.0, math.inf, "all of it"),) and len(file.notes) == 1


def test_json3_of_youtube(tmp_path):
    events = [
        {"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1},
        {
            "tStartMs": 100,
            "dDurationMs": 4000,
            "segs": [{"utf8": "all"}, {"utf8": " right", "tOffsetMs": 100}],
        },
        {"tStartMs": 2000, "dDurationMs": 10, "aAppend": 1, "segs": [{"utf8": "\n"}]},
        {"tStartMs": 2000, "dDurationMs": 3000, "segs": [{"utf8": "here we are"}]},
    ]
    file = read(tmp_path, {"wireMagic": "pb3", "events": events}, "a.en.json3")
    assert file.captions == ((0.1, 2.0, "all right"), (2.0, 5.0, "here we are")) and not file.notes


@pytest.mark.parametrize(
    "content",
    [
        *({"title": "a video"}, "text", 3, None, {"text": "a post", "likes": 3}),
        *({"segments": [{"start": 0, "end": 2}]}, {"segments": [3]}, [1, 2], [{"a": 1}], [["a", "b"]]),
        *({"segments": {"a": 1}}, {"events": ["x"]}, {"result": [{"id": 1}], "text": "x"}),
        {"id": "x", "chapters": [{"start_time": 0, "title": "x"}], "formats": [{"url": "x"}]},
    ],
)
def test_json_of_something_else(tmp_path, content):
    with pytest.raises(NotCaptions, match=r"a\.json.*`segments`"):
        read(tmp_path, json.dumps(content))


def test_half_a_surrogate_is_replaced_and_said(tmp_path):
    file = read(tmp_path, '{"segments": [{"start": 0, "end": 1, "text": "a\\ud800b \\ud83d\\ude00\\u0000"}]}')
    assert file.captions == ((0.0, 1.0, "a\ufffdb \U0001f600\ufffd"),)
    assert [note.count for note in file.notes] == [2]
    file.captions[0][2].encode()
