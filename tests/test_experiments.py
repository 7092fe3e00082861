"""The main job, as shipped, made tiny: it trains, checkpoints, evaluates, reports, resumes.

The runnable files that start from what it leaves are in test_experiments_downstream.py.
"""

import json
from pathlib import Path

import pytest

from vatt import main as vatt_main

ROOT = Path(__file__).parents[1]
PRETRAIN = ROOT / "experiments" / "pretrain.gin"
DIRECTIONS = [
    f"{query}_to_{answer}"
    for query in ("text", "audio", "video")
    for answer in ("text", "audio", "video")
    if query != answer
]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def run(gin_file, model_dir, data_dir, *more, overlay="tiny"):
    return vatt_main.main(
        [
            f"--gin_file={gin_file}",
            f"--gin_file={ROOT / 'experiments' / 'overlay' / overlay}.gin",
            f"--gin.MODEL_DIR='{model_dir}'",
            f"--gin.DATA_DIR='{data_dir}'",
            *more,
        ]
    )


def test_a_dry_run_builds_everything_and_writes_nothing(tmp_path, data_dir, capsys):
    assert run(PRETRAIN, tmp_path / "run", data_dir, "--dry_run") == 0
    assert "trainable weights" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_main_job_from_corpus_to_report_and_again(tmp_path, data_dir, capsys):
    directory = tmp_path / "run"
    assert run(PRETRAIN, directory, data_dir) == 0
    metrics = json.loads((directory / "metrics.json").read_text())
    for direction in DIRECTIONS:
        for rule in ("retrieval_demo", "retrieval_demo/exact_clip"):
            assert 0 <= metrics[f"{rule}/{direction}/recall_at_5"] <= 1
            assert 0 < metrics[f"{rule}/{direction}/chance_recall_at_5"] < 0.2
            assert metrics[f"{rule}/{direction}/median_rank"] >= 1
    steps = [json.loads(line)["step"] for line in (directory / "journal.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)) and steps[-1] == 4
    for name in (
        "config.gin",
        "operative.gin",
        "command.txt",
        "vocabulary.txt",
        "model.json",
        "inputs.json",
        "report.html",
    ):
        assert (directory / name).stat().st_size > 0, name
    assert (directory / "checkpoints" / "ckpt-4.index").is_file()
    page = (directory / "report.html").read_text()
    assert "data:image/jpeg;base64," in page and "http://" not in page.replace("http://www.w3.org", "")

    capsys.readouterr()
    assert run(PRETRAIN, directory, data_dir) == 0
    assert "finished" in capsys.readouterr().err
    assert run(PRETRAIN, directory, data_dir, "--gin.SEED=1") == 2
    assert "SEED" in capsys.readouterr().err


@pytest.mark.slow
def test_the_recorded_configuration_is_a_run_of_its_own(tmp_path, data_dir):
    assert run(PRETRAIN, tmp_path / "first", data_dir, "--gin.TRAIN_STEPS=1", "--gin.CHECKPOINT_EVERY=1") == 0
    recorded = tmp_path / "first" / "config.gin"
    assert vatt_main.main([f"--gin_file={recorded}", f"--gin.MODEL_DIR='{tmp_path / 'second'}'"]) == 0
    first, second = (json.loads((tmp_path / d / "metrics.json").read_text()) for d in ("first", "second"))
    assert first == second  # the same seed on the same machine, to the last bit


@pytest.mark.slow
@pytest.mark.parametrize("other", ["audio", "text"])
def test_video_and_one_more_modality_pre_train(tmp_path, data_dir, other):
    flags = [f"--gin.ClipSpec.modalities=('video', '{other}')", "--gin.TRAIN_STEPS=2"]
    assert run(PRETRAIN, tmp_path / "run", data_dir, *flags) == 0
    line = json.loads((tmp_path / "run" / "journal.jsonl").read_text().splitlines()[-1])
    (part,) = (name for name in line if name.startswith("loss/"))
    assert part == f"loss/video_{other}" and line["loss"] == line[part] > 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    directions = {name.split("/")[1] for name in metrics if "/" in name and "_to_" in name.split("/")[1]}
    assert directions == {f"video_to_{other}", f"{other}_to_video"}


def test_audio_and_text_alone_are_refused_before_a_step(tmp_path, data_dir, capsys):
    flags = ["--gin.ClipSpec.modalities=('audio', 'text')", "--dry_run"]
    assert run(PRETRAIN, tmp_path / "run", data_dir, *flags) == 2
    assert "must have a pair to compare" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_accumulating_a_contrastive_loss_is_refused(tmp_path, data_dir, capsys):
    assert (
        run(
            PRETRAIN,
            tmp_path / "run",
            data_dir,
            "--gin.Execution.gradients=@Accumulated()",
            "--gin.Accumulated.parts=2",
            "--dry_run",
        )
        == 2
    )
    assert "Set `Execution.gradients = @Cached()`" in capsys.readouterr().err
