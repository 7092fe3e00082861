"""Relations between numbers, and who takes part: refused before anything is built."""

import copy
import json

import pytest

from vatt.engines import cluster
from vatt.errors import RunError
from vatt.train.relations import check_relations

GOOD = {
    "batch_size": 32,
    "steps": 100,
    "checkpoints": {"every": 10, "keep": 3, "keep_every": 20},
    "execution": {"steps_per_loop": 5, "gradients": {"rows": 4}, "preemption": None},
    "evaluation": {"every": None},
    "logging": {"every": 5, "summary_every": None},
}


def changed(path, value):
    """`GOOD` with another number."""
    *groups, name = path.split(".")
    numbers = copy.deepcopy(GOOD)
    group = numbers
    for each in groups:
        group = group[each]
    group[name] = value
    return numbers


def test_what_fits_passes():
    check_relations(GOOD, replicas=4)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("steps", 0, "`Trainer.steps` must be at least 1. Received: 0"),
        ("checkpoints.keep", 0, "`Checkpoints.keep` must be at least 1. Received: 0"),
        ("execution.gradients", {"parts": 0}, "`Accumulated.parts` must be at least 1. Received: 0"),
        ("evaluation.every", 7, "Evaluation.every=7, Execution.steps_per_loop=5. Use 5"),
        ("checkpoints.keep_every", 15, "Checkpoints.keep_every=15, Checkpoints.every=10. Use 10"),
        ("batch_size", 33, "batch_size=33, replicas=4. Use 32"),
        ("batch_size", 3, "Use 4"),
        ("execution.gradients", {"rows": 3}, "Cached.rows=3, 8 rows"),
        ("execution.gradients", {"parts": 3}, "Accumulated.parts=3, 8 rows"),
    ],
)
def test_contradictions_are_named(path, value, message):
    with pytest.raises(ValueError) as caught:
        check_relations(changed(path, value), replicas=4)
    assert message in str(caught.value)


def test_flags_and_the_environment_say_the_same(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")
    assert cluster.place() == (0, [])
    cluster.name_cluster(["a:1", "b:1"], 1)
    assert cluster.place() == (1, ["a:1", "b:1"])
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"index": 0}}))
    assert cluster.place() == (0, ["a:1"])

    # Vertex AI and Kubeflow: a chief of its own, and workers counted from 0 next to it.
    named = {"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(named))
    for _ in range(2):  # TensorFlow is given the same
        assert cluster.place() == (2, ["a:1", "b:1", "c:1"])
    monkeypatch.setenv("TF_CONFIG", json.dumps({**named, "task": {"type": "chief", "index": 0}}))
    assert cluster.place() == (0, ["a:1", "b:1", "c:1"])
    monkeypatch.setenv("TF_CONFIG", json.dumps({**named, "task": {"type": "evaluator", "index": 0}}))
    with pytest.raises(
        RunError, match="'chief' and 'worker' of TF_CONFIG take part in a run. Received: 'eval"
    ):
        cluster.place()

    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(RunError, match="TF_CONFIG must be JSON"):
        cluster.place()


@pytest.mark.parametrize(
    ("addresses", "index"), [(["a:1"], 1), (["a:1", "a:1"], 0), (["a", "b:1"], 0), (["a:x"], 0)]
)
def test_impossible_clusters_are_refused(addresses, index, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")
    with pytest.raises(RunError, match="`--worker"):
        cluster.name_cluster(addresses, index)
