"""Checkpoints: whole or not at all, found by scanning, checked before they are believed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.engines.training import clip_batch, clip_model
from tests.leftovers import leftover
from vatt.engines.tensorflow.state import State
from vatt.errors import RunError
from vatt.train.checkpoint_folder import CheckpointFolder


@pytest.fixture
def holder():
    return tf.Module()


def save(checkpoints, holder, *steps):
    for step in steps:
        holder.value = tf.Variable(float(step))
        checkpoints.save(step, State(model=holder).snapshot())


def test_the_newest_are_kept(tmp_path, holder):
    checkpoints = CheckpointFolder(tmp_path / "c", keep=2)
    assert checkpoints.newest() is None
    save(checkpoints, holder, 5, 100, 20)
    assert checkpoints.steps() == [20, 100]
    checkpoints.restore(20, State(model=holder))
    assert holder.value.numpy() == 20.0


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001", "json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_whatever_is_missing_or_cut_the_one_before_is_used(tmp_path, holder, suffix, damage):
    checkpoints = CheckpointFolder(tmp_path)
    save(checkpoints, holder, 1, 2)
    path = tmp_path / f"ckpt-2.{suffix}"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-3])
    assert checkpoints.newest() == 1
    assert checkpoints.steps() == [1]


def test_a_failed_save_leaves_the_one_before_and_no_litter(tmp_path, holder, monkeypatch):
    checkpoints = CheckpointFolder(tmp_path)
    save(checkpoints, holder, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vatt.train.checkpoint_folder._flush", full)
    with pytest.raises(RunError, match=r"step 2 could not be written.*No space left.*ckpt-1 is whole"):
        save(checkpoints, holder, 2)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == sorted(
        [".index", ".data-00000-of-00001", ".json"]
    )


def test_a_save_that_a_kill_cut_short_is_cleared_away(tmp_path, holder):
    checkpoints = CheckpointFolder(tmp_path)
    save(checkpoints, holder, 1)
    saving = leftover(tmp_path / "ckpt-2")
    saving.mkdir()
    (saving / "ckpt-2.index").write_text("half")
    assert checkpoints.newest() == 1
    assert not saving.exists()


def test_a_checkpoint_of_other_objects_is_refused(tmp_path, holder):
    checkpoints = CheckpointFolder(tmp_path)
    save(checkpoints, holder, 1)
    stranger = tf.Module()
    stranger.other = tf.Variable(0.0)
    with pytest.raises(RunError, match="does not fit"):
        checkpoints.restore(1, State(model=stranger))


def test_the_best_and_the_multiples_stay(tmp_path, holder):
    scores = {10: 0.2, 20: 0.9, 30: 0.9, 40: 0.1}
    checkpoints = CheckpointFolder(tmp_path, keep=1, keep_every=30, scores=lambda: scores)
    save(checkpoints, holder, 10, 15, 20, 25, 30, 35, 40, 45)
    assert checkpoints.steps() == [20, 30, 45]
    assert checkpoints.best() == 20
    scores[45] = 1.0
    save(checkpoints, holder, 50)
    assert checkpoints.steps() == [30, 45, 50]


def test_facts_come_back(tmp_path, holder):
    checkpoints = CheckpointFolder(tmp_path)
    holder.value = tf.Variable(1.0)
    checkpoints.save(4, State(model=holder).snapshot(), facts={"identity": {"seed": "3"}})
    assert checkpoints.facts(4) == {"identity": {"seed": "3"}}


def test_a_part_of_a_checkpoint_is_read_on_request(tmp_path, holder):
    checkpoints = CheckpointFolder(tmp_path)
    holder.value, other = tf.Variable(7.0), tf.Module()
    other.slot = tf.Variable(8.0)
    checkpoints.save(1, State(model=holder, optimizer=other).snapshot())
    holder.value.assign(0.0)
    with pytest.raises(RunError, match="does not fit"):
        checkpoints.restore(1, State(model=holder))
    checkpoints.restore(1, State(model=holder), partly=True)
    assert holder.value.numpy() == 7.0


def test_a_model_alone_is_read_with_every_weight(tmp_path):
    (model, _, inputs), (other, _, _) = clip_model(), clip_model()
    batch = inputs(clip_batch(0, rows=2), training=False)
    model(batch)
    other(batch)
    optimizer = keras.optimizers.SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(1, State(model=model, optimizer=optimizer).snapshot())
    for variable in other.variables:
        variable.assign(keras.ops.zeros_like(variable) - 1.0)
    checkpoints.restore(1, State(model=other), partly=True)
    for one, another in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), another.numpy(), err_msg=one.path)
