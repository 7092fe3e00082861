"""The linear, SVM and nearest-neighbour probes on frozen features, and their classifiers against naive
twins."""

import json
import logging

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.described import described
from tests.evals.toy_sets import Ears, LabelledToys
from vatt import spec
from vatt.evals import features, linear_forms
from vatt.evals.knn_classifier import KnnClassifier
from vatt.evals.linear_classifier import LinearClassifier
from vatt.evals.probe import Probe, TrainingRows
from vatt.evals.svm_classifier import SvmClassifier

LINEAR = {"steps": 300, "learning_rate": 0.01, "train_batch_size": 8}
CLASSIFIERS = {
    "linear": (LinearClassifier, LINEAR),
    "released": (
        LinearClassifier,
        LINEAR | {"form": linear_forms.DenseDropoutDense(), "epochs": 60, "standardise": True},
    ),
    "svm": (SvmClassifier, {"grid": (0.01, 1.0), "folds": 3}),
    "knn": (KnnClassifier, {"neighbours": 5}),
}


def sets(*, noise=0.1, views=1, count=12, **options):
    return {
        "train_dataset": LabelledToys(24, seed=1, noise=noise, name="seen", **options),
        "dataset": LabelledToys(count, seed=2, noise=noise, views=views, name="unseen", **options),
    }


def classifier(kind, **settings):
    which, defaults = CLASSIFIERS[kind]
    return which(**defaults | settings)


def probe(kind, classifier_settings=None, **settings):
    made = classifier(kind, **classifier_settings or {})
    return Probe(
        **{"name": "toy", "batch_size": 5, "modality": "audio", "classifier": made} | sets() | settings
    )


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_what_can_be_told_apart_is_told_apart_and_again_to_the_last_bit(kind):
    one = probe(kind)
    result = one.evaluate(Ears())
    assert result["toy/top_1"] == 1.0
    assert (result["toy/clips"], result["toy/train_clips"], result["toy/left_out"]) == (12, 24, 0)
    hard = sets(noise=1.2, views=3)
    expected = probe(kind, **hard).evaluate(Ears())
    assert 1 / 3 < expected["toy/top_1"] < 1
    assert probe(kind, **hard).evaluate(Ears()) == expected
    assert probe(kind, **hard, **{"batch_size": 16}).evaluate(Ears()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_scores_of_all_views_are_averaged(kind):
    one = probe(kind)
    train = one.train_dataset
    rows, classes = train.columns[spec.AUDIO], train.classes
    test = LabelledToys(12, seed=2, noise=1.2, views=4, name="unseen")
    train_rows = TrainingRows(rows=rows, classes=classes, clips=np.arange(24))
    scores, _ = one.classifier.fit_and_score(train_rows, test.columns[spec.AUDIO], 3, 0)
    mean = scores.reshape(12, 4, 3).mean(axis=1)
    assert scores.shape == (48, 3)
    result = probe(kind, dataset=test).evaluate(Ears())
    assert result["toy/top_1"] == pytest.approx(np.mean(mean.argmax(axis=1) == np.arange(12) % 3))
    if kind != "svm":
        np.testing.assert_allclose(scores.sum(axis=1), 1.0)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_the_artifact_says_how_it_was_measured(kind):
    one = probe(kind, **sets(views=2))
    one.evaluate(Ears())
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    card = artifact["protocol"]
    assert card["data"]["dataset"] == "unseen" and card["train_data"]["dataset"] == "seen"
    assert (card["views"], card["train_views"], card["output"]) == (2, 1, "audio/pooled")
    assert card["averaged"] in ("probabilities", "decision values", "votes") and card["classifier"]
    assert [each["label"] for each in artifact["classes"]] == ["class 0", "class 1", "class 2"]
    title, columns, rows = one.table()
    assert "2 views" in title and len(columns) == len(rows[0])


def test_a_random_probe_is_no_better_than_chance():
    scrambled = sets()
    order = np.random.default_rng(5).permutation(24)
    scrambled["train_dataset"].columns[spec.LABEL] = scrambled["train_dataset"].columns[spec.LABEL][order]
    assert probe("linear", **scrambled).evaluate(Ears())["toy/top_1"] < 0.9


@pytest.mark.parametrize("form", [linear_forms.LowRank(components=6, drawn=2), "released"])
def test_gradients_and_adam_equal_keras(form):
    """Twin: TensorFlow's gradients of the formula as the paper writes it, and Keras's optimizer."""
    if form == "released":
        form = linear_forms.DenseDropoutDense(width=6, dropout_rate=0.5, l2=0.1)
    random = np.random.default_rng(0)
    rows, classes = random.normal(size=(16, 5)).astype(np.float32), random.integers(0, 4, 16)
    maps = linear_forms.TwoMaps(form, features=5, classes=4, random=random)
    ours = linear_forms.Adam(maps.weights, learning_rate=0.02)
    twins = {name: tf.Variable(weight.copy()) for name, weight in maps.weights.items()}
    theirs = keras.optimizers.Adam(0.02)
    for _ in range(20):
        columns, factors = form.draw(random, 16)
        everything = np.zeros((factors.shape[0], 6), np.float32)
        everything[:, columns] = factors
        loss, gradients = maps.gradients(rows, classes, columns, factors)
        with tf.GradientTape() as tape:
            hidden = (rows @ twins["first"] + twins.get("first_bias", 0.0)) * everything
            logits = hidden @ twins["second"] + twins.get("second_bias", 0.0)
            expected = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
            ) + form.l2 * tf.reduce_sum(tf.square(twins["second"]))
        assert loss == pytest.approx(float(expected), abs=2e-5)
        names = list(twins)
        theirs_of = tape.gradient(expected, [twins[name] for name in names])
        for name, gradient in zip(names, theirs_of, strict=True):
            np.testing.assert_allclose(gradients[name], gradient, atol=2e-5, err_msg=name)
        ours.apply(gradients)
        theirs.apply(theirs_of, [twins[name] for name in names])
    for name, weight in maps.weights.items():
        np.testing.assert_allclose(weight, twins[name].numpy(), atol=1e-3, err_msg=name)


