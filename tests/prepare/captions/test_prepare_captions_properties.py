"""What holds for any caption file: nothing is lost in silence, and nothing but a CaptionError is raised."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vatt.prepare.captions import SUFFIXES, CaptionError, read_captions

quick = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # the folder may be the same for all

WORDS = st.lists(
    st.sampled_from(["a", "the <i>dog</i>", "42", "x < y", "&amp;", "été", "{\\an8}"]), max_size=3
)
TIMES = st.tuples(st.integers(0, 5_000_000), st.integers(0, 5_000_000))
CUES = st.lists(st.tuples(TIMES, WORDS), max_size=12)
PIECES = st.sampled_from(
    [
        *(
            "WEBVTT",
            "Kind: captions",
            "NOTE",
            "STYLE",
            "1",
            "42",
            "name",
            "-->",
            "00:00:01.000 --> 00:00:02,5",
        ),
        *(
            "00:03 --> 00:01",
            "00:xx --> 00:02",
            "<v A>",
            "<00:01.5>",
            "<c>",
            "&#39;",
            "{\\an8}",
            "{",
            "<",
            "a\\Nb",
        ),
        *(
            "[Script Info]",
            "[Events]",
            "Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,x",
            "Dialogue: x",
            "\u2028",
        ),
        *(
            "\x00",
            "\ufeff",
            "\x85",
            " ",
            "",
            "\t",
            "{\\p1}m 0 0",
            '{"segments": [',
            "]}",
            "[",
            "NaN",
            "é",
            "\r",
        ),
    ]
)
TIME_VALUES = st.one_of(
    st.none(), st.floats(), st.integers(), st.text(max_size=5), st.just("00:00:01.5"), st.booleans()
)
SEGMENTS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {}, optional={"start": TIME_VALUES, "end": TIME_VALUES, "text": st.text(max_size=8)}
        ),
        st.fixed_dictionaries({"timestamp": st.lists(TIME_VALUES, max_size=3), "text": st.text(max_size=8)}),
        st.fixed_dictionaries(
            {"word": st.text(max_size=4), "start": st.floats(0, 9), "end": st.floats(0, 9)}
        ),
        st.lists(st.one_of(st.floats(), st.text(max_size=3)), max_size=5),
        st.integers(),
    ),
    max_size=8,
)


def clock(milliseconds, comma):
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{comma}{rest:03}"


def write(suffix, cues, end):
    """A file of the cues as each grammar wants it; words are lines, so that a text may end in "42"."""
    comma = "," if suffix == "srt" else "."
    blocks = [] if suffix == "srt" else ["WEBVTT"]
    for number, ((start, stop), words) in enumerate(cues, 1):
        blocks.append("\n".join([f"{number}", f"{clock(start, comma)} --> {clock(stop, comma)}", *words]))
    return "\n\n".join(blocks).replace("\n", end)


@quick
@given(suffix=st.sampled_from(["srt", "vtt"]), cues=CUES, end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_each_cue_is_a_caption_or_counted(tmp_path, suffix, cues, end):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(write(suffix, cues, end).encode())
    file = read_captions(path)
    lost = {note.what.partition(",")[0]: note.cues_lost for note in file.notes}
    backwards = sum(start > stop and not {*words} <= {"{\\an8}"} for (start, stop), words in cues)
    if not any(note.what.startswith("lines of rolling") for note in file.notes):
        assert lost.pop("cues that end before they begin", 0) == backwards
        assert set(lost) <= {"cues without text"}
    assert len(file.captions) + sum(note.cues_lost for note in file.notes) == len(cues) == file.cues
    assert all(text == " ".join(text.split()) and text for *_, text in file.captions)
    assert list(file.captions) == sorted(file.captions, key=lambda caption: caption[:2])


@quick
@given(
    suffix=st.sampled_from(SUFFIXES),
    content=st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=30)),
)
@pytest.mark.parametrize("separator", ["\n", "\n\n", ""])
def test_nothing_but_a_caption_error_is_raised(tmp_path, suffix, content, separator):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else separator.join(content).encode("utf-8"))
    check(path)


@quick
@given(
    segments=SEGMENTS, key=st.sampled_from(["segments", "chunks", "words", "transcription", "result", None])
)
def test_each_segment_of_a_transcript_is_a_caption_or_counted(tmp_path, segments, key):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(segments if key is None else {key: segments}))
    file = check(path)
    if file is not None:
        assert file.cues == len(segments)


def check(path):
    try:
        file = read_captions(path)
    except CaptionError as error:
        assert str(error).startswith(f"{path}: ")
        return None
    assert len(file.captions) + sum(note.cues_lost for note in file.notes) == file.cues
    assert all(note.count >= note.cues_lost >= 0 and note.count > 0 for note in file.notes)
    assert len({note.what for note in file.notes}) == len(file.notes)
    for start, end, text in file.captions:
        assert start <= end and end >= 0 and text and text == " ".join(text.split())
        text.encode()
    return file
