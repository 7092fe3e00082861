import math
import os
import socket

import pytest

from vatt.prepare.captions import CaptionError, NotCaptions, cue, read_captions, reading, substation

CUE = "1\n00:00:01,000 --> 00:00:02,000\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\b1}Bold{\\b0}\\Nline\n"
    "Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,never shown\n"
)


def read(folder, name, content, **options):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_captions(path, **options)


def notes(file):
    return {note.what.partition(",")[0]: note.count for note in file.notes}


def test_lines_of_plain_text_describe_the_whole_file(tmp_path):
    file = read(tmp_path, "a.txt", "A dog  barks.\r\n\n  At\u2028the\u0085moon.\x0b \rThe\x0cend")
    texts = ["A dog barks.", "At the moon.", "The end"]
    assert file.captions == tuple((0.0, math.inf, text) for text in texts)
    assert not file.notes


def test_a_text_of_many_lines_is_bounded_and_said(tmp_path):
    file = read(tmp_path, "a.txt", "line\n" * (reading.MAX_DESCRIPTIONS + 5))
    assert len(file.captions) == reading.MAX_DESCRIPTIONS and file.cues == reading.MAX_DESCRIPTIONS + 5
    assert str(file) == "lines after the first 1,000, left out: 5 of 1005"


def test_long_texts_are_cut_and_said(tmp_path):
    file = read(tmp_path, "a.srt", f"{CUE}{'x' * 10_001}\n\n{CUE}{'y' * 10_000}")
    assert [text for *_, text in file.captions] == ["x" * 10_000, "y" * 10_000]
    assert notes(file) == {"captions cut after 10": 1}


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass", "a.json"])
def test_many_cues_are_bounded_and_said(tmp_path, monkeypatch, name):
    for module in (cue, reading, substation):
        monkeypatch.setattr(module, "MAX_CUES", 3)
    content = "".join(f"00:00:0{5 - number}.000 --> 00:00:09.000\n{number}x\n\n" for number in range(5))
    if name == "a.ass":
        content = "".join(ASS.split("Comment")[0].replace("Bold", f"{number}") for number in range(5))
    if name == "a.json":
        content = str([[number, number + 1, "x y"] for number in range(5)]).replace("'", '"')
    file = read(tmp_path, name, ("WEBVTT\n\n" if name == "a.vtt" else "") + content)
    assert len(file.captions) == 3 and file.cues == 5
    assert notes(file) == {"cues after the first 100": 2}


def test_substation(tmp_path):
    assert read(tmp_path, "a.ass", ASS).captions == ((1.0, 2.0, "Bold line"),)
    assert read(tmp_path, "a.srt", ASS).captions == ((1.0, 2.0, "Bold line"),)
    damaged = ASS.replace("Comment", "Dialogue: 0,soon,0:00:02.00,Default,,0,0,0,,lost\nComment")
    drawing = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l 1 1{\\p0}\n"
    file = read(tmp_path, "a.ass", damaged + drawing)
    assert file.captions == ((1.0, 2.0, "Bold line"),) and file.cues == 3
    assert notes(file) == {"cues without a readable time": 1, "drawings": 1}
    file = read(tmp_path, "a.ass", ASS + drawing.replace("{\\p1}", "{" * 50_000))
    assert file.captions == ((1.0, 2.0, "Bold line"),)
    assert notes(file) == {"cues of more than 10": 1}
    file = read(tmp_path, "a.ass", ASS + drawing.replace("{\\p1}", "{}" * 101))
    assert file.captions == ((1.0, 2.0, "Bold line"),) and notes(file) == {"cues of more than 10": 1}


