"""Every JSON that is read, broken in every way: each reader says it in its own words, or starts anew and says
so; none hangs, recurses or crashes. `tests/test_rules.py` keeps new readers from going another way.
"""

import json
import os

import pytest

from vatt.convert import run_directory, safetensors_folder
from vatt.convert.input_facts import run_facts as run_input_facts
from vatt.convert.report import ConversionError
from vatt.data import set_description
from vatt.engines import cluster
from vatt.export import run_facts
from vatt.files.json_file import JsonError
from vatt.prepare import manifest, preparation_report, writer
from vatt.prepare.captions import reading
from vatt.prepare.layouts import annotations, json_stream
from vatt.prepare.plan import Shard
from vatt.prepare.unfinished import Unfinished
from vatt.report import columns, run_files
from vatt.search import layout
from vatt.tables import results
from vatt.train import checkpoint_folder, journal

DEEP = b"[" * 100_000
CONTENTS = {
    "nested lists": DEEP,
    "nested objects": b'{"a":' * 100_000,
    "cut short": b'{"step": 1, "schema_version": 1, "files": {"a',
    "no UTF-8": b'{"step": "\xff\xfe"}',
    "a number of 5,000 digits": b'{"step": ' + b"1" * 5000 + b"}",
    "a list": b"[1, 2]",
    "empty": b"",
    "of another file": b"root:x:0:0:root:/root:/bin/bash\n",
}
PLACES = ("a FIFO", "a folder", "a link to a device", "too large")


