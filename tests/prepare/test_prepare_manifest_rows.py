import pytest

from vatt.prepare.manifest import ManifestError, read_manifest
from vatt.prepare.planning import Planning


@pytest.fixture
def folder(tmp_path):
    for name in ("a.wav", "b.wav", "c.wav", "d.wav", "e.wav"):
        (tmp_path / name).touch()
    return tmp_path


def captions_of(folder, name, content):
    """([caption of each clip], {note: count}) of a manifest."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    planning = Planning()
    manifest = read_manifest(path, planning=planning)
    captions = [[text for *_, text in clip.captions] for clip in manifest.clips]
    return captions, {note.what: note.count for note in planning.notes.get(name, ())}


def test_a_quote_is_a_character_of_tsv(folder):
    rows = ['a.wav\t"A dog', "b.wav\tbarks", 'c.wav\tsays "woof"', 'd.wav\t"x"', 'e.wav\tend"']
    captions, notes = captions_of(folder, "m.tsv", "path\tcaption\n" + "\n".join(rows))
    assert captions == [['"A dog'], ["barks"], ['says "woof"'], ['"x"'], ['end"']]
    assert notes == {"values of a .tsv in double quotes keep them, as TSV has no quoting": 1}


@pytest.mark.parametrize(
    "rows, line",
    [
        ('a.wav,"A dog\nb.wav,barks\nc.wav,sleeps\n', 2),
        ('a.wav,x\nb.wav,"barks\nc.wav,sleeps\n', 3),
        ('a.wav,"A dog\nb.wav,"barks\nc.wav,sleeps\n', 2),
        ('a.wav,"A "dog" barks"\n', 2),
        ('a.wav,"x"\nb.wav,"y" \n', 3),
    ],
)
def test_an_open_quote_of_csv_is_an_error_with_its_line(folder, rows, line):
    with pytest.raises(ManifestError, match=rf"m\.csv, line {line}: a double quote is opened here.*twice"):
        captions_of(folder, "m.csv", "path,caption\n" + rows)


def test_quotes_of_csv(folder):
    rows = 'a.wav,"A ""dog"", loud"\nb.wav,5" wide\nc.wav,"two\nlines"\n'
    captions, notes = captions_of(folder, "m.csv", "path,caption\n" + rows)
    assert captions == [['A "dog", loud'], ['5" wide'], ["two lines"]]
    assert notes == {"values in quotes hold a line end": 1}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "name, separator", [("m.csv", ","), ("m.csv", ";"), ("m.csv", "\t"), ("m.tsv", "\t")]
)
def test_lines_end_in_all_usual_ways_and_no_others(folder, name, separator, end):
    odd = "one\u2028two\x85three\x0bfour\x1cfive\u2029six\x0c"
    lines = [f"path{separator}caption", f"a.wav{separator}{odd}", f"b.wav{separator}x", ""]
    captions, notes = captions_of(folder, name, "\ufeff" + end.join(lines))
    assert captions == [["one two three four five six"], ["x"]] and not notes


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_json_lines_are_not_cut_within_a_text(folder, end):
    lines = [
        '{"path": "a.wav", "caption": "one\u2028two\x85three\u2029"}',
        '{"path": "b.wav", "caption": "x"}',
    ]
    captions, notes = captions_of(folder, "m.jsonl", "\ufeff" + end.join(lines) + end)
    assert captions == [["one two three"], ["x"]] and not notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["m.csv", "m.tsv"])
def test_encodings_with_a_mark(folder, name, encoding):
    text = "path,caption\na.wav,café ☕\n".replace(",", "\t" if name == "m.tsv" else ",")
    assert captions_of(folder, name, text.encode(encoding))[0] == [["café ☕"]]


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "latin-1"])
@pytest.mark.parametrize("name", ["m.csv", "m.tsv", "m.jsonl"])
def test_other_encodings_are_named_with_the_line(folder, name, encoding):
    word = "Собака лает во дворе" if encoding == "cp1251" else "déjà vu au café"
    if name == "m.jsonl":
        text, line = f'{{"path": "a.wav"}}\n{{"path": "b.wav", "caption": "{word}"}}\n', 2
    else:
        text, line = f"path,caption\na.wav,x\nb.wav,{word}\n", 3
        text = text.replace(",", "\t") if name == "m.tsv" else text
    named = "WINDOWS-1251" if encoding == "cp1251" else "WINDOWS-1252"
    rule = rf"line {line}: a manifest must be UTF-8.*{word}.*in {named}.*iconv -f {named} -t UTF-8"
    with pytest.raises(ManifestError, match=rule):
        captions_of(folder, name, text.encode(encoding))


def test_single_bytes_that_are_no_utf_8_are_replaced_and_counted(folder):
    content = "path,caption\na.wav,café\nb.wav,".encode() + b"caf\xe9\n"
    captions, notes = captions_of(folder, "m.csv", content)
    assert captions == [["café"], ["caf�"]]
    assert notes == {"bytes or characters that are no Unicode text became �": 1}


def test_half_a_surrogate_in_json_is_replaced_and_counted(folder):
    content = '{"path": "a.wav", "caption": ["\\ud83d x", "y"], "label": "\\ude00"}\n'
    captions, notes = captions_of(folder, "m.jsonl", content)
    assert captions == [["� x", "y"]]
    assert notes == {"bytes or characters that are no Unicode text became �": 2}


def test_paths_that_no_file_can_have_are_missing(folder):
    path = folder / "m.jsonl"
    path.write_text('{"path": "\\ud83d.wav"}\n{"path": "a\\u0000.wav"}\n{"path": "a.wav"}\n')
    manifest = read_manifest(path)
    assert [media_id for media_id, _ in manifest.missing] == ["\\ud83d.wav", "a\0.wav"]
    assert len(manifest.clips) == 1


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("m.csv", "path,caption\na.wav\n", "line 2: a row must have one value for each.*1 values"),
        (
            "m.csv",
            "path,caption\n\na.wav,x,y\n",
            "line 3: a row must have one value.*3 values.*double quotes",
        ),
        ("m.tsv", "path\tcaption\na.wav\tx\ty\n", "line 2: a row must have one value.*A tab within a value"),
        ("m.csv", "path,caption\na.wav,x\0\n", "line 2: a table must be text.*NUL"),
        ("m.tsv", "path\r\rb\0\n", "line 3: a table must be text.*NUL"),
        ("m.jsonl", '{"path": "a.wav"}\n{"path": "\0"}', "line 2: a table must be text.*NUL"),
        ("m.jsonl", '{"path": "a.wav", "path": "b.wav"}', "line 1.*the key 'path' is there more than once"),
        ("m.jsonl", '{"path": "a.wav", "start": 1e999}', "line 1"),
        ("m.jsonl", '{"path": "a.wav", "start": ' + "9" * 400 + "}", "line 1"),
        ("m.jsonl", "[" * 100_000, "line 1.*deep"),
        ("m.jsonl", '{"path": "a.wav"} {"path": "b.wav"}', "line 1: is not JSON"),
        ("m.tsv", "path,caption\na.wav,x\n", "line 1: the columns of a manifest are.*'path,caption'"),
        ("m.tsv", '"path"\t"caption"\n"a.wav"\t"x"\n', "line 1.*A .tsv has no quoting: name the file .csv"),
        ("m.csv", "path,caption,caption\na.wav,x,y\n", "line 1.*'caption' is there more than once"),
        ("m.csv", "\n \n", "at least one row"),
    ],
)
def test_what_is_no_row_is_an_error_with_its_line(folder, name, content, message):
    with pytest.raises(ManifestError, match=message):
        captions_of(folder, name, content)


def test_empty_rows_and_columns_are_passed_over_and_counted(folder):
    captions, notes = captions_of(folder, "m.csv", "path,caption,,\na.wav,x,,\n,,,\n,,\nb.wav,y,\n\n")
    assert captions == [["x"], ["y"]] and notes == {"empty rows were passed over": 2}


def test_no_regular_file_is_no_manifest(tmp_path):
    import os

    os.mkfifo(tmp_path / "m.csv")
    with pytest.raises(ManifestError, match="can not be read.*FIFO"):
        read_manifest(tmp_path / "m.csv")