def test_low_rank_draws_13_of_128_scaled_and_takes_all_at_evaluation():
    form = linear_forms.LowRank()
    columns, factors = form.draw(np.random.default_rng(0), 64)
    assert len(set(columns.tolist())) == 13 and factors.shape == (1, 13)
    assert factors[0, 0] == pytest.approx(128 / 13)
    drawn = np.zeros(128)
    for _ in range(2000):
        drawn[form.draw(np.random.default_rng(), 1)[0]] += 1
    assert drawn.min() > 100 and drawn.max() < 330  # 203 expected of each
    maps = linear_forms.TwoMaps(form, features=4, classes=3, random=np.random.default_rng(0))
    assert set(maps.weights) == {"first", "second"}
    rows = np.eye(4, dtype=np.float32)
    np.testing.assert_allclose(maps.logits(rows), maps.weights["first"] @ maps.weights["second"])


def test_knn_weights_neighbours_by_their_cosine():
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]])
    train = TrainingRows(rows=rows, classes=np.array([0, 1, 1, 2]), clips=np.arange(4))
    one = classifier("knn", neighbours=3, temperature=0.5)
    votes, _ = one.fit_and_score(train, np.array([[2.0, 0.0]]), 3, 0)
    weights = np.exp(np.array([1.0, 0.6, 0.0]) / 0.5)
    np.testing.assert_allclose(votes[0], [weights[0], weights[1] + weights[2], 0] / weights.sum(), rtol=1e-6)
    equal, _ = classifier("knn", neighbours=3, temperature=None).fit_and_score(
        train, np.array([[2.0, 0.0]]), 3, 0
    )
    np.testing.assert_allclose(equal[0], [1 / 3, 2 / 3, 0])