def put(path, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a link to a device":
        path.symlink_to("/dev/zero")
    elif kind == "too large":
        path.touch()
        os.truncate(path, 1 << 43)
    else:
        path.write_bytes(CONTENTS[kind])


# What names the file and a way out. Reader -> (file within the folder, call, its errors).
RAISE = {
    "dataset.json": ("dataset.json", set_description.read_description, set_description.UnreadableSet),
    "model.json": ("model.json", lambda d: run_directory.described(d / "model.json"), ConversionError),
    "inputs.json": ("inputs.json", run_input_facts, JsonError),
    "config.json": ("config.json", lambda d: safetensors_folder.SafetensorsFolder(d), ConversionError),
    "index.json": ("index.json", layout.read_facts, layout.BadIndexError),
    "annotations": (
        "a.json",
        lambda d: annotations.read_object(d / "a.json", "x"),
        annotations.AnnotationError,
    ),
    "annotations in a stream": (
        "a.json",
        lambda d: list(json_stream.read_members(d / "a.json")),
        annotations.AnnotationError,
    ),
    "manifest": ("m.jsonl", lambda d: manifest.read_manifest(d / "m.jsonl"), manifest.ManifestError),
    "transcript": ("t.json", lambda d: reading.read_captions(d / "t.json"), reading.CaptionError),
    "facts of a checkpoint": (
        "ckpt-3.json",
        lambda d: checkpoint_folder.CheckpointFolder(d).facts(3),
        JsonError,
    ),
    "evaluation in an export": (
        "evaluations/a.json",
        lambda d: _with_model(d, lambda: run_facts.read_run_facts(d, "w")),
        JsonError,
    ),
}


def _with_model(directory, read):
    (directory / "model.json").write_text("{}")
    return read()


@pytest.mark.parametrize("kind", [*CONTENTS, *PLACES])
@pytest.mark.parametrize("reader", RAISE)
def test_a_reader_names_the_file_and_a_way_out(reader, kind, tmp_path):
    name, read, error = RAISE[reader]
    put(tmp_path / name, kind)
    if (reader, kind) == ("transcript", "empty"):
        pytest.skip("an empty file has no captions, which its reader counts")
    with pytest.raises(error) as raised:
        read(tmp_path)
    text = str(raised.value)
    assert name.rpartition("/")[2] in text
    assert any(word in text for word in ("Received", "again", "--rebuild")) or reader == "transcript"
    assert len(text) < 1000 and "\x00" not in text


# What makes it again, or leaves it out and says so. Reader -> (file, call, what it gives).
START_ANEW = {
    "journal of a shard": (
        ".unfinished/s.json",
        lambda d: Unfinished(d).finished(Shard(file="s", split="train", clips=(0,), fingerprint="f")),
        None,
    ),
    "preparation.json": ("preparation.json", preparation_report.read_report, {}),
    "dataset.json before preparing": ("dataset.json", writer.defects, ["dataset.json is damaged"]),
    "metrics.json of a run": ("metrics.json", lambda d: journal.read_json(d / "metrics.json"), None),
    "metrics.json in tables": ("metrics.json", lambda d: results._read(d), None),
    "a checkpoint's summary": (
        "ckpt-3.json",
        lambda d: checkpoint_folder.CheckpointFolder(d).is_whole(3),
        False,
    ),
}


@pytest.mark.parametrize("kind", [*CONTENTS, *PLACES])
@pytest.mark.parametrize("reader", START_ANEW)
def test_a_reader_that_can_do_without_does(reader, kind, tmp_path):
    name, read, expected = START_ANEW[reader]
    put(tmp_path / name, kind)
    found = read(tmp_path)
    assert found == expected or (reader.startswith("metrics.json of") and kind == "a list")


@pytest.mark.parametrize("kind", CONTENTS)
def test_broken_lines_of_a_journal_are_left_out_and_counted(kind, tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"step": 1, "loss": 2.0}\n' + CONTENTS[kind] + b'\n{"step": 2, "loss": 1.0}\n')
    assert [line["step"] for line in journal.read_lines(path)] == [1, 2]
    read = columns.read_columns(path)
    assert (read.lines, read.torn) == (2, 0 if kind == "empty" else 1)


def test_a_line_without_end_is_not_held(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"step": 1}\n' + b"7" * (40 << 20) + b'\n{"step": 2}\n')
    assert [line["step"] for line in journal.read_lines(path)] == [1, 2]
    assert columns.read_columns(path).torn == 1


@pytest.mark.parametrize("kind", [*CONTENTS, *PLACES])
def test_a_report_of_a_run_says_what_it_could_not_read(kind, tmp_path):
    for name in ("metrics.json", "evaluations/a.json", "checkpoints/ckpt-3.json", "incidents.jsonl"):
        put(tmp_path / name, kind)
    run = run_files.read_run(tmp_path)
    assert run.metrics == {} and run.identity == {}
    assert all(evaluation.metrics == {} for evaluation in run.evaluations.values())
    assert any("metrics.json" in remark for remark in run.remarks) or kind in ("a list", "empty", "no UTF-8")


@pytest.mark.parametrize("kind", [kind for kind in CONTENTS if kind != "empty"])
def test_the_cluster_of_the_environment(kind, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", CONTENTS[kind].decode("latin-1"))
    if kind == "no UTF-8":
        monkeypatch.setenv("TF_CONFIG", '{"cluster": 3}')
    with pytest.raises(cluster.RunError, match="Received"):
        cluster.place()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "", "a/b", 7, None])
def test_a_set_names_files_beside_its_description_only(name, tmp_path):
    """`vatt doctor --repair` writes files of these names."""
    shard = {"file": "s.tfrecord", "records": 1, "bytes": 1}
    for place in ("shard", "words"):
        facts = {
            **{"schema_version": 1, "name": "n", "frame_rate_hz": 1, "audio_rate_hz": 1},
            "splits": {"train": {"shards": [shard | ({"file": name} if place == "shard" else {})]}},
            "vocabulary": {"file": name if place == "words" else "vocabulary.txt", "size": 2},
        }
        (tmp_path / "dataset.json").write_text(json.dumps(facts))
        with pytest.raises(set_description.UnreadableSet, match="name alone"):
            set_description.read_description(tmp_path)
        assert writer.defects(tmp_path) == ["dataset.json is damaged"]


def test_a_manifest_that_is_a_link_is_read_as_what_it_leads_to(tmp_path):
    """Its user has named it; what it leads to must be a manifest, as any file must."""
    (tmp_path / "m.csv").symlink_to("/etc/passwd")
    with pytest.raises(manifest.ManifestError, match=r"m\.csv, line 1: the columns of a manifest are"):
        manifest.read_manifest(tmp_path / "m.csv")
