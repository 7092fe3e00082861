"""The job `ModelEvaluation`: a given model, its evaluators, no step."""

import json

import keras
import pytest

from tests.toys import ToyEvaluator, toy_report
from vatt.engines.start import start_engine
from vatt.errors import RunError
from vatt.train.context import RunContext
from vatt.train.model_evaluation import ModelEvaluation
from vatt.train.settings import Evaluation


def evaluate(run, evaluators, report=None):
    evaluation = Evaluation(evaluators=evaluators, report=report)
    return ModelEvaluation(model=Model(), evaluation=evaluation).run(run)


class Model(keras.Model):
    """Weights of one."""

    def __init__(self):
        super().__init__()
        self.audio = keras.layers.Dense(2, kernel_initializer="ones")
        self.audio.build((None, 3))


class Refusing(ToyEvaluator):
    """Can not measure what it is given."""

    def check(self, model):
        raise ValueError("There must be captions.")


def context(directory, **options):
    return RunContext(model_dir=directory, seed=0, engine=start_engine("one_device"), **options)


def test_numbers_tables_and_report(tmp_path, capsys):
    for _ in range(2):  # again: the weights may be others by then
        assert evaluate(context(tmp_path), [ToyEvaluator()], toy_report()) == 0
    assert json.loads((tmp_path / "metrics.json").read_text()) == {
        "step": 0,
        "toy_evaluation/mean_weight": 1.0,
    }
    assert json.loads((tmp_path / "evaluations" / "toy_evaluation.json").read_text())["artifact"]
    assert (tmp_path / "report.html").is_file()
    assert "text to video" in capsys.readouterr().out


def test_what_is_known_to_fail_fails_before_the_first_evaluation(tmp_path):
    with pytest.raises(ValueError, match="There must be captions"):
        evaluate(context(tmp_path), [ToyEvaluator(), Refusing(name="second")])
    assert not (tmp_path / "evaluations").exists()


def test_a_dry_run_writes_nothing(tmp_path):
    assert evaluate(context(tmp_path, dry_run=True), [ToyEvaluator()]) == 0
    assert not list(tmp_path.iterdir())


def test_nothing_to_measure(tmp_path):
    with pytest.raises(RunError, match="Evaluation.evaluators=\\[\\]"):
        evaluate(context(tmp_path), [])
