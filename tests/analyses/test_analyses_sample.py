"""A drawn part of a set: the same whatever the batch size, whole records, never padding."""

import logging

import numpy as np
import pytest

from tests.analyses.small_clips import SmallClips
from tests.described import described
from vatt import spec
from vatt.analyses.sample import SampledClips


def rows(sampled, batch_size):
    """(ids, views, videos) of the valid rows; every batch is whole."""
    found = [], [], []
    for batch in sampled.eval_batches(batch_size=batch_size):
        assert all(len(column) == batch_size for column in batch.values())
        kept = np.asarray(batch[spec.VALID]) > 0
        found[0].extend(np.asarray(batch[spec.CLIP_ID])[kept])
        found[1].extend(np.asarray(batch[spec.VIEW])[kept] if spec.VIEW in batch else [])
        found[2].extend(np.asarray(batch[spec.VIDEO])[kept])
    return found


@pytest.mark.parametrize("views", [1, 3])
def test_the_same_whole_records_in_their_order_whatever_the_batch_size(views):
    clips = SmallClips(11, views=views)
    expected = rows(SampledClips(clips, clips=4, seed=2), 1)
    assert len(expected[0]) == 4 * views and len(set(expected[0])) == 4
    order = [int(name.decode().partition("@")[0].removeprefix("clip")) for name in expected[0]]
    assert order == sorted(order)
    assert views == 1 or expected[1] == [0, 1, 2] * 4
    np.testing.assert_array_equal(expected[2][0], clips.columns[spec.VIDEO][order[0] * views])
    for batch_size in (2, 3, 16):
        found = rows(SampledClips(clips, clips=4, seed=2), batch_size)
        assert found[:2] == expected[:2]
        np.testing.assert_array_equal(found[2], expected[2])


def test_seeds_draw_differently_and_in_the_long_run_evenly():
    clips, times = SmallClips(5), np.zeros(5)
    for seed in range(200):
        drawn = SampledClips(clips, clips=2, seed=seed)._chosen()
        times[drawn] += 1
    assert times.sum() == 400 and times.min() > 55 and times.max() < 105  # 80 of each expected


def test_fewer_clips_than_asked_for_are_all_taken_and_said(caplog):
    with caplog.at_level(logging.INFO):
        found = rows(SampledClips(SmallClips(3), clips=10, seed=0), 2)
    assert len(found[0]) == 3
    assert "10 clips asked for; small has 3: all are taken" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert len(rows(SampledClips(SmallClips(3), clips=None, seed=0), 2)[0]) == 3
    assert not caplog.text


def test_a_set_of_unknown_size_can_be_shown_whole_but_not_sampled():
    clips = SmallClips(3)
    described(clips, eval_size=None)
    assert len(rows(SampledClips(clips, clips=None, seed=0), 2)[0]) == 3
    with pytest.raises(ValueError, match="whose size is known.*`clips` to None"):
        rows(SampledClips(clips, clips=2, seed=0), 2)
    with pytest.raises(ValueError, match="at least 1.*clips=0"):
        SampledClips(clips, clips=0, seed=0)


def test_facts_tell_what_was_drawn():
    clips = SmallClips(9)
    assert SampledClips(clips, clips=4, seed=1).info.eval_facts is None
    described(clips, eval_facts={"dataset": "small", "records": 9})
    assert SampledClips(clips, clips=4, seed=1).info.eval_facts == {
        "dataset": "small",
        "records": 9,
        "clips_wanted": 4,
        "clips_seed": 1,
    }
    assert SampledClips(clips, clips=None, seed=1).info.eval_facts == clips.info.eval_facts