def test_svm_writes_its_search_down_and_takes_the_smallest_of_the_best():
    one = probe("svm", {"grid": (1.0, 0.1, 1e-6), "standardise": False})
    one.evaluate(Ears())
    fit = one.artifact()["fit"]
    assert set(fit["accuracy_of_c"]) == {"1e-06", "0.1", "1"} and fit["c"] in (0.1, 1e-6)
    best = max(fit["accuracy_of_c"].values())
    assert fit["accuracy_of_c"][f"{fit['c']:g}"] == best
    assert fit["unfinished_fits"] == 0
    single = probe("svm", {"grid": (0.5,)})
    single.evaluate(Ears())
    assert single.artifact()["fit"]["c"] == 0.5 and single.artifact()["fit"]["accuracy_of_c"] == {}


def test_svm_knows_two_classes_and_classes_it_never_saw():
    two = {
        "train_dataset": LabelledToys(12, classes=2, seed=1, name="seen"),
        "dataset": LabelledToys(8, classes=2, seed=2, name="unseen"),
    }
    assert probe("svm", **two).evaluate(Ears(classes=2))["toy/top_1"] == 1.0
    few = sets()
    few["train_dataset"].columns[spec.LABEL][:, :2] = np.eye(2)[np.arange(24) % 2]
    few["train_dataset"].columns[spec.LABEL][:, 2] = 0
    assert probe("svm", **few).evaluate(Ears())["toy/top_1"] < 0.7  # class 2 is never the answer
    scarce = sets()
    scarce["train_dataset"].columns[spec.LABEL][:] = np.eye(3)[[0] * 20 + [1] * 2 + [2] * 2]
    with pytest.raises(ValueError, match="each of the 3 folds.*2 of class 1"):
        probe("svm", **scarce).evaluate(Ears())


def test_features_are_extracted_once_and_found_again(tmp_path):
    model, cache = Ears(), tmp_path / "cache"
    first = probe("knn", cache_dir=cache)
    expected = first.evaluate(model)
    calls, model.calls = model.calls, 0
    assert calls > 0 and first.evaluate(model) == expected and model.calls == 0
    assert probe("linear", cache_dir=cache).evaluate(model)["toy/top_1"] == 1.0 and model.calls == 0
    assert len(list(cache.iterdir())) == 2  # train and test; nothing unfinished is left
    other = Ears(turn=0.1)
    probe("knn", cache_dir=cache).evaluate(other)
    assert other.calls > 0  # other weights, other features


@pytest.mark.parametrize("damage", ["flip", "cut", "facts", "missing"])
def test_a_damaged_entry_is_made_again_and_never_used(tmp_path, damage, caplog):
    toys, model = LabelledToys(), Ears()
    ask = {"output": "audio/pooled", "batch_size": 4, "cache_dir": tmp_path}
    expected = features.features(model, toys, **ask)
    (entry,) = tmp_path.iterdir()
    content = bytearray((entry / "rows.npy").read_bytes())
    if damage == "flip":
        content[-3] ^= 1
        (entry / "rows.npy").write_bytes(content)
    elif damage == "cut":
        (entry / "rows.npy").write_bytes(content[:-8])
    elif damage == "facts":
        (entry / "facts.json").write_text("{", encoding="utf-8")
    else:
        (entry / "owners.npy").unlink()
    with caplog.at_level(logging.WARNING):
        again = features.features(model, toys, **ask)
    assert "damaged and made again" in caplog.text
    np.testing.assert_array_equal(again.rows, expected.rows)
    caplog.clear()
    calls = model.calls
    found = features.features(model, toys, **ask)
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert model.calls == calls and not warnings
    assert found.clip_ids == list(expected.clip_ids) and found.views == expected.views
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_another_configuration_or_other_labels_have_features_of_their_own(tmp_path):
    class Configured(Ears):
        heads = 4

        def get_config(self):
            return {"heads": self.heads, "grid": object()}  # an object's address must not count

    def entries(model, **changes):
        toys = described(LabelledToys(), **changes)
        ask = {"output": "audio/pooled", "batch_size": 4, "cache_dir": tmp_path}
        features.features(model, toys, **ask)
        return len(list(tmp_path.iterdir()))

    model = Configured()
    assert entries(model) == entries(Configured()) == 1
    model.heads = 8
    assert entries(model) == 2
    assert entries(model, label_names=("class 0", "class 2", "class 1")) == 3
    assert entries(model, eval_facts=LabelledToys().info.eval_facts | {"dataset": "another name"}) == 3
    assert entries(model, eval_facts=LabelledToys().info.eval_facts | {"clips": 4}) == 4


