"""The classification evaluator on hand-made sets: views, padding, missing audio, bad input."""

import json

import gin
import numpy as np
import pytest
import tensorflow as tf

from tests import records_fixture
from tests.described import described
from tests.evals.toy_sets import Ears, LabelledToys
from vatt import spec
from vatt.data.datasets import prepared
from vatt.data.views import Views
from vatt.evals import classification, records
from vatt.evals.protocol_card import protocol_card
from vatt.metrics import classification as metrics


def evaluator(dataset=None, **settings):
    return classification.Classification(
        **{"name": "toy", "dataset": dataset or LabelledToys(), "batch_size": 5} | settings
    )


def test_a_perfect_classifier_is_right_and_padding_does_not_count():
    result = evaluator().evaluate(Ears())
    assert result["toy/top_1"] == result["toy/top_5"] == result["toy/mean_class_accuracy"] == 1.0
    assert result["toy/chance_top_1"] == pytest.approx(1 / 3)
    assert (result["toy/clips"], result["toy/left_out"]) == (12, 0)
    assert all(isinstance(value, float) for value in result.values())


def test_the_logits_of_all_views_are_averaged():
    toys = LabelledToys(30, views=4, noise=1.5)
    result = evaluator(toys).evaluate(Ears())
    logits = toys.columns[spec.AUDIO][:, :3].reshape(30, 4, 3).mean(axis=1)
    ranks = metrics.ranks_of_labels(logits, np.arange(30) % 3)
    assert result["toy/top_1"] == metrics.top_k_accuracy(ranks, 1) < 1
    single = metrics.ranks_of_labels(toys.columns[spec.AUDIO][:, :3], toys.classes)
    assert result["toy/top_1"] > metrics.top_k_accuracy(single, 1)
    assert result["toy/clips"] == 30


def test_several_labels_are_judged_by_precision_and_separation():
    toys = LabelledToys(30, views=2, noise=0.8)
    toys.columns[spec.LABEL][:, 2] = 0  # some clips have no label at all now, and class 2 no clips
    one = evaluator(toys, kind="multi")
    result = one.evaluate(Ears())
    logits = toys.columns[spec.AUDIO][:, :3].reshape(30, 2, 3).mean(axis=1)
    expected = metrics.rank_classes(logits, toys.columns[spec.LABEL][::2])
    assert result["toy/mean_average_precision"] == pytest.approx(expected.mean_average_precision)
    assert result["toy/d_prime"] == pytest.approx(expected.mean_d_prime)
    assert result["toy/d_prime_of_mean_auc"] == pytest.approx(expected.d_prime_of_mean_auc)
    assert (result["toy/classes"], result["toy/classes_left_out"]) == (2, 1)
    assert [each["clips"] for each in one.artifact()["classes"]] == [10, 10, 0]
    title, columns, rows = one.table()
    assert len(rows[0]) == len(columns) and "2 views each" in title


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_repetition_and_batch_size_do_not_change_a_figure(kind):
    toys = LabelledToys(13, views=3, noise=1.0)
    one = evaluator(toys, batch_size=1, kind=kind)
    expected = one.evaluate(Ears(turn=0.01))
    assert one.evaluate(Ears(turn=0.01)) == expected
    assert evaluator(toys, batch_size=16, kind=kind).evaluate(Ears(turn=0.01)) == pytest.approx(
        expected, abs=1e-5
    )


def test_clips_without_sound_are_left_out_and_counted():
    toys = LabelledToys(silent=(2, 3))
    toys.columns[spec.AUDIO][2:4] = np.nan  # what is masked is not looked at
    one = evaluator(toys)
    result = one.evaluate(Ears())
    assert (result["toy/clips"], result["toy/left_out"], result["toy/top_1"]) == (10, 2, 1.0)
    assert "2 left out" in one.table()[0]
    with pytest.raises(ValueError, match="needs clips with audio.*12 clips of dataset 'toys'"):
        evaluator(LabelledToys(silent=range(12))).evaluate(Ears())


def test_the_artifact_has_each_class_and_the_protocol():
    toys = LabelledToys(views=2)
    toys.columns[spec.AUDIO][:2, :3] = [0, 5, 0]  # clip 0, of class 0, is like class 1
    one = evaluator(toys)
    with pytest.raises(RuntimeError, match="nothing to show yet"):
        one.artifact()
    one.evaluate(Ears())
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    assert artifact["classes"][0] == {
        "label": "class 0",
        "clips": 4,
        "top_1": 0.75,
        "top_5": 1.0,
        "taken_for": "class 1",
        "taken_for_clips": 1,
    }
    assert artifact["ranks"] == [3] + 11 * [1]
    assert artifact["confusion"] == [[0, 0, 3], [0, 1, 1], [1, 1, 4], [2, 2, 4]]
    card = artifact["protocol"]
    assert card["data"] == toys.info.eval_facts
    assert (card["views"], card["averaged"], card["kind"]) == (2, "logits", "single")
    assert card["ties"] and card["code"].startswith("0.") and len(card["weights"]) == 16
    one.evaluate(Ears(turn=0.1))
    assert one.artifact()["protocol"]["weights"] != card["weights"]


