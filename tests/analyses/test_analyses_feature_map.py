"""The map of features: what is distinguished and what is not, drawn classes, refusals."""

import json
import logging

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from tests.evals.toy_sets import Ears, LabelledToys
from vatt import spec
from vatt.analyses.feature_map import FeatureMap
from vatt.analyses.plane import plane


def made(toys, **settings):
    return FeatureMap(**{"name": "map", "dataset": toys, "batch_size": 5, "modality": "audio"} | settings)


def test_classes_far_apart_are_pure_and_mixed_ones_are_as_chance_has_it():
    clear, mixed = made(LabelledToys(33)), made(LabelledToys(33))
    mixed.dataset.columns[spec.LABEL] = np.roll(mixed.dataset.columns[spec.LABEL], 16, axis=0)[
        np.random.default_rng(0).permutation(33)
    ]
    found, other = clear.evaluate(Ears()), mixed.evaluate(Ears())
    assert found["map/neighbour_purity"] == 1.0 and found["map/silhouette"] > 0.7
    assert found["map/chance_neighbour_purity"] == pytest.approx(10 / 32)
    assert other["map/neighbour_purity"] == pytest.approx(10 / 32, abs=0.12)
    assert other["map/silhouette"] < 0.05
    assert found["map/trustworthiness"] > 0.9
    toys = clear.dataset
    rows = toys.columns[spec.AUDIO]
    assert found["map/silhouette"] == pytest.approx(
        silhouette_score(rows, toys.classes, metric="cosine"), abs=1e-5
    )


def test_the_same_picture_again_and_the_same_numbers_at_another_batch_size():
    one = made(LabelledToys(20, noise=0.6, views=2))
    first = one.evaluate(Ears())
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    again = made(LabelledToys(20, noise=0.6, views=2))
    assert again.evaluate(Ears()) == first and again.artifact() == artifact
    other = made(LabelledToys(20, noise=0.6, views=2), batch_size=16).evaluate(Ears())
    assert {k: v for k, v in other.items() if "trust" not in k} == pytest.approx(
        {k: v for k, v in first.items() if "trust" not in k}, abs=1e-5
    )
    assert len(artifact["points"]) == 20 == len(artifact["point_classes"])
    assert np.abs(artifact["points"]).max() == 1.0


def test_classes_are_drawn_and_all_taken_where_there_are_no_more(caplog):
    toys = LabelledToys(40, classes=8)
    one = made(toys, classes=3, seed=4)
    assert one.evaluate(Ears(classes=8))["map/clips"] == 15
    names = one.artifact()["class_names"]
    assert len(set(names)) == 3 and one.artifact()["classes_in_set"] == 8
    assert made(toys, classes=3, seed=4)._chosen(np.arange(8)).tolist() == [int(n[6:]) for n in names]
    assert len({tuple(made(toys, classes=3, seed=seed)._chosen(np.arange(8))) for seed in range(9)}) > 3
    with caplog.at_level(logging.INFO):
        all_of_them = made(toys)
        all_of_them.evaluate(Ears(classes=8))
    assert "100 classes asked for; clips have 8: all" in caplog.text
    counts = np.bincount(all_of_them.artifact()["point_classes"])
    assert counts.tolist() == [5] * 8
    single = made(LabelledToys(6, classes=6))
    assert "map/silhouette" not in single.evaluate(Ears(classes=6)) and single.table()[2][0][1] == "–"
    part = made(toys, clips=7, classes=4)
    assert part.evaluate(Ears(classes=8))["map/clips"] == 7 == len(part.artifact()["points"])


def test_clips_without_sound_are_left_out_and_counted():
    result = made(LabelledToys(12, silent=(0, 1))).evaluate(Ears())
    assert (result["map/clips"], result["map/left_out"]) == (10, 2)


def test_what_can_not_be_mapped_is_refused():
    with pytest.raises(ValueError, match="clips with labels"):
        made(LabelledToys(labels=False)).check(Ears())
    one_class = LabelledToys()
    one_class.columns[spec.LABEL][:] = [1, 0, 0]
    with pytest.raises(ValueError, match="clips of 1 classes"):
        made(one_class).evaluate(Ears())
    with pytest.raises(ValueError, match="at least 5 vectors.*4"):
        made(LabelledToys(4)).evaluate(Ears())
    with pytest.raises(ValueError, match="`modality`"):
        made(LabelledToys(), modality="text")
    with pytest.raises(ValueError, match="`classes`"):
        made(LabelledToys(), classes=1)
    with pytest.raises(ValueError, match="`clips`"):
        made(LabelledToys(), clips=4)


def test_a_layout_keeps_groups_together_and_may_be_wide():
    random = np.random.default_rng(0)
    centres = 8 * random.normal(size=(3, 90))
    vectors = np.repeat(centres, 20, axis=0) + random.normal(size=(60, 90))
    points = plane(vectors, seed=0)
    groups = points.reshape(3, 20, 2)
    middles = groups.mean(axis=1)
    inside = np.linalg.norm(groups - middles[:, None], axis=2).max()
    apart = min(np.linalg.norm(middles[a] - middles[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > 2 * inside
    np.testing.assert_array_equal(points, plane(vectors, seed=0))


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_equal_vectors_lie_in_the_middle_and_copies_do_no_harm(noise):
    same = np.ones((9, 8)) + noise * np.random.default_rng(0).normal(size=(9, 8))
    np.testing.assert_array_equal(plane(same, seed=0), np.zeros((9, 2)))
    copies = np.repeat(np.eye(8)[:3], [3, 4, 5], axis=0)
    assert np.isfinite(plane(copies, seed=0)).all()
