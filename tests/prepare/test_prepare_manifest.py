import json
import math
import tracemalloc
import unicodedata

import pytest

from vatt.prepare.manifest import ManifestError, read_manifest
from vatt.prepare.planning import Planning

CSV = """path,start,end,caption,label,split
films/a.mp4,0,2.5,A dog barks.,dog|animal,train
films/a.mp4,0,2.5,"At the moon, loudly.",,
films/a.mp4,1:02.5,1:00:10,,,test

b.wav,,,,cat,
gone.mp4,,,,dog,train
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "films").mkdir()
    for name in ("films/a.mp4", "b.wav"):
        (tmp_path / name).touch()
    return tmp_path


def write(folder, content, name="m.csv", encoding="utf-8"):
    path = folder / name
    path.write_text(content, encoding=encoding)
    return path


def check(manifest, folder):
    first, second, third = manifest.clips
    assert first.media == str(folder / "films/a.mp4") and first.media_id == "films/a.mp4"
    assert first.captions == ((0.0, 2.5, "A dog barks."), (0.0, 2.5, "At the moon, loudly."))
    assert manifest.labels == ("animal", "cat", "dog")
    assert first.labels == ((2, "dog"), (0, "animal")) and first.split == "train"
    assert (first.start_seconds, first.end_seconds, first.segment_seconds) == (0.0, 2.5, None)
    assert (second.start_seconds, second.end_seconds, second.split) == (62.5, 3610.0, "test")
    assert (third.start_seconds, third.end_seconds, third.segment_seconds) == (0.0, None, 10.0)
    assert third.captions == () and third.labels == ((1, "cat"),) and third.split == "hashed b.wav"
    assert manifest.missing == (("gone.mp4", str(folder / "gone.mp4")),)


@pytest.mark.parametrize(
    "name, content, encoding",
    [
        ("m.csv", CSV, "utf-8"),
        ("m.CSV", CSV.replace("\n", "\r\n"), "utf-8-sig"),
        (
            "m.csv",
            CSV.replace('"At the moon, loudly."', "At the moon, loudly.")
            .replace(",", ";")
            .replace("moon;", "moon,"),
            "utf-8",
        ),
        ("m.tsv", CSV.replace('"', "").replace(",", "\t").replace("moon\t", "moon,"), "utf-8"),
        ("m.csv", CSV.replace("path,start", " Path ,START"), "utf-8"),
    ],
)
def test_a_table(folder, name, content, encoding):
    path = write(folder, content, name, encoding)
    split_of = "hashed {}".format
    check(read_manifest(path, segment_seconds=10.0, split_of=split_of), folder)


def test_json_lines(folder):
    rows = [
        {
            "path": "films/a.mp4",
            "end": 2.5,
            "caption": ["A dog barks.", "At the moon, loudly."],
            "label": ["dog", "animal"],
            "split": "train",
        },
        {"path": "films/a.mp4", "start": 62.5, "end": "1:00:10", "split": "test", "caption": None},
        {"path": "b.wav", "label": "cat"},
        {"path": "gone.mp4", "label": "dog"},
    ]
    path = write(folder, "\n".join(json.dumps(row) for row in rows) + "\n\n", "m.jsonl")
    check(read_manifest(path, segment_seconds=10.0, split_of="hashed {}".format), folder)


def test_a_caption_without_times_describes_the_whole_file(folder):
    manifest = read_manifest(write(folder, "path,caption\nb.wav,one\nb.wav,two\n"))
    assert [clip.captions for clip in manifest.clips] == [((0.0, math.inf, "one"), (0.0, math.inf, "two"))]
    assert manifest.labels == () and manifest.clips[0].split == "train"


def test_a_column_of_captions_decides_about_captions(folder):
    assert not read_manifest(write(folder, "path\nb.wav\n")).has_captions
    manifest = read_manifest(write(folder, "path,caption\nb.wav,\n"))
    assert manifest.has_captions and manifest.clips[0].captions == ()


def test_absolute_paths(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "c.wav"
    other.touch()
    inside, outside = read_manifest(write(folder, f"path\n{folder / 'b.wav'}\n{other}\n")).clips
    assert inside.media_id == "b.wav" and outside.media_id == other.as_posix()


@pytest.mark.parametrize(
    "content, message",
    [
        ("path,captoin\nb.wav,x\n", r"line 1.*'captoin'.*`caption`"),
        ("file\nb.wav\n", r"line 1.*'file'"),
        ("caption\nx\n", r"line 1.*must have a column `path`.*caption"),
        ("path,path\nb.wav,b.wav\n", r"line 1.*'path' is there more than once"),
        ("path,label\nb.wav,1,2\n", r"line 2.*one value for each.*3 values.*double quotes"),
        ("path,start\nb.wav,soon\n", r"line 2.*`start` must be seconds.*'soon'"),
        ("path,start\nb.wav,-1\n", r"line 2.*`start` must be seconds"),
        ("path,end\nb.wav,nan\n", r"line 2.*`end` must be seconds"),
        ("path,start,end\nb.wav,2,2\n", r"line 2.*`end` must be after `start`.*2\.0"),
        ("path,split\nb.wav,my set\n", r"line 2.*`split` must be a word.*'my set'"),
        ("path,split\nb.wav,train\nb.wav,test\n", r"line 3.*one split.*'test'.*'train'"),
        ("path,split\n,train\n", r"line 2.*`path` must name a media file"),
        ("path\n", "at least one row"),
        ("", "at least one row"),
    ],
)
def test_errors_of_tables_name_line_and_way_out(folder, content, message):
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifest(write(folder, content))
    assert "m.csv" in str(caught.value)


@pytest.mark.parametrize(
    "content, message",
    [
        ('{"path": "b.wav"}\n{"path"}', "line 2.*is not JSON"),
        ("[1]", "line 1.*must be an object"),
        ('{"path": "b.wav", "captions": "x"}', r"line 1.*'captions'.*`caption`"),
        ('{"path": "b.wav", "caption": 3}', "line 1.*`caption` must be text or a list of texts.*3"),
        ('{"path": "b.wav", "start": true}', "line 1.*`start` must be seconds.*True"),
        ('{"path": 7}', "line 1.*`path` must name a media file.*7"),
    ],
)
def test_errors_of_json_lines(folder, content, message):
    with pytest.raises(ManifestError, match=message):
        read_manifest(write(folder, content, "m.jsonl"))


def test_files_that_are_no_manifest(folder):
    with pytest.raises(ManifestError, match=r"\.csv \.tsv \.jsonl.*m\.xlsx"):
        read_manifest(write(folder, "path\n", "m.xlsx"))
    with pytest.raises(ManifestError, match="none.csv can not be read"):
        read_manifest(folder / "none.csv")


def test_paths_are_found_under_other_spellings_which_is_said(folder):
    nfc, nfd = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    (folder / nfd).mkdir()
    for name in (f"{nfd}/{nfd}.MP4", "films/c.mp4", "d.WAV", "e.wav", "e.WAV"):
        (folder / name).touch()
    planning = Planning()
    rows = f"path\n{nfc}/{nfc}.mp4\nfilms\\c.mp4\nd.wav\nb.WAV\ne.Wav\nB.wav\n"
    manifest = read_manifest(write(folder, rows), planning=planning)
    found = [clip.media_id for clip in manifest.clips]
    assert found == [f"{nfd}/{nfd}.MP4", "films/c.mp4", "d.WAV", "b.wav"]
    assert [media_id for media_id, _ in manifest.missing] == ["e.Wav", "B.wav"]  # either, or of another name
    (content,) = planning.decided.content().values()
    assert content["count"] == 4 and content["first"][1] == f"films\\c.mp4: {folder / 'films/c.mp4'}"


def test_one_file_under_several_paths_is_one_clip(folder):
    rows = f"path,caption\nb.wav,x\n./b.wav,y\n{folder / 'b.wav'},z\n"
    (clip,) = read_manifest(write(folder, rows)).clips
    assert [text for *_, text in clip.captions] == ["x", "y", "z"] and clip.media_id == "b.wav"


def test_the_memory_that_a_row_takes_is_bounded(tmp_path):
    """`benchmarks/plan_manifest.py` measures the process with a million rows."""
    used = []
    for rows in (1_000, 4_000):
        folder = tmp_path / str(rows)
        folder.mkdir()
        for number in range(rows):
            (folder / f"{number:07d}.mp4").touch()
        lines = (f"{number:07d}.mp4,then you stir pot {number} until it boils\n" for number in range(rows))
        path = write(folder, "path,caption\n" + "".join(lines))
        tracemalloc.start()
        assert len(read_manifest(path).clips) == rows
        used.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (used[1] - used[0]) / 3_000 < 2_000  # bytes
