"""Retrieval with several views of a clip and several captions, against slow twins; what is refused early."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf

from tests.described import described
from tests.padded_batches import padded_batches
from vatt import spec
from vatt.evals import embedding, protocol_card, retrieval
from vatt.protocols import DatasetInfo
from vatt.spec import ClipSpec

WIDTH, WORDS = 6, 2


class ViewedClips:
    """N clips in V views: a noisy direction per clip in the audio, and captions that a table turns into one.

    Views 0 and 1 have the clip's caption first, the later ones another of its own first."""

    info = DatasetInfo(name="viewed")

    def __init__(self, count=7, views=4, *, noise=0.6, candidates=2):
        rng = np.random.default_rng(3)
        rows = count * views
        number, view = np.repeat(np.arange(count), views), np.tile(np.arange(views), count)
        own = rng.normal(size=(count, WIDTH))
        text = np.zeros((rows, candidates, WORDS), np.int32)
        text[:, 0, 0] = 1 + number
        text[view > 1, 0, 0] += count  # a second caption of the clip
        text[:, 1, 0] = 1 + number
        self.table = np.concatenate([np.zeros((1, WIDTH)), own, rng.normal(size=(count, WIDTH))])
        brightness = rng.integers(0, 255, (rows, 1, 2, 2, 3))
        self.columns = {
            spec.VIDEO: brightness.astype(np.uint8),
            spec.VIDEO_MASK: np.ones(rows, np.float32),
            spec.AUDIO: (own[number] + noise * rng.normal(size=(rows, WIDTH))).astype(np.float32),
            spec.AUDIO_MASK: np.ones(rows, np.float32),
            spec.TEXT: text,
            spec.TEXT_MASK: np.ones((rows, candidates), np.float32),
            spec.EXAMPLE_INDEX: number.astype(np.int64),
            spec.VIEW: view.astype(np.int32),
            spec.VALID: np.ones(rows, np.float32),
            spec.CLIP_ID: np.array([f"clip{i}@0.0".encode() for i in number], dtype=object),
            spec.GROUP: np.array([b""] * rows, dtype=object),
            spec.CAPTION: np.array([f"caption {i}".encode() for i in number], dtype=object),
        }

    def eval_batches(self, *, batch_size):
        """As the pipeline gives them."""
        return padded_batches(self.columns, batch_size)


class Towers:
    def __init__(self, clips):
        self.table = clips.table.astype(np.float32)

    def __call__(self, inputs, training=False):
        video = tf.reshape(inputs["video"], (-1, 12))[:, :WIDTH]
        assert inputs["image"].shape[1:] == (2, 2, 3)
        return {
            "video/video_audio": video,
            "audio/video_audio": inputs["audio"],
            "audio/video_text": inputs["audio"],
            "video/video_text": video,
            "text/video_text": tf.gather(tf.constant(self.table), inputs["text"][:, 0]),
        }


def evaluator(clips, **settings):
    return retrieval.Retrieval(**{"name": "toy", "dataset": clips, "batch_size": 5} | settings)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def slow_ranks(scores, right):
    return [1 + sum(s >= row[r] for j, s in enumerate(row) if j != r) for row, r in zip(scores, right)]


@pytest.mark.parametrize("average", embedding.AVERAGE_CHOICES)
def test_views_are_averaged_before_or_after_the_cosine(average):
    clips = ViewedClips()
    views = clips.columns[spec.AUDIO].reshape(7, 4, WIDTH).astype(np.float64)
    captions = clips.table[1:8]
    if average == "embedding":
        scores = unit(captions) @ unit(views.mean(axis=1)).T
    else:
        scores = (unit(captions) @ unit(views).reshape(28, WIDTH).T).reshape(7, 7, 4).mean(axis=2)
    expected = slow_ranks(scores, range(7))
    one = evaluator(clips, average=average, directions=("text_to_audio",), ranks=(1, 3))
    result = one.evaluate(Towers(clips))
    assert result["toy/clips"] == result["toy/text_to_audio/queries"] == 7
    assert result["toy/text_to_audio/mean_rank"] == pytest.approx(np.mean(expected))
    assert result["toy/text_to_audio/recall_at_1"] == np.mean(np.array(expected) <= 1)
    assert not any("video_to" in key for key in result)
    card = one.artifact()["protocol"]
    assert (card["views"], card["averaged"], card["captions"]) == (4, average, "first")
    assert card["right"] == "exact match" and card["ties"] == protocol_card.TIE_RULE
    json.dumps(one.artifact(), allow_nan=False)


