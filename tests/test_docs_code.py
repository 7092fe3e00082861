"""Every Python block of the documents runs, with small stand-ins for the files and packages that it names.

The blocks of a document run in order and share their names, as a reader would type them. One that can not run
here says so in its first line, `# Not run by the tests: …`.
"""

import json
import re
import shutil
import sys
import types

import numpy as np
import pytest

import vatt
from tests.documents import DOCUMENTS, ROOT, WRITTEN, blocks, is_of_examples
from tests.prepare.media_maker import beep, grey, make_media
from tests.test_docs_formats import table as formats_table
from tests.trained_run import CLIP, prepared, tiny_vatt, write_clips, write_run
from vatt import config
from vatt.embed.files import Options
from vatt.embed.loading import open_trained
from vatt.export.exporting import export_model
from vatt.search.build import build_index

MARK = "# Not run by the tests: "
# A package that is not installed -> the test that runs its blocks with one of its own in its place.
ELSEWHERE = {"tensorflow_serving": "tests/export/test_export_serving.py"}
WITH_CODE = [path for path in WRITTEN if any(blocks(path, "python")) and not is_of_examples(path)]
DRAW = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the blocks name: videos, a prepared set, a run, a model file, an export."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("clip.mp4", "video.mp4", "query.mp4"):
        make_media(folder / name, pictures=grey(range(60, 100, 4)), sound=beep(1.0, at=0.3))
    facts = prepared(write_clips(folder / "RECORDS")).info.input_facts
    (folder / "runs").mkdir()
    run = write_run(folder / "runs" / "pretrain", tiny_vatt(drop_rate=0.0, dropout_rate=0.0), facts)
    shutil.copy(folder / "RECORDS" / "vocabulary.txt", run)
    export_model(open_trained(run), folder / "OUT", formats=("saved_model", "keras", "onnx"))
    for name in ("OUT.keras", "mbs.keras"):
        shutil.copy(folder / "OUT" / "model.keras", folder / name)
    (folder / "VIDEOS").mkdir()
    shutil.copy(folder / "video.mp4", folder / "VIDEOS")
    build_index(vatt.load, str(run), folder / "VIDEOS", folder / "INDEX", Options(processes=1))
    return folder


@pytest.fixture
def given(folder, monkeypatch):
    """Names that the blocks begin with, in the folder, with Kaggle's package in miniature."""
    monkeypatch.chdir(folder)
    kagglehub = types.ModuleType("kagglehub")
    kagglehub.login = lambda: None
    kagglehub.model_upload = lambda handle, directory, license_name, version_notes: None
    kagglehub.model_download = lambda handle: str(folder / "OUT" / "saved_model")
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub)
    return {
        "__name__": "document",
        "video": DRAW.uniform(-1, 1, (2, CLIP.frames, 16, 16, 3)).astype("float32"),
        "audio": DRAW.uniform(-1, 1, (2, CLIP.samples)).astype("float32"),
        "ids": np.array([[2, 3, 0, 0], [4, 0, 0, 0]], "int32"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.name)
def test_the_code_of_a_document_runs(path, given):
    for line, block in blocks(path, "python"):
        if block.startswith(MARK):
            assert block.removeprefix(MARK).partition("\n")[0].strip(), f"{path.name}:{line}: give the reason"
            continue
        elsewhere = [test for package, test in ELSEWHERE.items() if f"from {package}" in block]
        for test in elsewhere:
            assert f"docs/{path.name}" in (ROOT / test).read_text(encoding="utf-8")
        if not elsewhere:
            exec(compile("\n" * (line - 1) + block, str(path), "exec"), given)


@pytest.mark.slow
def test_the_model_card_has_the_keys_that_are_listed(folder):
    facts = json.loads((folder / "OUT" / "model_card.json").read_text(encoding="utf-8"))
    assert set(facts) == set(formats_table("An export"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_json_and_gin_are_of_their_grammar(path):
    for _, block in blocks(path, "json"):
        json.loads(block)
    for _, block in blocks(path, "gin"):
        assert config.as_written(block)


def test_blocks_of_code_name_their_language():
    """Python without its name would escape the test above."""
    python = re.compile(r"^(from \S+ import|import \S+ as|def|class) |^import \w+$", re.MULTILINE)
    for path in DOCUMENTS:
        for line, block in blocks(path, ""):
            assert not python.search(block), f"{path.name}:{line}"
