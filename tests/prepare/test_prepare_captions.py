import pytest

from vatt.prepare.captions import CaptionError, find_captions, read_captions

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
        ("ass", ASS, [(1.0, 2.0, "Bold line")]),
        ("srt", "", []),
        ("vtt", "WEBVTT\n", []),
    ],
)
def test_captions_without_tags_in_order(tmp_path, suffix, content, expected):
    path = tmp_path / f"a.{suffix}"
    path.write_text(content, encoding="utf-8")
    captions = read_captions(path)
    assert [(start, end, " ".join(text.split())) for start, end, text in captions] == expected


def test_odd_bytes_are_replaced(tmp_path):
    path = tmp_path / "a.srt"
    path.write_bytes(b"1\n00:00:01,000 --> 00:00:02,000\ncaf\xe9\n")
    assert read_captions(path)[0][2].startswith("caf")


def test_an_unreadable_file_names_itself(tmp_path):
    with pytest.raises(CaptionError, match="a.srt"):
        read_captions(tmp_path / "a.srt")


def test_the_side_car_is_found(tmp_path):
    film = tmp_path / "film [1].mp4"
    assert find_captions(film) is None
    (tmp_path / "film [1].en.srt").touch()
    assert find_captions(film).name == "film [1].en.srt"
    (tmp_path / "film [1].de.srt").touch()
    assert find_captions(film) is None
    (tmp_path / "film [1].vtt").touch()
    assert find_captions(film).name == "film [1].vtt"
