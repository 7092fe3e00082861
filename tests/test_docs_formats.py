"""docs/formats.md against what the code writes: every key and file is in the document, and nothing else."""

import argparse
import ast
import json
import re

import numpy as np
import pytest

from tests.documents import ROOT, text_of
from tests.embed.embedding_files import make_folder
from tests.prepare.media_maker import beep, grey, make_media
from tests.test_main import TOY
from tests.toy_embedder import ToyEmbedder
from vatt import main as vatt_main
from vatt.data import parse
from vatt.embed.cli import embed_to_table
from vatt.embed.files import Options
from vatt.prepare import cli as prepare_cli
from vatt.prepare import manifest
from vatt.prepare.doctor import clip_record
from vatt.prepare.example_reader import parse as parse_example
from vatt.prepare.shard_reader import read_shard
from vatt.prepare.stored_audio import features
from vatt.search.build import build_index

DOCUMENT = text_of(ROOT / "docs" / "formats.md")


def table(heading):
    """First column -> the rest of the row, of the first table under a heading; names in one cell apart."""
    section = re.split(r"\n#+ ", DOCUMENT.split(f" {heading}\n", 1)[1], maxsplit=1)[0]
    found = {}
    for first, rest in re.findall(r"^\| (`.+?) \|(.*)\|$", section, re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", first), rest.strip())
    return found


def parts(cell):
    """The names that a cell lists before anything in brackets explains them."""
    return set(re.findall(r"`([a-z_0-9]+)`", re.sub(r"\([^)]*\)", "", cell)))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A set of two videos, one of which is none, with captions and labels."""
    folder = tmp_path_factory.mktemp("formats")
    films = folder / "films" / "walking"
    films.mkdir(parents=True)
    make_media(films / "one.mp4", pictures=grey(range(60, 100, 4)), sound=beep(1.0, at=0.3))
    (films / "one.txt").write_text("we cross the bridge\n")
    (films / "two.mp4").write_text("no film")
    parser = argparse.ArgumentParser()
    prepare_cli.add_arguments(parser)
    words = ["folder", str(folder / "films"), str(folder / "set"), "--labels", "folders", "--test_share", "0"]
    assert prepare_cli.main(parser.parse_args([*words, "--max_failures", "0.5", "--processes", "1"])) in (
        0,
        None,
    )
    return folder / "set"


def test_a_prepared_set_holds_the_files_that_are_listed(prepared):
    names = {re.sub(r"\d{5}", "NUMBER", path.name) for path in prepared.iterdir() if path.name[0] != "."}
    assert names == {re.sub(r"\d{5}", "NUMBER", name) for name in table("A prepared set")}


def test_dataset_json(prepared):
    content = json.loads((prepared / "dataset.json").read_text())
    assert set(content) == set(table("`dataset.json`"))
    assert set(content["made_by"]) == parts(table("`dataset.json`")["made_by"])
    (split,) = content["splits"].values()
    assert set(split) == set(table("A split"))
    assert set(split["clips_with"]) == parts(table("A split")["clips_with"])
    assert set(split["shards"][0]) == parts(table("A split")["shards"])


def test_preparation_json(prepared):
    content = json.loads((prepared / "preparation.json").read_text())
    known = table("`preparation.json`")
    assert set(content) == set(known)
    assert set(content["splits"]["train"]) == parts(known["splits"])
    assert set(content["failed"][0]) == parts(known["failed"])
    assert set(content["this_run"]) == parts(known["this_run"])


def test_a_record_has_the_keys_types_and_lengths_that_are_listed(prepared):
    (shard,) = prepared.glob("*.tfrecord")
    (stored,) = read_shard(shard)
    example = parse_example(stored.content)
    known = table("Written by `vatt prepare`")
    assert set(example.context) | set(example.frames) == set(known)
    assert set(example.frames) == {name for name, row in known.items() if row.startswith("feature list")}
    for name, values in example.context.items():
        kind = "float" if isinstance(values, np.ndarray) else {int: "int64", bytes: "bytes"}[type(values[0])]
        assert known[name].startswith(f"context, {kind} ["), name
        assert len(values) == 1 or "[1]" not in known[name], name


def test_audio_that_is_packed():
    held = features(np.ones((40, 2), np.int16), "flac", 48_000)
    assert held.keys() - {"WAVEFORM/num_channels"} == set(table("Packed audio"))


def test_whatever_a_reader_looks_for_is_listed():
    known = {**table("Written by `vatt prepare`"), **table("Also read")}
    looked_for = {*parse._CONTEXT, *parse._SEQUENCES, *clip_record._LABELS, *clip_record._LABEL_TEXTS}
    assert looked_for <= set(known)
    assert set(table("Also read")) <= looked_for


def test_the_columns_of_a_manifest():
    assert set(table("A manifest")) == set(manifest.COLUMNS)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "toy.gin").write_text(TOY)
    words = [f"--gin_file={folder / 'toy.gin'}", f'--gin.MODEL_DIR="{folder / "run"}"', "--gin.TRAIN_STEPS=4"]
    assert vatt_main.main(words) == 0
    return folder / "run"


def test_a_run_directory_holds_nothing_that_is_not_listed(run):
    known = table("A run directory")
    files = {name.split("/")[0] for name in known}
    assert {path.name for path in run.iterdir() if path.name[0] != "."} <= files
    assert {name for name in known if "/" not in name} <= files
    history, evaluation = known["evaluations/history.jsonl"], known["evaluations/NAME.json"]
    assert "`step`" in history
    (written,) = (run / "evaluations").glob("*.json")
    assert set(json.loads(written.read_text())) <= parts(evaluation)
    blocks = (run / "command.txt").read_text().strip().split("\n\n")
    assert {line.partition(":")[0] for line in blocks[0].splitlines()} == parts(known["command.txt"])


def assigned(path):
    """Keys that a module assigns to in the dictionaries `line` and `numbers`."""
    return {
        node.slice.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("line", "numbers")
        and isinstance(node.slice, ast.Constant)
    }


def test_the_journal(run):
    known = {re.sub(r"/.*", "/", name) for name in table("A line of `journal.jsonl`")}
    for text in (run / "journal.jsonl").read_text().splitlines():
        assert {re.sub(r"/.*", "/", name) for name in json.loads(text)} <= known
    sources = [*(ROOT / "vatt" / "train").rglob("*.py"), *(ROOT / "vatt" / "engines").rglob("*.py")]
    written = set().union(*(assigned(path) for path in sources if path.name != "relations.py"))
    assert written <= known and len(written) > 5


def test_a_checkpoint(run):
    known = table("`checkpoints/`")
    content = json.loads((run / "checkpoints" / "ckpt-4.json").read_text())
    assert set(content) == set(known)
    assert set(content["facts"]) == parts(known["facts"])


def test_what_a_model_takes():
    from tests.trained_run import CLIP
    from vatt.data.description import describe_inputs

    assert set(describe_inputs(CLIP, None)) == set(table("`inputs.json`"))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searched")
    make_folder(folder / "media")
    options = Options(processes=1)
    build_index(lambda path: ToyEmbedder(), "toy", folder / "media", folder / "index", options)
    embed_to_table(ToyEmbedder(), [folder / "media" / "red.mp4"], folder / "vectors.npz", options)
    return folder


def test_the_table_of_embeddings(searched):
    known = table("A table of `vatt embed`")
    with np.load(searched / "vectors.npz") as file:
        assert set(file.files) == set(known)
        assert set(json.loads(str(file["facts"]))) == parts(known["facts"].partition("JSON:")[2])
        for name in file.files:
            stated = known[name].partition(" |")[0]
            assert file[name].dtype.kind == "U" or stated.startswith(file[name].dtype.name), name
            assert file[name].ndim == (len(stated.partition("[")[2].split(",")) if "[" in stated else 0), name


def test_the_index(searched):
    known = table("An index")
    facts = json.loads((searched / "index" / "index.json").read_text())
    assert set(facts) == set(known)
    assert set(facts["model"]) == parts(known["model"])
    assert set(facts["files"][0]) == parts(known["files"].replace("(row)", "")) - {"root"}
    assert set(facts["failed"][0]) == parts(known["failed"])
    columns = {path.stem.replace(".", "/") for path in (searched / "index").glob("rows-*/*.npy")}
    assert columns == set(table("A table of `vatt embed`")) - {"files", "file_number", "facts"} | {"frames"}
