"""The SavedModel: the numbers of the Python model for any batch and length, words and gradients included."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.goldens import assert_near
from tests.trained_run import CLIP, tiny_vatt
from vatt.data.vocabulary import Vocabulary
from vatt.data.words import split_words
from vatt.export import saved_model
from vatt.export.golden import differences, read_golden
from vatt.export.module import ExportedEmbedder

DRAW = np.random.default_rng(3)


@pytest.mark.parametrize("shape", [(1, 4, 16, 16, 3), (3, 9, 21, 40, 3), (2, 1, 90, 17, 3)])
def test_video_of_any_size_and_length(module, embedder, shape):
    frames = DRAW.integers(0, 256, shape, "uint8")
    made = module.signatures["embed_video"](frames=tf.constant(frames))
    for space, rows in embedder.embed_video(frames).items():
        assert_near(made[space], rows, 1e-5)
        assert_near(np.linalg.norm(made[space], axis=1), np.ones(shape[0]), 1e-6)


@pytest.mark.parametrize("shape", [(1, 400), (3, 1733), (2, 1)])
def test_sound_of_any_length(module, embedder, shape):
    samples = DRAW.uniform(-1, 1, shape).astype("float32")
    made = module.signatures["embed_audio"](samples=tf.constant(samples))
    for space, rows in embedder.embed_audio(samples).items():
        assert_near(made[space], rows, 1e-5)


def test_sentences_and_similarity(module, embedder):
    sentences = ["The RED disc!", "a blue star", "the red disc spins slides bell a"]
    text = module.embed_text(tf.constant(sentences))["video_text"]
    assert_near(text, embedder.embed_text(sentences)["video_text"], 1e-5)
    video = embedder.embed_video(DRAW.integers(0, 256, (2, 4, 16, 16, 3), "uint8"))
    cosine = module.similarity(3 * text, video["video_text"])["cosine"]
    assert_near(cosine, embedder.similarity({"video_text": text}, video), 1e-5)


STRINGS = [
    "",
    "  the\tred\u00a0disc\u2003spins\u0085bell  ",
    "THE Red DISC—spins… “bell”!",
    "don't re-d",
    "Éclair naïve CAFÉ e\u0301clair İstanbul straße ΑΣ",
    "красный диск 红色的圆盘 赤い円盤 빨간 원반 قرص أحمر लाल डिस्क",
    "red🙂disc 👩‍👩‍👧 ½ ① ﷺ",
    "ｒｅｄ ﬁsh Ǆ ǆ",
    "a red\x1cdisc",
    "\ufeffthe \u200bred",
    "the " * 10_000,
]


def test_words_are_cut_as_the_data_cut_them(module, embedder, folder):
    """Against the tokenizer of the data, and against plain Python for where the words end."""
    ids = module.signatures["tokenize"](sentences=tf.constant(STRINGS))["ids"].numpy()
    tokenizer = Vocabulary(path=folder / "set" / "vocabulary.txt")
    np.testing.assert_array_equal(ids, tokenizer.encode(STRINGS, length=CLIP.words))
    numbers = {word: number for number, word in enumerate(tokenizer.words)}
    for text, row in zip(STRINGS, ids, strict=True):
        wanted = [numbers.get(word, 1) for word in split_words(text)][: CLIP.words]
        np.testing.assert_array_equal(row, wanted + [0] * (CLIP.words - len(wanted)), err_msg=text[:40])


@pytest.mark.parametrize(
    ("signature", "given", "words"),
    [
        ("embed_text", {"sentences": ["a star", "кошка"]}, "one of the 11 words"),
        ("embed_text", {"sentences": ["...", "a star"]}, "one of the 11 words"),
        ("embed_audio", {"samples": np.zeros((2, 0), "float32")}, "at least one sample"),
        ("embed_video", {"frames": np.zeros((1, 0, 16, 16, 3), "uint8")}, "at least one frame"),
    ],
)
def test_what_it_does_not_take(module, signature, given, words):
    given = {name: tf.constant(value) for name, value in given.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        module.signatures[signature](**given)


def test_wrong_kinds_are_refused_by_name(module):
    with pytest.raises(tf.errors.InvalidArgumentError, match="was expected to be a uint8 tensor"):
        module.signatures["embed_video"](frames=tf.zeros((1, 4, 16, 16, 3), tf.float32))
    with pytest.raises(
        (TypeError, ValueError), match=r"shape=\(None, None\), dtype=tf.float32, name='samples'"
    ):
        module.embed_audio(tf.zeros((4,), tf.float32))


@pytest.mark.parametrize("training", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_gradients_are_those_of_the_model(module, embedder, training):
    """Of the audio's encoder, through the statistics of its head in training."""
    samples = DRAW.uniform(-1, 1, (3, 400)).astype("float32")
    parts = [embedder.model.audio, embedder.model.spaces.audio, embedder.model.spaces.audio_norm]
    paths = [variable.path for part in parts for variable in part.trainable_variables]
    weights = embedder.model.weights
    before = [variable.numpy() for variable in weights]
    losses, gradients = [], []
    for call, variables in (
        (embedder.model, [variable.value for variable in embedder.model.trainable_variables]),
        (module, module.trainable_variables),
    ):
        with tf.GradientTape() as tape:
            rows = call({"audio": tf.constant(samples)}, training=training)["audio/video_audio"]
            rows = tf.math.l2_normalize(rows, -1)
            losses.append(tf.reduce_sum(rows[:2] * rows[1:]))
        gradients.append(tape.gradient(losses[-1], variables, unconnected_gradients="zero"))
    changed = [not np.array_equal(a, b) for a, b in zip(before, weights, strict=True)]
    assert any(changed) == training  # the heads' statistics follow the batches of training
    for variable, value, theirs in zip(weights, before, module.variables, strict=True):
        assert_near(theirs, variable, 1e-6)
        variable.assign(value)
        theirs.assign(value)
    assert_near(losses[1], losses[0], 1e-5)
    for variable, wanted, got in zip(embedder.model.trainable_variables, *gradients, strict=True):
        assert_near(got, wanted, 1e-4)
        assert variable.path not in paths or variable.path.endswith("key/bias") or np.any(wanted)
    assert module.regularization_losses == []


