"""Zero-shot classification with a model whose two towers are known."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.described import described
from tests.evals.toy_sets import SAMPLES, LabelledToys
from vatt import spec
from vatt.evals import zero_shot
from vatt.spec import ClipSpec

WORDS = ("<pad>", "<unk>", "a", "class", "0", "1", "2", "red", "ball")


class Tokenizer:
    """Splits at spaces."""

    size, words = len(WORDS), list(WORDS)

    def tokenize(self, sentences, *, length):
        ids = np.zeros((len(sentences), length), np.int32)
        for row, sentence in enumerate(sentences.numpy()):
            said = [WORDS.index(word) if word in WORDS else 1 for word in sentence.decode().split()]
            ids[row, : len(said[:length])] = said[:length]
        return tf.constant(ids)


class Towers:
    """Audio: its samples. Text: the corner that its digits name, and a little of the other words."""

    def __init__(self):
        self.text_calls, self.sound_calls = 0, 0

    def __call__(self, inputs, training=False):
        made = {}
        if "audio" in inputs:
            self.sound_calls += 1
            made["audio/video_text"] = 3 * inputs["audio"]
        if "text" in inputs:
            self.text_calls += 1
            table = np.zeros((len(WORDS), SAMPLES), np.float32)
            table[4:7, :3] = np.eye(3)
            table[2, 7] = 5.0  # "a" pulls every class the same way
            made["text/video_text"] = tf.reduce_sum(tf.gather(tf.constant(table), inputs["text"]), axis=1)
        return made


def toys(**options):
    return described(LabelledToys(**options), tokenizer=Tokenizer(), clip=ClipSpec(words=5))


def evaluator(dataset=None, **settings):
    defaults = {"name": "toy", "dataset": dataset or toys(), "modality": "audio", "batch_size": 5}
    return zero_shot.ZeroShot(**defaults | {"templates": ("{}", "a {}")} | settings)


def test_clips_find_the_name_of_their_class():
    model, one = Towers(), evaluator(toys(views=3))
    result = one.evaluate(model)
    assert result["toy/top_1"] == 1.0 and (result["toy/clips"], result["toy/classes_alike"]) == (12, 0)
    assert (model.text_calls, model.sound_calls) == (1, 1)  # one graph each
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    assert artifact["classes"][1]["sentence"] == "class 1"
    assert artifact["protocol"]["templates"] == ["{}", "a {}"] and artifact["protocol"]["derived"] is True
    assert "3 names in 2 templates" in one.table()[0]


def test_repetition_and_batch_size_do_not_change_a_figure():
    hard = toys(count=30, views=2, noise=1.0)
    expected = evaluator(hard, batch_size=1).evaluate(Towers())
    assert evaluator(hard, batch_size=1).evaluate(Towers()) == expected
    assert evaluator(hard, batch_size=16).evaluate(Towers()) == pytest.approx(expected, abs=1e-5)
    # Twin: unit views and unit names, and the mean of their cosines.
    sound = hard.columns[spec.AUDIO] / np.linalg.norm(hard.columns[spec.AUDIO], axis=1, keepdims=True)
    plain, pulled = np.eye(8)[:3], np.eye(8)[:3] + 5 * np.eye(8)[7]
    names = plain + pulled / np.linalg.norm(pulled, axis=1, keepdims=True)
    names /= np.linalg.norm(names, axis=1, keepdims=True)
    scores = (sound @ names.T).reshape(30, 2, 3).mean(axis=1)
    assert expected["toy/top_1"] == np.mean(scores.argmax(axis=1) == np.arange(30) % 3) < 1


def test_classes_that_read_alike_are_counted_and_never_right():
    alike = described(toys(), label_names=("class 0", "unheard", "unread"))
    one = evaluator(alike)
    result = one.evaluate(Towers())
    assert result["toy/classes_alike"] == 2
    assert result["toy/top_1"] <= 1 / 3
    assert "2 classes read like another one" in one.table()[0]


def test_texts_may_come_from_a_file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("class 1\nclass 0\nclass 2\n", encoding="utf-8")
    assert evaluator(label_texts=path).evaluate(Towers())["toy/top_1"] == pytest.approx(1 / 3)
    path.write_text("class 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="a line for each class.*1 lines.*3 classes"):
        evaluator(label_texts=path).check(Towers())


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("ApplyEyeMakeup", "apply eye makeup"),
        ("apply_eye_makeup", "apply eye makeup"),
        ("YoYo", "yo yo"),
        ("TVShow", "tv show"),
        ("playing guitar", "playing guitar"),
    ],
)
def test_labels_are_split_into_words(label, words):
    assert zero_shot.words_of_label(label) == words


def test_what_cannot_be_measured_is_refused_before_work_starts():
    model = Towers()
    with pytest.raises(ValueError, match="clips with labels"):
        evaluator(toys(labels=False)).evaluate(model)
    mute = described(toys(), label_names=("class 0", "_", "class 2"))
    with pytest.raises(ValueError, match="Every class must have words"):
        evaluator(mute, templates="{}").evaluate(model)
    with pytest.raises(ValueError, match="dataset's tokenizer"):
        evaluator(LabelledToys()).evaluate(model)
    assert model.text_calls == model.sound_calls == 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"modality": "text"}, "`modality`"),
        ({"kind": "both"}, "`kind`"),
        ({"templates": ()}, "`templates`"),
        ({"templates": ("a video",)}, "`templates`"),
    ],
)
def test_bad_settings_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        evaluator(**setting)
