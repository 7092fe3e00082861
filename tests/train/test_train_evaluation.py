"""Evaluations: files per evaluator, flat numbers, and when they count as done."""

import json

import pytest

from vatt.errors import RunError
from vatt.train.evaluation import Evaluations, EvaluatorError


class Constant:
    def __init__(self, name, key="value"):
        self.name, self.key = name, key

    def evaluate(self, model):
        return {f"{self.key}/{model}": 0.5}


def test_numbers_are_kept_flat_and_per_evaluator(tmp_path):
    evaluations = Evaluations(tmp_path, [Constant("a", "a"), Constant("b", "b")])
    assert not evaluations.are_done(3)
    assert evaluations.run("x", 3) == {"a/x": 0.5, "b/x": 0.5}
    assert evaluations.are_done(3)
    assert not evaluations.are_done(4)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"step": 3, "a/x": 0.5, "b/x": 0.5}
    evaluations.run("x", 6)
    evaluations.cut_back(4)
    history = (tmp_path / "evaluations" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in history] == [3]


@pytest.mark.parametrize("columns", ["20", "80", "200"])
def test_a_table_keeps_every_figure_whatever_the_width(tmp_path, monkeypatch, capsys, columns):
    class Wide(Constant):
        def table(self):
            return (
                "figures",
                ["direction", *(f"R@{k}" for k in range(8))],
                [["a → b", *["100.0 (13.9)"] * 8]],
            )

    monkeypatch.setenv("COLUMNS", columns)
    Evaluations(tmp_path, [Wide("a")]).print_tables()
    printed = capsys.readouterr().out
    assert printed.count("100.0 (13.9)") == 8 and "R@7" in printed and "…" not in printed


def test_names_must_differ(tmp_path):
    with pytest.raises(ValueError, match="different names"):
        Evaluations(tmp_path, [Constant("a"), Constant("a")])
    with pytest.raises(RunError, match="value/x"):
        Evaluations(tmp_path, [Constant("a"), Constant("b")]).run("x", 1)


def test_a_job_without_evaluators_is_done_too(tmp_path):
    evaluations = Evaluations(tmp_path, [])
    evaluations.run("x", 1)
    assert evaluations.are_done(1)


def test_scores_of_a_number_and_the_closest_where_there_is_none(tmp_path):
    evaluations = Evaluations(tmp_path, [Constant("a", "a")])
    assert evaluations.scores("a/x") == {}
    evaluations.run("x", 3)
    evaluations.run("x", 6)
    assert evaluations.scores("a/x") == {3: 0.5, 6: 0.5}
    assert evaluations.scores("a/x", lowest_is_best=True) == {3: -0.5, 6: -0.5}
    with pytest.raises(RunError, match=r"Received: 'a/y'\. Closest: `a/x`"):
        evaluations.scores("a/y")


def test_a_failing_evaluator_is_named_with_its_step(tmp_path):
    class Failing(Constant):
        def evaluate(self, model):
            raise KeyError("no captions")

    with pytest.raises(EvaluatorError, match="The evaluator `b` failed at step 7: 'no captions'") as caught:
        Evaluations(tmp_path, [Constant("a"), Failing("b")]).run("x", 7)
    assert isinstance(caught.value.__cause__, KeyError) and caught.value.exit_status == 2


def test_some_evaluators_measure_and_the_best_metric_waits_for_the_others(tmp_path):
    fast, slow = Constant("fast", "fast"), Constant("slow", "slow")
    evaluations = Evaluations(tmp_path, [fast, slow])
    assert evaluations.run("x", 2, [fast]) == {"fast/x": 0.5}
    assert not evaluations.are_done(2)
    assert evaluations.scores("slow/x") == {}  # it has not measured yet: that is no misspelt name
    evaluations.run("x", 4)
    assert evaluations.scores("slow/x") == {4: 0.5} and evaluations.scores("fast/x") == {2: 0.5, 4: 0.5}
    with pytest.raises(RunError, match="Closest: `slow/x`"):
        evaluations.scores("slow/y")
