"""Masked latent prediction against a twin whose teacher is a model of its own."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.trained_run import tiny_vatt
from vatt.layers.architecture import Size
from vatt.models.latent_prediction import LatentPrediction, left_out
from vatt.models.loading import load_model

ROWS, DECAY, TOP = 3, 0.15, 2
STUDENT = Size(depth=3, width=8, hidden_width=16, heads=2, head_width=4)
PREDICTOR = Size(depth=1, width=6, hidden_width=12, heads=2, head_width=3)
DRAW = np.random.default_rng(3)
INPUTS = {
    "video": DRAW.uniform(-1, 1, (ROWS, 4, 16, 16, 3)).astype("float32"),
    "audio": DRAW.uniform(-1, 1, (ROWS, 400)).astype("float32"),
    "text": np.array([[2, 3, 0, 0]] * ROWS, "int32"),
    "draw_key": np.stack([np.full(ROWS, 7), np.arange(ROWS)], axis=1).astype("int32"),
}


def predicting(**options):
    prediction = LatentPrediction(size=PREDICTOR, **{"decay": DECAY, "top_blocks": TOP} | options)
    model = tiny_vatt(size=STUDENT, dropout_rate=0.2, prediction=prediction)
    for each in (prediction.steps, *prediction.averages):
        each.assign(tf.zeros(each.shape))
    return model


def by_path(model):
    return {each.path: each.numpy() for each in model.weights if "/prediction/" not in each.path}


def kept_by(model, inputs):
    """What each tower's DropToken keeps in a pass, and the pass's outputs."""
    found = {}
    for modality in ("video", "audio"):
        drop = model.towers[modality].tokenizer.drop_token
        drop.kept_indices = functools.partial(_noted, found, modality, type(drop).kept_indices, drop)
    outputs = model(inputs, training=True)
    return found, outputs


def _noted(found, modality, real, *given, **options):
    kept = real(*given, **options)
    if kept is not None:
        found[modality] = np.asarray(kept)
    return kept


def naive_targets(teacher, modality):
    """Of all tokens: the last blocks' feed-forward outputs, each normalised, their mean."""
    tower = teacher.towers[modality]
    tokens, found = tower.tokenizer(INPUTS[modality])[0], []
    for block in tower.encoder.blocks:
        tokens = tokens + block.attention(block.norm1(tokens))
        added = block.feed_forward(block.norm2(tokens))
        tokens = tokens + added
        values = np.asarray(added)[:, 1:]
        deviation = np.sqrt(values.var(axis=-1, keepdims=True) + 1e-5)
        found.append((values - values.mean(axis=-1, keepdims=True)) / deviation)
    return np.mean(found[-TOP:], axis=0)


def naive_predictions(model, modality, tokens, kept):
    """The sequence in the order of its places, a learned vector where a token was dropped."""
    predictor = model.prediction.predictors[modality]
    positions = np.asarray(predictor.positions(grid=predictor.positions.grid))
    sequence = np.tile(predictor.unknown.numpy(), (ROWS, len(positions), 1))
    for row, places in enumerate(kept):
        sequence[row, places] = np.asarray(predictor.read(tokens))[row]
    encoded = predictor.encoder(tf.constant(sequence + positions, tf.float32))
    return np.asarray(predictor.write(encoded))


def test_it_predicts_what_a_model_of_averaged_weights_makes_of_dropped_tokens():
    model, teacher = predicting(), tiny_vatt(size=STUDENT, dropout_rate=0.2)
    average = None
    for step in range(3):
        weights, keep = by_path(model), min(DECAY, step / (step + 10))
        average = average or weights
        average = {path: keep * average[path] + (1 - keep) * value for path, value in weights.items()}
        kept, outputs = kept_by(model, INPUTS)
        for each in teacher.weights:
            each.assign(average[each.path])
        for modality in ("video", "audio"):
            targets = naive_targets(teacher, modality)
            dropped = [sorted({*range(targets.shape[1])} - {*places}) for places in kept[modality].tolist()]
            tokens = outputs[f"{modality}/tokens"]
            predictions = naive_predictions(model, modality, tokens, kept[modality])
            for name, values in {"target": targets, "predicted": predictions}.items():
                wanted, found = values[np.arange(ROWS)[:, None], dropped], outputs[f"{modality}/{name}"]
                assert found.shape == wanted.shape and len(dropped[0]) > 1
                np.testing.assert_allclose(
                    found, wanted, rtol=1e-4, atol=1e-5, err_msg=f"{name}, step {step}"
                )
        for variable in model.trainable_variables:
            variable.assign(variable + 0.1 * DRAW.normal(size=variable.shape))


def test_nothing_else_of_the_model_is_another():
    model, without = predicting(), tiny_vatt(size=STUDENT, dropout_rate=0.2)
    for each in without.weights:
        each.assign(by_path(model)[each.path])
    for training in (False, True):
        found, wanted = model(INPUTS, training=training), without(INPUTS, training=training)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
        more = {f"{each}/{name}" for each in ("video", "audio") for name in ("predicted", "target")}
        assert found.keys() - wanted.keys() == (more if training else set())


def test_its_gradient_reaches_the_encoder_and_the_predictor_and_not_the_teacher():
    model = predicting()
    with tf.GradientTape() as tape:
        outputs = model(INPUTS, training=True)
        loss = tf.reduce_mean(tf.square(outputs["video/predicted"] - outputs["video/target"]))
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [each.value for each in variables])
    paths = [each.path for each, gradient in zip(variables, gradients, strict=True) if gradient is not None]
    reached = {path.split("/")[1] for path in paths}
    assert {"video", "prediction"} <= reached and "text" not in reached
    assert not any("average" in each.path for each in variables)


def test_a_model_that_predicts_is_saved_with_its_teacher(tmp_path):
    model = predicting()
    model(INPUTS, training=True)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert isinstance(loaded.prediction, LatentPrediction) and float(loaded.prediction.steps) == 1
    found, wanted = (each(INPUTS, training=True) for each in (loaded, model))
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    of_towers = {id(each) for tower in model.towers.values() for each in tower.weights}
    assert model.prediction is not None
    assert not of_towers & {id(each) for each in model.prediction.weights}
    assert model.patches_read() == {}  # a host may leave nothing out


def test_what_is_left_out_is_the_rest():
    kept = np.array([[0, 3, 4], [1, 2, 6], [4, 5, 6]], "int32")
    np.testing.assert_array_equal(left_out(kept, 7), [[1, 2, 5, 6], [0, 3, 4, 5], [0, 1, 2, 3]])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"decay": 1.0}, r"`decay` must be in \[0, 1\)"),
        ({"top_blocks": 0}, "`top_blocks` must be at least 1"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        LatentPrediction(size=PREDICTOR, **options)


def test_a_model_that_drops_nothing_and_clips_of_another_size_are_refused():
    with pytest.raises(ValueError, match="needs tokens that DropToken drops"):
        tiny_vatt(drop_rate=0.0, prediction=LatentPrediction(size=PREDICTOR))
    with pytest.raises(ValueError, match="has positions for a grid of"):
        predicting()(INPUTS | {"audio": INPUTS["audio"][:, :200]}, training=True)
