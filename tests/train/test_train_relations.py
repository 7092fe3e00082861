"""Relations between numbers, and who takes part: refused before anything is built."""

import json
import logging
import types

import pytest

from vatt.engines.tensorflow import cluster
from vatt.errors import RunError
from vatt.protocols import DatasetInfo
from vatt.train.relations import check_relations, warn_of_few_clips

GOOD = {
    "steps_per_loop": 5,
    "batch_size": 32,
    "steps": 100,
    "checkpoint_every": 10,
    "log_every": 5,
    "evaluate_every": None,
    "look_every": None,
    "keep_checkpoints": 3,
    "keep_every": 20,
    "accumulate": 1,
    "cached_chunk": 4,
}


def test_what_fits_passes():
    check_relations(GOOD, replicas=4)


def of_size(clips):
    return types.SimpleNamespace(info=DatasetInfo(name="toys", train_size=clips))


def test_a_batch_larger_than_the_set_is_warned_of(caplog):
    caplog.set_level(logging.INFO, logger="vatt")
    warn_of_few_clips(of_size(200), batch_size=32, steps=600)
    assert (
        "200 clips for training: each is seen 96 times" in caplog.text and "more than once" not in caplog.text
    )
    warn_of_few_clips(of_size(20), batch_size=32, steps=600)
    assert "32 rows, and the set 20 clips" in caplog.text and "BATCH_SIZE=16" in caplog.text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "`train.steps` must be at least 1. Received: 0"),
        ({"evaluate_every": 7}, "evaluate_every=7, steps_per_loop=5"),
        ({"keep_every": 15}, "keep_every=15, checkpoint_every=10"),
        ({"batch_size": 33}, "batch_size=33, replicas=4. Use 32"),
        ({"batch_size": 3}, "Use 4"),
        ({"cached_chunk": 3}, "cached_chunk=3, 8 rows"),
        ({"accumulate": 2}, "Give one of the two"),
        ({"accumulate": 3, "cached_chunk": None}, "accumulate=3, 8 rows"),
    ],
)
def test_contradictions_are_named(changed, message):
    with pytest.raises(ValueError) as caught:
        check_relations({**GOOD, **changed}, replicas=4)
    assert message in str(caught.value)


def test_flags_and_the_environment_say_the_same(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")
    assert cluster.place() == (0, [])
    cluster.name_cluster(["a:1", "b:1"], 1)
    assert cluster.place() == (1, ["a:1", "b:1"])
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"index": 0}}))
    assert cluster.place() == (0, ["a:1"])

    # Vertex AI and Kubeflow: a chief of its own, and workers counted from 0 beside it.
    named = {"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(named))
    for _ in range(2):  # TensorFlow is told the same
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
