"""Evaluation on several replicas: each embeds its part of a batch, and nothing else changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.devices import mirrored, tpu_of_cpus
from tests.evals.toy_clips import FRAMES, SAMPLES, SIZE, WORDS, ToyClips
from tests.small_models import small_vatt
from vatt.evals.embedding import embed_clips
from vatt.evals.encoder import compiled_encoder
from vatt.evals.outputs import clip_outputs
from vatt.evals.retrieval import Retrieval
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

OUTPUTS = ("video/video_audio", "audio/video_audio", "video/video_text", "text/video_text")
CLIPS = 10


class Linear(keras.Model):
    """A linear map of the first numbers of each modality; logits of video. Counts its traces."""

    def __init__(self):
        super().__init__()
        self.maps = {name: keras.layers.Dense(8) for name in (VIDEO, AUDIO, TEXT)}
        for each in self.maps.values():
            each.build((None, 3))
        self.traces = 0

    def call(self, inputs, training=False):
        self.traces += 1
        made = {}
        for name, values in inputs.items():
            rows = keras.ops.reshape(keras.ops.cast(values, "float32"), (values.shape[0], -1))
            made[name] = self.maps[name](rows[:, :3] / 10)
        outputs = {f"{name}/video_{to}": rows for name, rows in made.items() for to in (AUDIO, TEXT)}
        return outputs | {"logits": made.get(VIDEO)}


def vatt():
    """The real one, tiny."""
    seconds = SAMPLES / 2560
    clip = ClipSpec(frames=FRAMES, frame_size=SIZE, sample_rate_hz=2560, audio_seconds=seconds, words=WORDS)
    model = small_vatt(clip=clip, vocabulary_size=30, audio_patch=(32,), widths=(8, 8))
    model(
        {
            VIDEO: np.zeros((1, FRAMES, SIZE, SIZE, 3), "float32"),
            AUDIO: np.zeros((1, SAMPLES), "float32"),
            TEXT: np.zeros((1, WORDS), "int32"),
        },
        training=False,
    )
    return model


def on(replicas, measure, make=Linear):
    """What is measured of a model whose weights are always the same, and the model."""
    strategy = mirrored(replicas) if replicas > 1 else tf.distribute.get_strategy()
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = make()
        return measure(model), model


def embedded(model, batch_size=4):
    data = ToyClips(CLIPS, without={AUDIO: [3], TEXT: [5]})
    return embed_clips(compiled_encoder(model, OUTPUTS), data, batch_size=batch_size, captions="all")


def assert_equal_embeddings(several, one):
    assert several.clip_ids == one.clip_ids == [f"clip{number}@0.0" for number in range(CLIPS)]
    assert several.vectors.keys() == one.vectors.keys() == set(OUTPUTS)
    for name, vectors in one.vectors.items():
        np.testing.assert_allclose(several.vectors[name], vectors, atol=1e-6, rtol=1e-6, err_msg=name)
        assert len(np.unique(vectors.round(3), axis=0)) > 4, "clips differ"
    for modality, owners in one.owners.items():
        np.testing.assert_array_equal(several.owners[modality], owners)
    assert len(one.owners[AUDIO]) == CLIPS - 1 and len(one.owners[TEXT]) == 2 * (CLIPS - 1)


@pytest.mark.parametrize(("replicas", "batch_size"), [(2, 4), (4, 4), (4, 3), (2, 20)])
def test_embeddings_are_those_of_one_replica(replicas, batch_size):
    """Of 10 clips the last batch has rows of padding; 3 rows do not divide among 4 replicas; of 20, one has
    nothing but padding.
    """
    one, _ = on(1, embedded)
    several, model = on(replicas, lambda model: embedded(model, batch_size))
    assert model.traces == replicas, "one graph, with a copy of the model for each replica"
    assert_equal_embeddings(several, one)


@pytest.mark.slow
def test_a_vatt_embeds_on_two_replicas_as_on_one():
    (one, _), (several, _) = on(1, embedded, vatt), on(2, embedded, vatt)
    assert_equal_embeddings(several, one)


@pytest.mark.parametrize("replicas", [2, 4])
def test_logits_are_those_of_one_replica(replicas):
    def measure(model):
        encode = compiled_encoder(model, ["logits"])
        return clip_outputs(encode, ToyClips(CLIPS), output="logits", modality=VIDEO, batch_size=6)

    (one, _), (several, model) = on(1, measure), on(replicas, measure)
    assert model.traces == replicas
    np.testing.assert_allclose(several.rows, one.rows, atol=1e-6, rtol=1e-6)
    np.testing.assert_array_equal(several.owners, one.owners)


def test_an_evaluator_gives_the_figures_of_one_replica():
    def figures(model):
        return Retrieval(name="toy", dataset=ToyClips(CLIPS), batch_size=4).evaluate(model)

    (one, _), (several, _) = on(1, figures), on(2, figures)
    assert several == pytest.approx(one, abs=1e-6) and len(one) > 4


def test_a_tpu_embeds_a_batch_by_one_program(monkeypatch):
    """Its graph alone, since no TPU is here: each replica has a copy of the model and its own rows."""
    graphs, function = [], tf.function

    class Traced(Exception):
        pass

    def traced(*arguments, **options):
        def call(inputs):
            graphs.append(function(*arguments, **options).get_concrete_function(inputs).graph)
            raise Traced

        return call

    monkeypatch.setattr(tf, "function", traced)
    with tpu_of_cpus(2).scope(), pytest.raises(Traced):
        embedded(Linear(), batch_size=4)
    nodes = graphs[0].as_graph_def().node
    programs = {node.attr["_tpu_replicate"].s for node in nodes if "_tpu_replicate" in node.attr}
    assert len(programs) == 1
    outputs = [node for node in nodes if node.op == "TPUReplicatedOutput"]
    assert len(outputs) == len(OUTPUTS)
    assert all(node.attr["num_replicas"].i == 2 for node in outputs)
