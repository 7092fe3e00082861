"""Fault 20, and two trainers on one directory: what does not belong together is refused."""

import os
import shutil
import signal

import pytest

from tests import toys
from vatt import main


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.mark.parametrize(
    ("flag", "key"),
    [
        ("--gin.BATCH_SIZE=8", "BATCH_SIZE"),
        ("--gin.ToyModel.width=9", "ToyModel.width"),
        ('--gin.ToyData.name="others"', "ToyData.name"),
        ("--gin.SEED=1", "SEED"),
    ],
)
def test_fault_20_another_configuration_is_refused_with_what_differs(copy, train, capsys, flag, key):
    assert train(copy, "--gin.TRAIN_STEPS=22", flag) == 2
    told = capsys.readouterr().err
    assert f"+{key} = {flag.partition('=')[2]}".replace('"', "'") in told
    assert "+TRAIN_STEPS = 22" in told and "--overwrite_config" in told


def test_fault_20_another_model_is_refused_even_then(copy, train, capsys):
    flags = ("--gin.TRAIN_STEPS=22", "--gin.ToyModel.width=9", "--overwrite_config")
    assert train(copy, *flags) == 2
    assert "does not fit" in capsys.readouterr().err


def test_a_gin_file_that_was_changed_between_runs(copy, toy, tmp_path, capsys):
    changed = tmp_path / "toy.gin"
    changed.write_text(toy.read_text().replace("peak = 1e-2", "peak = 2e-2  # a second thought"))
    flags = [f"--gin_file={changed}", f'--gin.MODEL_DIR="{copy}"']
    before = (copy / "config.gin").read_text()
    assert main.main(flags) == 2
    told = capsys.readouterr().err
    assert "-warmup_quarter_cosine.peak = 0.01" in told and "+warmup_quarter_cosine.peak = 0.02" in told
    assert (copy / "config.gin").read_text() == before


class Words:
    def __init__(self, *words):
        self.words = list(words)


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("fingerprint", "one", "two", "data: one -> two"),
        ("tokenizer", Words("a", "b"), Words("a", "c", "d"), "vocabulary: 2 words, "),
    ],
)
def test_fault_20_other_data_behind_the_same_path(
    train, tmp_path, monkeypatch, capsys, name, before, after, told
):
    flags = ("--gin.TRAIN_STEPS=4", "--gin.CHECKPOINT_EVERY=2")
    monkeypatch.setattr(toys.ToyData, "facts", {name: before})
    assert train(tmp_path / "run", *flags) == 0
    (tmp_path / "run" / "metrics.json").unlink()  # so that there is something left to do
    monkeypatch.setattr(toys.ToyData, "facts", {name: after})
    assert train(tmp_path / "run", *flags) == 2
    assert told in capsys.readouterr().err
    assert train(tmp_path / "run", *flags, "--overwrite_config") == 0


@pytest.mark.slow
def test_two_trainers_on_one_directory(start, train, finished, assert_equal, tmp_path, capsys):
    directory = tmp_path / "run"
    first = start(directory, signal=signal.SIGSTOP, at=7)
    try:
        happened = os.waitid(os.P_PID, first.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert happened.si_code == os.CLD_STOPPED
        assert train(directory) == 2
        assert "One run at a time" in capsys.readouterr().err
    finally:
        first.send_signal(signal.SIGCONT)
    told, _ = first.communicate(timeout=240)
    assert first.returncode == 0, told
    assert_equal(finished, directory)
