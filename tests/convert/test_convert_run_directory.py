"""The model of a run, from its directory alone: described before step 0, filled from its checkpoints."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small_models import small_vatt
from vatt.convert.report import ConversionError
from vatt.convert.restore import pretrained_classifier, pretrained_model
from vatt.engines.tensorflow.average import AveragedWeights
from vatt.engines.tensorflow.state import State
from vatt.layers.log_mel import LogMel
from vatt.models.vatt import VATT
from vatt.train.checkpoint_folder import CheckpointFolder
from vatt.train.context import MODEL_FILE


def tiny_model(**options):
    return small_vatt(widths=(6, 6), **options)


def write_run(directory, model, steps=(1,), **saved):
    directory.mkdir()
    (directory / MODEL_FILE).write_text(json.dumps(keras.saving.serialize_keras_object(model)))
    checkpoints = CheckpointFolder(directory / "checkpoints")
    for step in steps:
        model.trainable_variables[0].assign(np.full(model.trainable_variables[0].shape, step))
        checkpoints.save(step, State(model=model, **saved).snapshot())
    return directory


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_the_newest_checkpoint_or_the_one_that_is_named(tmp_path):
    model = tiny_model()
    run = write_run(tmp_path / "run", model, steps=(1, 5))
    newest = pretrained_model(path=str(run))
    assert type(newest) is VATT and equal(newest, model)
    first = pretrained_model(path=f"{run}/checkpoints/ckpt-1")
    assert np.all(first.get_weights()[0] == 1) and np.all(newest.get_weights()[0] == 5)
    classifier = pretrained_classifier(path=str(run), classes=3)
    assert classifier.classes == 3 and np.all(classifier.tower.trainable_variables[0] == 5)


def test_a_spectrogram_in_front(tmp_path):
    model = tiny_model(log_mel=LogMel())
    found = pretrained_model(path=str(write_run(tmp_path / "run", model)))
    assert equal(found, model) and found.audio.tokenizer.log_mel.bins == 80


def test_the_average_is_taken_where_there_is_one(tmp_path):
    model = tiny_model()
    average = AveragedWeights(0.5, model.trainable_variables)
    expected = [variable.numpy() + 1 for variable in model.trainable_variables]
    for kept, value in zip(average.averages, expected, strict=True):
        kept.assign(value)
    found = pretrained_model(path=str(write_run(tmp_path / "run", model, average=average)))
    for variable, value in zip(found.trainable_variables, expected, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_random_weights_are_others_of_the_same_shapes(tmp_path):
    model = tiny_model()
    run = write_run(tmp_path / "run", model)
    keras.utils.set_random_seed(3)
    fresh = pretrained_model(path=str(run), random_weights=True)
    assert [w.shape for w in fresh.weights] == [w.shape for w in model.weights] and not equal(fresh, model)
    keras.utils.set_random_seed(3)
    assert equal(fresh, pretrained_model(path=str(run), random_weights=True))


def test_what_can_not_be_started_from(tmp_path):
    run = write_run(tmp_path / "run", tiny_model(), steps=(2,))
    with pytest.raises(ConversionError, match="Received: ckpt-3 of .*It has those of the steps 2"):
        pretrained_model(path=f"{run}/checkpoints/ckpt-3")
    data = next((run / "checkpoints").glob("ckpt-2.data*"))
    data.write_bytes(data.read_bytes()[:-8])
    with pytest.raises(ConversionError, match="Received: none of .*It has none yet"):
        pretrained_model(path=str(run))
    (run / MODEL_FILE).write_text('{"registered_name": "builtins>eval"}')
    CheckpointFolder(run / "checkpoints").save(4, State(model=tf.Module()).snapshot())
    with pytest.raises(ConversionError, match="one of this project's. .*builtins>eval"):
        pretrained_model(path=str(run))


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.update(video={"a": 1}),
        lambda settings: settings.update(video=3, audio=None),
        lambda settings: settings.update(mystery=1),
        lambda settings: settings.clear(),
    ],
)
def test_a_description_of_another_version_is_one_clear_error(change, tmp_path):
    run = write_run(tmp_path / "run", tiny_model())
    described = json.loads((run / MODEL_FILE).read_text())
    change(described["config"])
    (run / MODEL_FILE).write_text(json.dumps(described))
    with pytest.raises(ConversionError, match=r"as this version describes it.*model\.json \(\w+Error: "):
        pretrained_model(path=str(run))


def test_a_class_that_this_version_does_not_have_is_one_clear_error(tmp_path):
    run = write_run(tmp_path / "run", tiny_model())
    described = json.loads((run / MODEL_FILE).read_text())
    (run / MODEL_FILE).write_text(json.dumps(described | {"registered_name": "vatt>FutureModel"}))
    with pytest.raises(ValueError, match="must be known where it is opened. Received: 'FutureModel' of"):
        pretrained_model(path=str(run))
