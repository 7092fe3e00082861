"""Folders that are written to may hold links that somebody has planted: no command follows one of them."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import vatt
from tests.embed.embedding_files import run
from tests.planted_links import assert_nothing_is_followed
from tests.prepare.media_maker import grey, make_media
from tests.toy_embedder import ToyEmbedder, colour
from tests.toy_run import TOY
from vatt import main
from vatt.convert import checkpoint, cli, safetensors_folder
from vatt.demo import corpus
from vatt.embed import cli as embed_cli
from vatt.embed.files import Options
from vatt.engines.tensorflow.state import State
from vatt.errors import RunError
from vatt.evals import features
from vatt.evals.outputs import ClipOutputs
from vatt.prepare.doctor import cli as doctor_cli
from vatt.prepare.errors import PreparationError
from vatt.prepare.job import Running
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.media import MediaOptions
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.record import Clip, RecordOptions
from vatt.report.document import write_whole
from vatt.search.build import build_index
from vatt.train.bad_batch import write_batch
from vatt.train.checkpoint_folder import CheckpointFolder
from vatt.train.evaluation import Evaluations
from vatt.train.journal import Journal, note_incident

OPTIONS = RecordOptions(media=MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=16, audio_rate_hz=8_000))
REFUSALS = (OSError, ValueError, PreparationError, RunError)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    make_media(folder / "a.mp4", pictures=colour("red", 4))
    make_media(folder / "grey.mp4", pictures=grey([60] * 4))
    return folder


def test_prepare(media, tmp_path):
    clip = Clip(
        media=str(media / "grey.mp4"), media_id="m", split="train", group="g", captions=((0, 1, "a"),)
    )

    def job(root):
        prepare_clips(Plan(name="x", clips=(clip,)), root, options=OPTIONS, running=Running(processes=1))

    assert_nothing_is_followed(job, tmp_path, 8, REFUSALS)


@pytest.mark.slow
def test_the_demo_corpus(tmp_path):
    def job(root):
        corpus.demo_corpus(data_dir=str(root), clips=1, heldout_clips_per_combination=0, processes=1)

    assert_nothing_is_followed(job, tmp_path, 10, REFUSALS)


def test_doctor(media, tmp_path):
    clip = Clip(media=str(media / "grey.mp4"), media_id="m", split="train", group="g")
    plan = Plan(name="x", clips=(clip,))
    prepare_clips(plan, tmp_path / "set", options=OPTIONS, running=Running(processes=1))

    def job(root):
        out = ("--html", root / "page.html", "--repair", root / "copy")
        run(doctor_cli, tmp_path / "set", "--processes", 1, *out)

    assert_nothing_is_followed(job, tmp_path, 5)


def test_embed(media, tmp_path, monkeypatch):
    monkeypatch.setattr(vatt, "load", lambda path: ToyEmbedder())

    def job(root):
        run(
            embed_cli,
            media / "a.mp4",
            "--model",
            "toy",
            "--out",
            root / "table.npz",
            "--processes",
            1,
            "--overwrite",
        )

    assert_nothing_is_followed(job, tmp_path, 4)


@pytest.mark.parametrize("rebuild", [False, True])
def test_index(media, tmp_path, rebuild):
    def job(root):
        build_index(lambda _: ToyEmbedder(), "toy", media, root, Options(processes=1), rebuild=rebuild)

    assert_nothing_is_followed(job, tmp_path, 5)


def test_an_index_that_is_brought_up_to_date(media, tmp_path):
    """The links come to an index that is there already, with a file that changed since."""
    folder = shutil.copytree(media, tmp_path / "media")
    build_index(lambda _: ToyEmbedder(), "toy", folder, tmp_path / "made", Options(processes=1))
    shutil.copyfile(folder / "grey.mp4", folder / "a.mp4")

    def begin(root):
        shutil.copytree(tmp_path / "made", root, dirs_exist_ok=True)

    def job(root):
        build_index(lambda _: ToyEmbedder(), "toy", folder, root, Options(processes=1))

    assert_nothing_is_followed(job, tmp_path, 5, begin=begin)


def test_pages(tmp_path):
    assert_nothing_is_followed(lambda root: write_whole("<p>", root / "report.html"), tmp_path, 1)


def test_what_training_writes(tmp_path):
    class Measured:
        name = "measured"

        def evaluate(self, model):
            return {"number": 1.0}

    def job(root):
        checkpoints = CheckpointFolder(root / "checkpoints", keep=1)
        for step in (1, 2):
            checkpoints.save(
                step, State(model=tf.train.Checkpoint(value=tf.Variable(float(step)))).snapshot()
            )
        (root / "checkpoints" / "ckpt-2.index").unlink()  # damaged
        checkpoints.newest()
        journal = Journal(root, 0)
        journal.write({"step": 1, "loss": 1.0})
        with journal.events.summary(1):
            journal.events.write_histogram("x", np.zeros(3))
        journal.close()
        Evaluations(root, [Measured()]).run(None, 1)
        note_incident(root, 1, "kind", "sentence")
        write_batch(root / "bad_batches", {"example_index": np.arange(2), "x": np.ones((2, 3))}, step=1)

    assert_nothing_is_followed(job, tmp_path, 14, REFUSALS)


def test_what_conversions_write(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

    def job(root):
        cli.save_model(model, root / "model.keras", {"clip": None})
        checkpoint.write_checkpoint({"a/b": np.zeros(3, np.float32)}, root / "ckpt-1")
        safetensors_folder.write_folder(root, {"a": np.zeros(3, np.float32)}, {"b": 1})

    assert_nothing_is_followed(job, tmp_path, 5)


def test_features(tmp_path):
    made = ClipOutputs(
        rows=np.zeros((1, 2)),
        owners=np.zeros(1, int),
        labels=np.zeros(1, int),
        clip_ids=("a",),
        left_out=0,
        views=1,
    )
    assert_nothing_is_followed(lambda root: features._write(root / "entry", made, {}), tmp_path, 1)


@pytest.mark.slow
def test_a_training_run(tmp_path):

    (tmp_path / "toy.gin").write_text(TOY)

    def job(root):
        main.main([f"--gin_file={tmp_path / 'toy.gin'}", f"--gin.MODEL_DIR={json.dumps(str(root))}"])

    assert_nothing_is_followed(job, tmp_path, 15, REFUSALS)