@pytest.mark.parametrize("suffix", ["srt", "vtt", "ass", "ssa", "txt"])
@pytest.mark.parametrize("content", [b"", b" \r\n\x0c\xe2\x80\xa8", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_caption(tmp_path, suffix, content):
    file = read(tmp_path, f"a.{suffix}", content)
    assert file.captions == () and file.cues == 0 and not file.notes


def test_cues_that_can_not_be_true_are_counted(tmp_path):
    times = ["00:00:03,000 --> 00:00:02,000", "-00:00:03,000 --> -00:00:02,000", "9999:00:00 --> 9999:00:01"]
    times += ["-00:00:01,000 --> 00:00:01,500", "00:00:02,000 --> 00:00:02,000"]
    file = read(
        tmp_path, "a.srt", "".join(f"{time}\ntext\n\n" for time in times) + "00:00:05 --> 00:00:06\n<i>\n"
    )
    assert file.captions == ((-1.0, 1.5, "text"), (2.0, 2.0, "text")) and file.cues == 6
    assert notes(file) == {
        "cues that end before they begin": 1,
        "cues that end before the media begins": 1,
        "cues without a readable time": 1,
        "cues without text": 1,
    }
    assert "cues that end before they begin, left out: 1 of 6" in str(file)


# Each of these takes seconds to hours where time grows with the square of the text.
@pytest.mark.parametrize(
    "piece", ["{", "{\\", "<", "<a ", "<rt>", "<v ", "&", "&#", "\\N", "-->", "9:", " ", "\t->"]
)
@pytest.mark.parametrize("name, head", [("a.srt", CUE), ("a.srt", ""), ("a.vtt", "WEBVTT\n\n" + CUE)])
def test_hostile_repetition_is_fast(tmp_path, piece, name, head):
    file = read(tmp_path, name, head + piece * 100_000)
    assert file.cues <= 1


def test_huge_numbers_are_no_error(tmp_path):
    digits = "9" * 5_000
    file = read(tmp_path, "a.srt", f"{CUE}&#{digits}; &#x{digits}; a\n\n{digits}:00 --> {digits}:01\nx\n")
    assert file.captions == ((1.0, 2.0, "\ufffd \ufffd a"),) and file.cues == 2


@pytest.mark.parametrize("name", ["a.json", "a.json3"])
@pytest.mark.parametrize("content", ["[" * 100_000, '{"segments":' * 100_000, "{", "", '{"segments": ['])
def test_damaged_json_is_an_error_that_names_the_file(tmp_path, name, content):
    if not content:
        return  # an empty file, as above
    with pytest.raises(CaptionError, match=name) as raised:
        read(tmp_path, name, content)
    assert not isinstance(raised.value, NotCaptions)


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "a.srt")
    (tmp_path / "b.srt").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "c.srt"))
        (tmp_path / "d.srt").symlink_to("/dev/zero")
        for name, kind in {"a": "a FIFO", "b": "a folder", "c": "a socket", "d": "a device"}.items():
            with pytest.raises(CaptionError, match=f"{name}.srt.*{kind}"):
                read_captions(tmp_path / f"{name}.srt")
    with pytest.raises(CaptionError, match=r"e\.srt.*No such file"):
        read_captions(tmp_path / "e.srt")


def test_a_large_file_is_refused(tmp_path):
    with open(tmp_path / "a.srt", "wb") as file:
        file.truncate(reading.MAX_BYTES + 1)
    with pytest.raises(CaptionError, match=r"a\.srt.*16,777,217 bytes"):
        read_captions(tmp_path / "a.srt")


def test_links_out_of_the_folder_are_refused(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir(), outside.mkdir()
    (outside / "secret.txt").write_text("root:x:0:0")
    (inside / "own.txt").write_text("ours")
    (inside / "a.txt").symlink_to(outside / "secret.txt")
    (inside / "b.txt").symlink_to("own.txt")
    (inside / "c.txt").symlink_to("c.txt")
    with pytest.raises(CaptionError, match=r"a\.txt.*link that leads out of the folder"):
        read_captions(inside / "a.txt", within=inside)
    assert read_captions(inside / "b.txt", within=inside).captions == ((0.0, math.inf, "ours"),)
    assert read_captions(inside / "a.txt").captions[0][2] == "root:x:0:0"
    with pytest.raises(CaptionError, match=r"c\.txt"):
        read_captions(inside / "c.txt", within=inside)