@pytest.mark.slow
def test_gradients_reach_every_variable(module):
    frames = DRAW.integers(0, 256, (3, 7, 20, 16, 3), "uint8")  # two windows
    samples = DRAW.uniform(-1, 1, (3, 500)).astype("float32")
    sentences = tf.constant(["a red disc", "the star", "blue bell slides"])
    with tf.GradientTape() as tape:
        made = module({"video": tf.constant(frames), "audio": tf.constant(samples), "text": sentences})
        loss = tf.reduce_sum(made["video/video_text"][:2] * made["text/video_text"][1:])
        loss += tf.reduce_sum(made["video/video_audio"][:2] * made["audio/video_audio"][1:])
    gradients = tape.gradient(loss, module.trainable_variables)
    without = [v.name for v, g in zip(module.trainable_variables, gradients, strict=True) if g is None]
    assert not without and len(gradients) > 50


def test_dropped_tokens_in_training_differ_from_call_to_call(trained):
    model = tiny_vatt(drop_rate=0.5, dropout_rate=0.0)
    exported = ExportedEmbedder(dataclasses.replace(trained, model=model), ("audio",))
    given = {"audio": tf.constant(DRAW.uniform(-1, 1, (5, 400)).astype("float32"))}
    first, second = (exported(given, training=True)["audio/video_audio"] for _ in range(2))
    assert not np.allclose(first, second, atol=1e-4)
    assert np.array_equal(exported(given)["audio/video_audio"], exported(given)["audio/video_audio"])


def test_golden_embeddings_lie_inside_and_are_repeated(out, card, module, embedder):
    inputs, outputs = read_golden(out / "saved_model" / saved_model.GOLDEN)
    assert inputs["frames"].shape[1] > CLIP.frames and inputs["frames"].shape[2:4] != (16, 16)
    assert {name: set(made) for name, made in outputs.items()} == {
        "embed_video": {"video_audio", "video_text"},
        "embed_audio": {"video_audio", "video_text"},
        "embed_text": {"video_text"},
    }
    given = {name: tf.constant(values) for name, values in inputs.items()}
    got = {
        "embed_video": module.embed_video(given["frames"]),
        "embed_audio": module.embed_audio(given["samples"]),
        "embed_text": module.embed_text(given["sentences"]),
    }
    assert max(differences(outputs, got).values()) <= 1e-5 >= card.formats["saved_model"]
    for space, rows in embedder.embed_video(inputs["frames"]).items():
        assert_near(outputs["embed_video"][space], rows, 1e-6)


FRESH = """\
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("vatt", "tensorflow_text", "gin"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import numpy as np, tensorflow as tf
module = tf.saved_model.load(sys.argv[1])
golden = np.load(sys.argv[1] + "/assets.extra/golden.npz")
names = {"embed_video": "frames", "embed_audio": "samples", "embed_text": "sentences"}
worst = 0
for key in golden.files:
    if key.startswith("out/"):
        _, signature, output = key.split("/")
        given = {names[signature]: tf.constant(golden["in/" + names[signature]])}
        made = module.signatures[signature](**given)
        worst = max(worst, np.abs(made[output] - golden[key]).max())
print("worst", worst)
"""


@pytest.mark.slow
def test_plain_tensorflow_is_enough(out):
    command = [sys.executable, "-c", FRESH, str(out / "saved_model")]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.rpartition("worst")[2]) <= 1e-5
