"""Results of made-up run directories next to the paper's figures."""

import argparse
import json

import pytest

from vatt.tables import cli
from vatt.tables.results import read_results

CARD = {"weights": "0123456789abcdef", "data": {"dataset": "kinetics400"}}


def make_run(directory, files, *, numbers=None, flags="", checkpoint=None):
    """A run directory as `train` or `measure` leaves it."""
    (directory / "evaluations").mkdir(parents=True)
    given = " ".join(f"--gin_file=experiments/{name}.gin" for name in files)
    (directory / "command.txt").write_text(f"command: python -m vatt.main {given} {flags}\nstarted: now\n")
    (directory / "config.gin").write_text(f"CHECKPOINT = '{checkpoint}'\n" if checkpoint else "SEED = 0\n")
    if numbers:
        (directory / "metrics.json").write_text(json.dumps({"step": 7, **numbers}))
        evaluation = {"step": 7, "metrics": numbers, "artifact": {"protocol": CARD}}
        (directory / "evaluations" / "actions.json").write_text(json.dumps(evaluation))
    return directory


@pytest.fixture
def runs(tmp_path):
    paper = make_run(tmp_path / "paper", ["pretrain", "overlay/paper"])
    make_run(
        tmp_path / "k400",
        ["finetune_kinetics400"],
        numbers={"actions/top_1": 0.8, "actions/top_5": 0.9},
        flags="'--gin.DATA_DIR=\"x\"' --gin.BATCH_SIZE=32",
        checkpoint=f"{paper}/checkpoints/ckpt-500",
    )
    make_run(
        tmp_path / "dropped",
        ["finetune_kinetics400", "overlay/drop_token_50"],
        numbers={"actions/top_1": 0.7},
        checkpoint=paper,
    )
    (tmp_path / "no_run").mkdir()
    (tmp_path / "no_run" / "metrics.json").write_text("{")
    return tmp_path


def described(runs, capsys, *flags):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.main(parser.parse_args([str(runs), *flags])) == 0
    return capsys.readouterr().out


def test_a_run_counts_for_the_row_of_its_own_files_and_pre_training(runs, capsys):
    cells = json.loads(described(runs, capsys, "--paper", "--json"))
    ours = {(each["table"], each["row"]): each for each in cells if each["ours"] is not None}
    assert set(ours) == {("1", "Medium"), ("6", "32 × 320², DropToken 50 %")}
    medium = ours["1", "Medium"]
    assert medium["protocol"] == CARD and medium["step"] == 7 and medium["changed"] == ["BATCH_SIZE=32"]
    assert [each["ours"] for each in cells if each["row"] == "Medium" and each["ours"]] == [80.0, 90.0]


@pytest.mark.parametrize(
    "card",
    [
        {"data": {"subset": {"choice": "available", "of": "kinetics400"}}},
        {"data": {}, "train_data": {"subset": {"choice": "available", "of": "kinetics400"}}},
        {"mean_over": {"split_1": {"data": {"subset": {"choice": "available", "of": "kinetics400"}}}}},
    ],
)
def test_a_run_on_a_part_of_a_set_does_not_stand_beside_the_papers_figure(runs, capsys, card):
    for file in runs.rglob("evaluations/actions.json"):
        file.write_text(json.dumps({"step": 7, "artifact": {"protocol": card}}))
    cells = json.loads(described(runs, capsys, "--paper", "--json"))
    assert not [each for each in cells if each["ours"] is not None]


def test_the_lists_for_people(runs, capsys):
    text = described(runs, capsys)
    assert "finetune_kinetics400" in text and "retrieve_howto100m" in text and "pretrain" in text
    text = described(runs, capsys, "--paper")
    assert "Table 6: " in text and "79.6" in text and "BATCH_SIZE=32" in text


def test_what_is_no_run_is_said(runs, capsys):
    read_results([runs])
    assert f"1 of 3 files are not as a run writes them, and left out; first {runs}" in capsys.readouterr().err


def test_the_newest_run_comes_first(runs):
    assert {result.directory.name for result in read_results([runs])} == {"k400", "dropped"}


def test_a_place_that_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="read from run directories. Received: .*nowhere"):
        read_results([tmp_path / "nowhere"])
