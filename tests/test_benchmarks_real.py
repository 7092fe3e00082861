"""What benchmarks/real.py makes of sets and of runs: the video's manifest, flags of runs, rows of tables."""

import csv
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def real(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import real

    yield real
    for name in ("real", "conv_nets", "demo_tables", "from_gin"):
        sys.modules.pop(name, None)


@pytest.fixture
def started(real, monkeypatch):
    """(name, gin files, flags) of every run that was asked for; each finds 75 %."""
    runs = []

    def numbers(self, name, files, *flags):
        runs.append((name, tuple(files), flags))
        return {"esc50/top_1": 0.75, "svm/top_1": 0.75}

    monkeypatch.setattr(real.Runs, "numbers", numbers)
    return runs


def test_the_film_is_trained_on_before_it_is_tested_on(real, tmp_path):
    with real.film_table(Path("/films/bbb.mp4"), tmp_path / "film.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    spans = {split: [row for row in rows if row["split"] == split] for split in ("train", "test")}
    assert len(spans["train"]) == 38 and len(spans["test"]) == 34
    ends = [(float(row["start"]), float(row["end"])) for row in rows]
    assert all(end == pytest.approx(start) for (_, end), (start, _) in zip(ends, ends[1:]))
    assert float(spans["test"][0]["start"]) == 380 and ends[-1][1] <= 490


def test_one_seed_has_the_interval_of_its_queries_and_several_their_own(real):
    assert real.interval([0.5], 80) == "50.0 %, 39.3 to 60.7"  # Wilson's, by hand
    assert real.interval([0.5, 0.6, 0.7], 80).startswith("50.0 / 60.0 / 70.0 %, 60.0, 35.2 to 84.8")


def test_rows_of_esc_10_start_from_what_they_say(real, started, tmp_path):
    made = real.Real(out=tmp_path, seeds=[3], steps=None)
    folds = {2: tmp_path / "esc10-2", 4: tmp_path / "esc10-4"}
    for row in ("scratch", "film", "probe of random", "probe of stamps"):
        assert made.esc10(folds, row, 3) == [0.75, 0.75]
    files = [files for _, files, _ in started]
    assert files[0] == ("finetune_esc50", "overlay/small_waveform") and files[2] == ("finetune_esc50",)
    assert files[4] == ("probe_esc50", "overlay/random_weights") and files[6] == ("probe_esc50",)
    starts = [[flag for flag in flags if "CHECKPOINT" in flag] for _, _, flags in started]
    assert starts[0] == [] and "film/seed3" in starts[2][0]
    assert starts[4] == starts[6] == [f"--gin.CHECKPOINT='{tmp_path / 'stamps/ours/seed3'}'"]
    assert [name for name, _, _ in started[:2]] == ["esc10/scratch/fold2-seed3", "esc10/scratch/fold4-seed3"]


def test_every_run_is_of_gin_files_that_are_there(real):
    for files in (*real.RECIPES.values(), real.FILM):
        named = [file for file in files if not file.startswith("--")]
        assert named and all((ROOT / "experiments" / f"{file}.gin").is_file() for file in named)


def test_the_linear_maps_keep_the_optimizer_they_were_measured_with(real, started, tmp_path):
    (tmp_path / "vocabulary.txt").write_text("a\n" * 300)
    real.Real(out=tmp_path, seeds=[2], steps=5).pretrained("run", real.RECIPES["linear maps"], tmp_path, 2)
    ((name, files, flags),) = started
    assert (name, files[-1]) == ("run/seed2", "overlay/linear_tokens")
    assert {"--gin.Trainer.optimizer=@adam()", "--gin.VOCABULARY_SIZE=300", "--gin.TRAIN_STEPS=5"} <= {*flags}


def test_a_table_has_a_row_for_each_direction_that_was_measured(real, tmp_path, capsys):
    at = "renderings/text_to_video"
    numbers = {f"{at}/{key}": value for key, value in {"recall_at_1": 0.25, "recall_at_5": 0.5}.items()}
    numbers |= {f"{at}/chance_recall_at_5": 0.05, f"{at}/queries": 100.0}
    made = real.Real(out=tmp_path, seeds=[0], steps=None)
    made.print_retrieval("Stamps", {"ours": [numbers]}, "renderings")
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ours")]
    assert rows == ["| ours | text → video | 25.0 %, 17.5 to 34.3 | 50.0 %, 40.4 to 59.6 | 5.0 % | 100 |"]
