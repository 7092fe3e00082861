"""benchmarks/demo_tables.py: objectives, and one choice at a time: flags of the runs, rows, differences."""

import importlib
import sys
from pathlib import Path

import pytest

from vatt import config
from vatt.config.text import config_text

ROOT = Path(__file__).parents[1]
KEYS = ("text_to_video", "audio_to_video", "text_to_audio")


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield importlib.import_module("demo_tables")
    for name in ("demo_tables", "from_gin"):
        sys.modules.pop(name, None)


def test_every_choice_is_a_configuration_that_differs(tables):
    read = {}
    for label, flags in tables.CHOICES.items():
        files = [flag.removeprefix("--gin_file=") for flag in flags if flag.startswith("--gin_file=")]
        bindings = [flag.removeprefix("--gin.") for flag in flags if flag.startswith("--gin.")]
        assert len(files) + len(bindings) == len(flags)
        config.load(["experiments/pretrain.gin", *files], bindings)  # refuses what is misspelt or not used
        read[label] = config_text()
    assert len(set(read.values())) == len(read)


def test_a_row_has_its_seeds_and_differs_from_the_same_seeds(tables, monkeypatch, tmp_path, capsys):
    found = {"as_it_is": (0.5, 0.6), "Muon": (0.6, 0.62)}
    asked = []

    def numbers(self, name, files, *flags):
        asked.append((name, files, flags))
        _, choice, seed = name.split("/")
        return {f"retrieval_demo/{key}/recall_at_1": found[choice][int(seed[-1])] for key in KEYS}

    monkeypatch.setattr(tables.Runs, "numbers", numbers)
    runs = tables.Runs(out=tmp_path, data_dir="", main_job=None, steps=450)
    tables.choices(runs, [0, 1], ["as it is", "Muon"])
    *_, first, second = capsys.readouterr().out.splitlines()
    assert first == "| as it is | 50.0 / 60.0 % | 50.0 / 60.0 % | 50.0 / 60.0 % |"
    # 10 and 2 points: 6 ± 12.706 · 5.657 / √2
    assert second.startswith("| Muon | 60.0 / 62.0 %; +6.0, -44.8 to 56.8 | ")
    name, files, flags = asked[-1]
    assert name == "choices/Muon/seed1" and files == ["pretrain"]
    assert {"--gin.Trainer.optimizer=@muon()", "--gin.TRAIN_STEPS=450", "--gin.SEED=1"} <= set(flags)


def test_larger_batches_have_as_many_clips(tables, monkeypatch, tmp_path):
    asked = []

    def numbers(self, name, files, *flags):
        asked.extend(flags)
        return {f"retrieval_demo/{key}/recall_at_1": 0.5 for key in KEYS}

    monkeypatch.setattr(tables.Runs, "numbers", numbers)
    runs = tables.Runs(out=tmp_path, data_dir="", main_job=None, steps=450)
    tables.choices(runs, [0], ["batches of 64, half the steps"])
    assert [flag for flag in asked if "STEPS" in flag] == ["--gin.TRAIN_STEPS=450", "--gin.TRAIN_STEPS=225"]


def test_one_seed_has_no_interval(tables):
    assert tables.difference([-2.5]) == "-2.5"


def test_batches_of_8_have_four_times_the_steps_and_other_objectives_are_left(tables, monkeypatch, tmp_path):
    asked = []

    def numbers(self, name, files, *flags):
        asked.append((name, *flags))
        return {key: 0.25 for _, key in tables.COLUMNS}

    monkeypatch.setattr(tables.Runs, "numbers", numbers)
    runs = tables.Runs(out=tmp_path, data_dir="", main_job=None, steps=450)
    tables.objectives(runs, [2], ["without negatives, batches of 8"])
    assert asked == [("sigreg/seed2", "--gin.SEED=2", "--gin.TRAIN_STEPS=1800")]
