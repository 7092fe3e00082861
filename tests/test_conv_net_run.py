"""What is done with a VATT is done with a run of ConvNets: by the command line, from one run in miniature."""

import csv
import json
import math

import pytest

from tests.embed.embedding_files import run
from tests.miniature_runs import OVERLAYS, TINY, Miniatures, gin_file, start
from tests.prepare.media_maker import make_media
from tests.toy_embedder import colour, tone
from vatt.search import cli, index_cli

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def miniatures(tmp_path_factory):
    return Miniatures(tmp_path_factory.mktemp("conv_nets"), overlays=["convnet_small"])


def numbers_of(name, miniatures, *, label="", **flags):
    """metrics.json of an experiment that starts from the run."""
    directory = miniatures.folder / f"{name}{label}"
    flags = miniatures.flags(name) | {"MODEL_DIR": f"'{directory}'"} | flags
    assert start([gin_file(name), TINY], flags) == 0
    found = json.loads((directory / "metrics.json").read_text())
    assert all(math.isfinite(value) for value in found.values() if value is not None)
    return found


def test_its_model_holds_conv_nets(miniatures):
    described = (miniatures.pretrained / "model.json").read_text()
    assert "I3D" in described and "ResNet" in described and "TransformerEncoder" not in described


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_probes_of_its_features(miniatures, modality):
    found = numbers_of("probe_demo", miniatures, label=modality, MODALITY=f"'{modality}'")
    assert {"linear/top_1", "svm/top_1", "knn/top_1"} <= set(found)


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_fine_tuning_and_the_classifier_as_it_is(miniatures, modality):
    found = numbers_of("finetune_demo", miniatures, label=modality, MODALITY=f"'{modality}'")
    assert found["step"] == 2 and 0 <= found["demo/top_1"] <= 1
    flags = {"MODEL_DIR": f"'{miniatures.folder / f'again_{modality}'}'", "MODALITY": f"'{modality}'"}
    flags["DATA_DIR"] = f"'{miniatures.folder / 'demo'}'"
    flags["CHECKPOINT"] = f"'{miniatures.folder / f'finetune_demo{modality}'}'"
    assert start([gin_file("finetune_demo"), OVERLAYS / "as_it_is.gin", TINY], flags) == 0
    again = json.loads((miniatures.folder / f"again_{modality}" / "metrics.json").read_text())
    assert again["demo/top_1"] == found["demo/top_1"]


def test_the_map_of_its_features(miniatures):
    numbers_of("analyse_features", miniatures)
    pages = list((miniatures.folder / "analyse_features").rglob("*.html"))
    assert pages and all(page.stat().st_size for page in pages)


@pytest.mark.parametrize("name", ["analyse_spaces", "analyse_embeddings"])
def test_analyses_of_tokens_are_refused_with_a_way_out(miniatures, capsys, name):
    flags = miniatures.flags(name) | {"MODEL_DIR": f"'{miniatures.folder / name}'"}
    assert start([gin_file(name), TINY], flags) == 2
    told = capsys.readouterr().err
    assert "ConvNets for video, audio, text, which have neither tokens nor attention" in told


@pytest.mark.parametrize(("format_", "file"), [("saved_model", "saved_model"), ("keras", "model.keras")])
def test_its_export_computes_the_same(miniatures, format_, file):
    directory = miniatures.folder / f"export_{format_}"
    flags = {"MODEL_DIR": f"'{directory}'", "CHECKPOINT": f"'{miniatures.pretrained}'"}
    flags["Export.formats"] = f"['{format_}']"
    assert start([gin_file("export_demo"), TINY], flags) == 0
    card = json.loads((directory / "export" / "model_card.json").read_text())
    assert card["formats"][file] < 1e-5  # largest difference of an embedding


def test_search_by_words_video_and_audio(miniatures, tmp_path, capsys):
    media = tmp_path / "media"
    media.mkdir()
    for name in ("red", "green", "blue"):
        make_media(media / f"{name}.mkv", pictures=colour(name, 40), sound=tone(name, 4.0))
    index = tmp_path / "index"
    assert run(index_cli, media, index, "--model", miniatures.pretrained, "--processes", 1) == 0
    for query in (
        ["red disc"],
        ["--video", media / "green.mkv"],
        ["--audio", media / "blue.mkv", "--by", "audio"],
    ):
        capsys.readouterr()
        assert run(cli, index, *query, "--tsv", "--one_per_file") == 0
        rows = list(csv.DictReader(capsys.readouterr().out.splitlines(), delimiter="\t"))
        assert {row["file"] for row in rows} == {"red.mkv", "green.mkv", "blue.mkv"}
    assert rows[0]["file"] == "blue.mkv" and float(rows[0]["score"]) > 0.999  # exactly that file
