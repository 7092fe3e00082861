"""The mean over official splits."""

import json

import numpy as np
import pytest

from tests.evals.toy_sets import Ears, LabelledToys
from vatt.evals import classification, mean_over_splits


def split(number, **settings):
    toys = LabelledToys(20, seed=number, noise=1.0, name=f"split{number}")
    return classification.Classification(**{"name": f"split{number}", "dataset": toys} | settings)


def test_the_figures_are_means_and_those_of_each_split_are_there_too():
    one = mean_over_splits.MeanOverSplits(name="all", evaluators=[split(1), split(2), split(3)])
    with pytest.raises(RuntimeError, match="nothing to show"):
        one.artifact()
    result = one.evaluate(Ears())
    parts = [result[f"split{number}/top_1"] for number in (1, 2, 3)]
    assert len(set(parts)) > 1
    assert result["all/top_1"] == pytest.approx(np.mean(parts))
    assert result["all/top_1_deviation"] == pytest.approx(np.std(parts))
    assert result["all/splits"] == 3
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    assert artifact["protocol"]["mean_over"]["split2"]["data"]["dataset"] == "split2"
    title, columns, rows = one.table()
    assert "3 splits" in title and len(rows) == 3 and all(len(row) == len(columns) for row in rows)


def test_what_has_no_mean_is_refused():
    for evaluators in ([split(1)], [split(1), split(1)], [split(1), split(2, name="all")]):
        with pytest.raises(ValueError, match="names of their own"):
            mean_over_splits.MeanOverSplits(name="all", evaluators=evaluators)
    mixed = mean_over_splits.MeanOverSplits(name="all", evaluators=[split(1), split(2, kind="multi")])
    with pytest.raises(ValueError, match="figures of one kind.*split1 with top_1"):
        mixed.evaluate(Ears())
    model = Ears(classes=4)
    with pytest.raises(ValueError, match="a class for each label"):
        mean_over_splits.MeanOverSplits(name="all", evaluators=[split(1), split(2)]).evaluate(model)
    assert model.calls == 0