def test_both_sides_may_have_views():
    clips = ViewedClips()
    sound = unit(clips.columns[spec.AUDIO].reshape(7, 4, WIDTH).astype(np.float64))
    video = clips.columns[spec.VIDEO].reshape(28, 12)[:, :WIDTH].astype(np.float32) / 127.5 - 1
    pictures = unit(video.astype(np.float64).reshape(7, 4, WIDTH))
    scores = np.einsum("avd,bwd->abvw", sound, pictures).mean(axis=(2, 3))
    one = evaluator(clips, average="cosine", directions=("audio_to_video",), permutations=20)
    result = one.evaluate(Towers(clips))
    assert result["toy/audio_to_video/mean_rank"] == pytest.approx(np.mean(slow_ranks(scores, range(7))))
    assert 0 <= result["toy/audio_to_video/permuted_low_recall_at_1"] <= 1


@pytest.mark.parametrize("average", embedding.AVERAGE_CHOICES)
def test_batch_size_and_repetition_do_not_change_a_figure(average):
    clips = ViewedClips(views=3)
    one = evaluator(clips, average=average, batch_size=1)
    expected = one.evaluate(Towers(clips))
    assert one.evaluate(Towers(clips)) == expected
    assert evaluator(clips, average=average, batch_size=16).evaluate(Towers(clips)) == pytest.approx(
        expected, abs=1e-5
    )


def test_captions_that_only_later_views_have_count_once_each():
    clips = ViewedClips()
    result = evaluator(clips, captions="all").evaluate(Towers(clips))
    # The first view says the clip's caption twice, and both count; views 2 and 3 add one more.
    assert result["toy/text_to_audio/queries"] == 7 * 3
    assert result["toy/audio_to_text/queries"] == 7
    assert evaluator(clips).evaluate(Towers(clips))["toy/text_to_audio/queries"] == 7


def test_the_strips_are_those_of_the_clips():
    clips = ViewedClips()
    one = evaluator(clips, gallery_queries=14)
    one.evaluate(Towers(clips))
    shown = one.artifact()["shown_clips"]
    assert {each["id"] for each in shown.values()} <= {f"clip{i}@0.0" for i in range(7)}
    assert all(each["id"] == f"clip{number}@0.0" for number, each in shown.items())


def test_a_set_without_captions_is_refused_before_work_starts():
    clips = ViewedClips()
    counted = {"dataset": "viewed", "clips_with": {"video": 7, "audio": 7, "captions": 0}}
    described(clips, eval_facts=counted)
    wanted = evaluator(clips, directions=("text_to_video", "audio_to_video"))
    with pytest.raises(ValueError, match="text → video needs clips with both.*'viewed'.*no text"):
        wanted.check(None)
    evaluator(clips).check(None)  # there are other directions
    described(clips, eval_facts=None, clip=ClipSpec(modalities=("video",)))
    with pytest.raises(ValueError, match="needs clips with both.*no text"):
        evaluator(clips).evaluate(Towers(clips))
    described(clips, clip=None)
    clips.columns[spec.TEXT_MASK][:] = 0
    with pytest.raises(ValueError, match="at least two modalities, for text → video"):
        evaluator(clips, directions=("text_to_video",)).evaluate(Towers(clips))


@pytest.mark.parametrize(
    "setting", [{"average": "both"}, {"directions": ()}, {"directions": ("text_to_sound",)}]
)
def test_bad_settings_are_refused(setting):
    with pytest.raises(ValueError, match=f"`{next(iter(setting))}`"):
        evaluator(ViewedClips(), **setting)


def test_the_weights_fingerprint_is_of_the_values_alone():
    def model(*arrays, policy=None):
        return types.SimpleNamespace(weights=[np.asarray(array, np.float32) for array in arrays])

    first = protocol_card.weights_fingerprint(model([1, 2], [3]))
    assert first == protocol_card.weights_fingerprint(model([1, 2], [3])) and len(first) == 16
    assert first != protocol_card.weights_fingerprint(model([1, 2], [np.nextafter(3, 4, dtype=np.float32)]))
    assert first != protocol_card.weights_fingerprint(model([[1, 2]], [3]))
    assert protocol_card.weights_fingerprint(lambda inputs: None) == protocol_card.NOT_KNOWN