def test_features_without_a_fingerprint_are_not_kept(tmp_path):
    toys = described(LabelledToys(), eval_facts=None)
    with pytest.raises(ValueError, match="no fingerprint can be made: dataset"):
        features.features(Ears(), toys, output="audio/pooled", batch_size=4, cache_dir=tmp_path)


def test_clips_without_sound_are_left_out_on_both_sides():
    silent = sets(silent=(0, 1))
    one = probe("knn", **silent)
    result = one.evaluate(Ears())
    assert (result["toy/clips"], result["toy/train_clips"], result["toy/left_out"]) == (10, 22, 2)
    assert one.artifact()["train_left_out"] == 2


def test_classes_of_another_order_and_clips_in_both_splits_are_refused():
    other = sets()
    described(other["train_dataset"], label_names=("class 1", "class 0", "class 2"))
    model = Ears()
    with pytest.raises(ValueError, match="numbered alike by training dataset 'seen'.*another order"):
        probe("knn", **other).evaluate(model)
    with pytest.raises(ValueError, match="clips with labels"):
        probe("knn", **sets(labels=False)).evaluate(model)
    assert model.calls == 0
    same = LabelledToys()
    with pytest.raises(ValueError, match="both trained on and tested.*12 such clips.*eval_split"):
        probe("knn", train_dataset=same, dataset=same).evaluate(model)


@pytest.mark.parametrize(
    ("kind", "setting", "message"),
    [
        ("linear", {"steps": 0}, "`steps`"),
        ("linear", {"learning_rate": 0.0}, "`learning_rate`"),
        ("svm", {"grid": ()}, "`grid`"),
        ("svm", {"folds": 1}, "`folds`"),
        ("knn", {"neighbours": 0}, "`neighbours`"),
        ("knn", {"temperature": 0}, "`temperature`"),
    ],
)
def test_bad_settings_are_refused(kind, setting, message):
    with pytest.raises(ValueError, match=message):
        classifier(kind, **setting)


def test_more_bad_settings():
    with pytest.raises(ValueError, match="`modality`"):
        probe("knn", modality="text")
    with pytest.raises(ValueError, match="`drawn`"):
        linear_forms.LowRank(components=4, drawn=5)
    with pytest.raises(ValueError, match="`dropout_rate`"):
        linear_forms.DenseDropoutDense(dropout_rate=1.0)
    with pytest.raises(ValueError, match="neighbours=30, 24 rows"):
        probe("knn", {"neighbours": 30}).evaluate(Ears())
    with pytest.raises(FloatingPointError, match="stay finite.*learning_rate"), np.errstate(all="ignore"):
        probe("linear", {"learning_rate": 1e30}).evaluate(Ears())
    with gin.unlock_config():
        gin.parse_config(
            "LinearClassifier.form = @LowRank()\nLowRank.components = 64\nSvmClassifier.folds = 5"
        )
        with pytest.raises(ValueError, match="neighbors"):
            gin.parse_config("KnnClassifier.neighbors = 3")