def test_damage_stands_on_the_card():
    toys = LabelledToys()
    assert "damaged_records" not in protocol_card(Ears(), toys, {})
    described(toys, corrupt_records=lambda: 2)
    assert protocol_card(Ears(), toys, {})["damaged_records"] == 2


def test_a_collapsed_classifier_scores_nothing():
    toys = LabelledToys()
    toys.columns[spec.AUDIO][:] = 1.0
    one = evaluator(toys)
    assert one.evaluate(Ears())["toy/top_1"] == 0.0
    assert all(right != taken_for for right, taken_for, _ in one.artifact()["confusion"])  # a tie is an error


@pytest.mark.parametrize(
    ("dataset", "model", "message"),
    [
        (LabelledToys(labels=False), Ears(), "clips with labels.*'toys'.*PreparedClips.labels"),
        (LabelledToys(), Ears(classes=4), "a class for each label.*4 classes, 3 labels"),
        (LabelledToys(0), Ears(), "at least one clip.*'toys'"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_work_starts(dataset, model, message):
    with pytest.raises(ValueError, match=message):
        evaluator(dataset).evaluate(model)
    assert model.calls == 0


def test_labels_of_another_order_are_refused(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("class 0\nclass 2\nclass 1\n", encoding="utf-8")
    message = "the same names in another order; class 1 is 'class 2' there and 'class 1' here"
    with pytest.raises(ValueError, match=message):
        evaluator(labels_file=path).check(Ears())
    path.write_text("class 0\nclass 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="2 and 3 classes; class 2 is 'nothing' there"):
        evaluator(labels_file=path).check(Ears())
    path.write_text("class 0\nclass 1\nclass 2\n", encoding="utf-8")
    evaluator(labels_file=path).check(Ears())


def test_clips_of_several_classes_are_refused_where_one_is_right():
    toys = LabelledToys()
    toys.columns[spec.LABEL][4] = [1, 1, 0]
    with pytest.raises(ValueError, match="exactly one class.*1 of 12 clips.*'toys4@0.0' with 2"):
        evaluator(toys).evaluate(Ears())


def test_broken_logits_name_the_clip_and_a_head_that_averages_is_refused():
    toys = LabelledToys()
    toys.columns[spec.AUDIO][7, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in 'logits' of clip 'toys7@0.0'"):
        evaluator(toys).evaluate(Ears())

    class Averaging(Ears):
        def __call__(self, inputs, training=False):
            return {"logits": super().__call__(inputs)["logits"][:2]}

    with pytest.raises(ValueError, match="row for each.*`Classifier.views = 1`"):
        evaluator().evaluate(Averaging())
    averaging = Averaging()
    averaging.views = 4
    with pytest.raises(ValueError, match="averages 4 rows itself"):
        evaluator().check(averaging)
    with pytest.raises(ValueError, match="must give 'scores'"):
        evaluator(output="scores").evaluate(Ears())


def test_bad_settings_are_refused_and_gin_knows_it():
    with pytest.raises(ValueError, match="`kind`"):
        evaluator(kind="both")
    with pytest.raises(ValueError, match="`batch_size`"):
        evaluator(batch_size=0)
    with gin.unlock_config(), pytest.raises(ValueError, match="kinds"):
        gin.parse_config("Classification.kinds = 'multi'")


def test_rows_that_come_twice_or_not_at_all_are_found():
    grouped = records.group_rows(np.array([5, 5, 2, 2]), np.array([0, 1, 0, 1]))
    assert (grouped.owners.tolist(), grouped.first_rows.tolist(), grouped.views) == ([0, 0, 1, 1], [0, 2], 2)
    for indices, views in (([0, 1, 1], None), ([0, 0, 1, 1], [0, 0, 0, 1]), ([0, 0, 1], [0, 1, 0])):
        with pytest.raises(ValueError, match="every example once"):
            records.group_rows(np.array(indices), None if views is None else np.array(views))


def test_a_prepared_set_end_to_end(tmp_path):
    """Audio of class n is a ramp from n: real records, views, labels and padding."""
    made = [
        records_fixture.record(
            number,
            frames=12,
            sample_rate_hz=1000,
            labels=[number % 2],
            pcm=np.full(1200, 8000 * (number % 2)) + 1,
        )
        for number in range(5)
    ]
    directory = records_fixture.write_set(
        tmp_path / "set", {"train": made, "test": made}, audio_rate_hz=1000, labels=("soft", "loud")
    )
    clip = spec.ClipSpec(frames=4, sample_rate_hz=1000, modalities=("audio",))
    dataset = prepared.PreparedClips(
        directory=directory, clip=clip, labels=True, views=Views(clips=3), threads=2
    )

    class Loud:
        def __call__(self, inputs, training=False):
            mean = inputs["audio"][:, 0]
            return {"logits": tf.stack([0.1 - mean, mean - 0.1], axis=1)}

    one = evaluator(dataset, batch_size=4)
    result = one.evaluate(Loud())
    assert (result["toy/top_1"], result["toy/clips"]) == (1.0, 5)
    data = one.artifact()["protocol"]["data"]
    assert (data["dataset"], data["split"], data["records"], data["clips"]) == ("fixture", "test", 5, 3)
    json.dumps(one.artifact(), allow_nan=False)
