"""Nothing is lost in silence: rows in are rows out and rows said; files in are used or left out."""

import csv
import io
import json
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vatt.prepare import caption_files
from vatt.prepare.captions import read_captions
from vatt.prepare.folder import plan_folder
from vatt.prepare.manifest import ManifestError, read_manifest
from vatt.prepare.planning import Planning

FILES = ("a.wav", "b.wav", "none.wav")
EMPTY_ROWS = "empty rows were passed over"
# Any text, and often what tables and lines stumble over.
ODD = st.sampled_from(
    ['"', '""', "\t", ",", ";", "\u2028", "\x85", "\x0b", "\x1c", "�", "\ufeff", "'", "#", "\\"]
)
TEXT = st.lists(st.text(max_size=4) | ODD, max_size=5).map("".join)
ROW = st.tuples(st.sampled_from(FILES), TEXT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("accounts")
    for name in FILES[:2]:
        (made / name).touch()
    return made


def words(text):
    return " ".join(text.split())


def check_rows(folder, name, content, rows):
    """Every row that holds a caption is that caption, or its file is missing."""
    (folder / name).write_bytes(content.encode())
    manifest = read_manifest(folder / name)
    out = Counter((clip.media_id, text) for clip in manifest.clips for *_, text in clip.captions)
    expected = Counter((file, words(text)) for file, text in rows if file != "none.wav" and words(text))
    assert out == expected
    named = {file for file, _ in rows}
    assert {clip.media_id for clip in manifest.clips} | {
        media_id for media_id, _ in manifest.missing
    } == named


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=8), end=st.sampled_from(["\n", "\r\n", "\r"]), data=st.data())
def test_rows_of_csv(folder, rows, end, data):
    rows = [(file, text.replace("\0", "")) for file, text in rows]
    separator = data.draw(st.sampled_from(",;\t"))
    stream = io.StringIO()
    # Python quotes no line ends but its own.
    writer = csv.writer(stream, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("path", "caption"), *rows])
    check_rows(folder, "m.csv", stream.getvalue(), rows)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=8), end=st.sampled_from(["\n", "\r\n", "\r"]))
@example(rows=[("a.wav", '"one'), ("b.wav", "two"), ("a.wav", 'three"')], end="\n")
def test_rows_of_tsv(folder, rows, end):
    rows = [(file, text.translate(dict.fromkeys(map(ord, "\0\t\r\n"), " "))) for file, text in rows]
    lines = ["path\tcaption", *("\t".join(row) for row in rows)]
    check_rows(folder, "m.tsv", end.join(lines), rows)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=8), end=st.sampled_from(["\n", "\r\n", "\r"]), ascii=st.booleans()
)
def test_rows_of_json_lines(folder, rows, end, ascii):
    lines = [json.dumps({"path": file, "caption": text}, ensure_ascii=ascii) for file, text in rows]
    check_rows(folder, "m.jsonl", end.join(lines), rows)


@settings(max_examples=300, deadline=None)
@given(
    suffix=st.sampled_from([".csv", ".tsv", ".jsonl"]),
    head=st.sampled_from([b"path,caption\n", b"path\tcaption\r", b"path;caption\r\n", b""]),
    body=st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                b"a.wav",
                b",",
                b"\t",
                b"\n",
                b'"',
                b"x",
                b"\xe9",
                "é".encode(),
                b"\r",
                b"{}",
                b'{"path":"a.wav"}',
            ]
        ),
        max_size=20,
    ).map(b"".join),
)
def test_any_bytes_are_rows_or_an_error_with_a_line(folder, suffix, head, body):
    """Rows are counted without the reader: what is not blank is a clip, missing, said or an error."""
    path = folder / f"any{suffix}"
    path.write_bytes(head + body)
    planning = Planning()
    try:
        manifest = read_manifest(path, planning=planning)
    except ManifestError as error:
        assert path.name in str(error)
        return
    assert manifest.clips or manifest.missing
    if suffix == ".tsv" and head.startswith(b"path\tcaption"):
        text = (head + body).decode("utf-8", "surrogateescape")
        rows = [line.split("\t") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[1:]]
        empty = [row for row in rows if any(row) and not any(map(str.strip, row))]
        told = [row for row in rows if (folder / row[0].strip()).is_file() and words("".join(row[1:2]))]
        assert sum(len(clip.captions) for clip in manifest.clips) == len(told)
        notes = {note.what: note.count for note in planning.notes.get(path.name, ())}
        assert notes.get(EMPTY_ROWS, 0) <= len(empty)


class ReaderWithoutWorkers:
    """Reads as `CaptionReader` does, in this process: a hundred pools would take minutes."""

    def __init__(self, within):
        self.within = within

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read_ahead(self, paths):
        pass

    def read(self, path):
        return read_captions(path, within=self.within)


@pytest.fixture(scope="module")
def without_workers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caption_files, "CaptionReader", ReaderWithoutWorkers)
        yield


NAMES = st.sampled_from(
    ["a", "b", "a.en", "a.de", "A", "a.1", "cover", "Lesson 1", "Lesson 1.1", "é", "é", "x\udce9"]
)
ENDINGS = st.sampled_from(
    [
        ".mp4",
        ".MP4",
        ".wav",
        ".mp3",
        ".jpg",
        ".png",
        ".srt",
        ".vtt",
        ".en.srt",
        ".de.forced.srt",
        ".mp4.srt",
        ".txt",
    ]
    + [".json", ".info.json", ".md", "", ".part", ".1.srt"]
)
FOLDERS = st.sampled_from(["", "", "train/", "test/", "val/dogs/", "Subs/", ".hidden/", "d/e/"])
CONTENT = st.sampled_from(
    ["", "words", "1\n00:00:01,000 --> 00:00:02,000\nx\n", '{"title": 1}', '{"segments": []}', "{"]
)
FILE = st.tuples(FOLDERS, st.sampled_from(["", "", "", "."]), NAMES, ENDINGS).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    files=st.dictionaries(FILE, CONTENT, min_size=1, max_size=14),
    language=st.sampled_from([None, None, "en", "de"]),
    splits=st.sampled_from(["auto", "hash"]),
    links=st.lists(st.tuples(FILE, FILE), max_size=2),
)
def test_every_file_of_a_folder_is_used_or_left_out(without_workers, files, language, splits, links):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for file, content in {"first.mp4": "", **files}.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(content)
        for link, target in links:
            (root / link).parent.mkdir(parents=True, exist_ok=True)
            if not (root / link).exists() and not (root / link).is_symlink():
                (root / link).symlink_to(root / target)
        plan = plan_folder(root, language=language, splits=splits, labels="folders")
        entries = [
            path
            for path in root.rglob("*")
            if path.relative_to(root).parts[0] != ".hidden" and (path.is_symlink() or not path.is_dir())
        ]
        entries += [root / ".hidden"] if (root / ".hidden").exists() else []
        in_clips = Counter(path for clip in plan.clips for path in clip.files)
        used = len(plan.planning.caption_files)
        assert set(in_clips.values()) == {1}
        assert len(entries) == len(in_clips) + used + len(plan.planning.left_out)
        assert len({clip.media_id for clip in plan.clips}) == len(plan.clips)
