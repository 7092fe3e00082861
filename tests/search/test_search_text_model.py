"""An index that carries its text encoder answers sentences where neither TensorFlow nor Keras is."""

import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import vatt
from tests.documents import ROOT
from tests.prepare.media_maker import beep, grey, make_media
from tests.test_without_tensorflow import PROGRAM
from tests.trained_run import prepared, tiny_vatt, write_clips, write_run
from vatt import cli
from vatt.embed.files import Options
from vatt.embed.text_model import TextModel
from vatt.export.errors import ExportError
from vatt.search.build import build_index
from vatt.search.index import Index

OPTIONS = Options(processes=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """media/, run/, and index/ with the text encoder of the run."""
    folder = tmp_path_factory.mktemp("text_model")
    (folder / "media").mkdir()
    for number in range(2):
        frames = grey(range(20 + number, 200, 20))
        make_media(folder / f"media/{number}.mp4", pictures=frames, sound=beep(0.8, at=0.1))
    facts = prepared(write_clips(folder / "set")).info.input_facts
    write_run(folder / "run", tiny_vatt(), facts)
    build_index(vatt.load, folder / "run", folder / "media", folder / "index", OPTIONS, text_model=True)
    return folder


def test_sentences_become_the_vectors_of_the_model(folder):
    text_model, embedder = Index(folder / "index").text_model(), vatt.load(folder / "run")
    assert isinstance(text_model, TextModel) and text_model.fingerprint == embedder.fingerprint
    sentences = ["A red disc!", "the star", "blue " * 9]
    made, wanted = text_model.embed_text(sentences), embedder.embed_text(sentences)
    assert made.keys() == wanted.keys() == {"video_text"}
    assert np.abs(made["video_text"] - wanted["video_text"]).max() <= 1e-5
    with pytest.raises(ValueError, match="at least one of the .* words"):
        text_model.embed_text(["xylophone"])


def test_without_tensorflow(folder):
    (folder / "run").rename(folder / "gone")  # the model is somewhere else
    try:
        commands = [["search", str(folder / "index"), "a red disc", "--tsv"]]
        command = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    finally:
        (folder / "gone").rename(folder / "run")
    assert done.returncode == 0, done.stderr
    *table, statuses = done.stdout.splitlines()
    assert json.loads(statuses) == [0], done.stderr
    assert table[0].split("\t")[:3] == ["rank", "score", "file"]
    assert {line.split("\t")[2] for line in table[1:]} == {"0.mp4", "1.mp4"}


def test_it_is_of_the_model_that_the_index_is_of(folder, tmp_path):
    shutil.copytree(folder / "index", tmp_path / "index")
    write_run(
        tmp_path / "other", tiny_vatt(widths=(4, 3)), json.loads((folder / "run/inputs.json").read_text())
    )
    build_index(vatt.load, tmp_path / "other", folder / "media", tmp_path / "index", OPTIONS, rebuild=True)
    assert Index(tmp_path / "index").text_model() is None


def test_where_there_is_no_onnxruntime_it_is_said(folder, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "onnxruntime" else find(name)
    )
    assert cli.main(["search", str(folder / "index"), "a red disc"]) == 0
    assert "pip install onnxruntime" in capsys.readouterr().err


def test_other_tokenizers_are_refused(folder, tmp_path):
    def load(path):
        embedder = vatt.load(path)
        embedder.tokenizer.resources = None
        return embedder

    with pytest.raises(ExportError, match="plain word list"):
        build_index(load, folder / "run", folder / "media", tmp_path / "index", OPTIONS, text_model=True)
    assert not (tmp_path / "index" / "text_model").exists()
