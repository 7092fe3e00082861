"""The retrieval evaluator on a hand-made set, with a model whose embeddings are known."""

import base64
import inspect
import itertools
import json

import gin
import numpy as np
import pytest
import tensorflow as tf

from tests.evals.toy_clips import SIZE, ToyClips, ToyModel, places
from vatt import spec
from vatt.evals import embedding, encoder, examples, retrieval
from vatt.metrics import retrieval as metrics

NAMES = [f"{a}_to_{b}" for a, b in itertools.permutations(("video", "audio", "text"), 2)]


def evaluator(dataset=None, **settings):
    return retrieval.Retrieval(name="toy", dataset=dataset or ToyClips(), **{"batch_size": 4} | settings)


def test_a_perfect_model_finds_every_clip_first_in_all_six_directions():
    model = ToyModel()
    result = evaluator().evaluate(model)
    for name in NAMES:
        assert result[f"toy/{name}/recall_at_1"] == result[f"toy/exact_clip/{name}/recall_at_1"] == 1.0
        assert result[f"toy/{name}/median_rank"] == result[f"toy/{name}/mean_rank"] == 1.0
        assert result[f"toy/{name}/chance_recall_at_1"] == pytest.approx(0.2)
        assert result[f"toy/exact_clip/{name}/chance_recall_at_5"] == pytest.approx(0.5)
        assert result[f"toy/exact_clip/{name}/chance_median_rank"] == 5.5
        assert result[f"toy/{name}/queries"] == 10
    assert result["toy/clips"] == 10  # the two padded rows of the last batch do not count
    assert all(isinstance(value, float) for value in result.values())
    assert model.seen == {"video": ("float32", 5), "audio": ("float32", 2), "text": ("int32", 2)}


def test_figures_of_a_wrong_model_equal_the_metrics_computed_apart():
    result = evaluator(permutations=50).evaluate(ToyModel(audio_shift=3.3))
    ids = np.arange(10)
    audio, video = places(tf.cast(tf.range(10), tf.float32) + 3.3).numpy(), places(tf.range(10)).numpy()
    by_group = metrics.ranks_from_embeddings(audio, video, ids // 2, ids // 2)
    exact = metrics.ranks_from_embeddings(audio, video, ids, ids)
    assert result["toy/audio_to_video/recall_at_5"] == metrics.recall_at_k(by_group, 5) < 1
    assert result["toy/audio_to_video/mean_rank"] == metrics.mean_rank(by_group)
    assert result["toy/exact_clip/audio_to_video/median_rank"] == metrics.median_rank(exact)
    assert result["toy/text_to_video/recall_at_1"] == 1.0
    low, high = (result[f"toy/audio_to_video/permuted_{end}_recall_at_5"] for end in ("low", "high"))
    assert 0 <= low <= high <= 1


def test_batch_size_and_repetition_do_not_change_a_figure():
    model, one = ToyModel(audio_shift=1.4), evaluator(batch_size=1)
    expected = one.evaluate(model)
    assert one.evaluate(model) == expected
    assert evaluator(batch_size=16).evaluate(model) == pytest.approx(expected, abs=1e-5)


def test_the_model_is_traced_once():
    model, one = ToyModel(), evaluator()
    one.evaluate(model)
    one.evaluate(model)
    assert model.traces == 1


def test_clips_without_a_modality_take_no_part_in_its_directions():
    one = evaluator(ToyClips(without={"text": [0, 1, 7], "audio": [7, 9]}))
    result = one.evaluate(ToyModel())
    assert result["toy/clips"] == 10
    assert result["toy/text_to_video/queries"] == result["toy/video_to_text/queries"] == 7
    assert result["toy/audio_to_video/queries"] == 8
    assert result["toy/audio_to_text/queries"] == 6
    assert result["toy/exact_clip/text_to_video/chance_recall_at_1"] == pytest.approx(1 / 7)
    left_out = {each["name"]: each["left_out"] for each in one.artifact()["directions"]}
    assert left_out["text_to_video"] == 3 and left_out["audio_to_text"] == 4


def test_directions_nobody_can_run_are_absent_and_none_at_all_is_an_error():
    nothing = list(range(10))
    result = evaluator(ToyClips(without={"text": nothing})).evaluate(ToyModel())
    assert {key.split("/")[1] for key in result if "recall_at_1" in key} == {
        "audio_to_video",
        "video_to_audio",
        "exact_clip",
    }
    with pytest.raises(ValueError, match="at least two modalities.*'video': 10"):
        evaluator(ToyClips(without={"text": nothing, "audio": nothing})).evaluate(ToyModel())
    with pytest.raises(ValueError, match="at least one clip.*'toy'"):
        evaluator(ToyClips(count=0)).evaluate(ToyModel())


def test_all_captions_are_queries_when_asked_for():
    result = evaluator(captions="all").evaluate(ToyModel())
    assert result["toy/text_to_video/queries"] == 20
    assert result["toy/video_to_text/queries"] == 10
    assert (
        result["toy/exact_clip/text_to_video/recall_at_1"] < 1.0
    )  # the second caption describes another clip
    # Clip i's own caption and another clip's second one are equal: a tie, counted against the model.
    assert result["toy/exact_clip/video_to_text/median_rank"] == 2.0


def test_the_first_caption_is_the_first_that_exists():
    clips = ToyClips()
    clips.columns[spec.TEXT_MASK][:, 0] = 0
    result = evaluator(clips).evaluate(ToyModel())
    assert result["toy/text_to_video/queries"] == 10
    assert result["toy/exact_clip/text_to_video/recall_at_1"] < 1.0


def test_broken_embeddings_name_the_clip_unless_it_is_masked():
    with pytest.raises(ValueError, match="NaN or infinity in 'audio/video_audio' of clip 'clip6@0.0'"):
        evaluator(ToyClips(poison=6)).evaluate(ToyModel())
    evaluator(ToyClips(poison=6, without={"audio": [6]})).evaluate(ToyModel())


def test_artifact_is_json_and_shows_right_and_wrong():
    one = evaluator(gallery_queries=6)
    one.evaluate(ToyModel(audio_shift=3.3))
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    assert artifact["clips"] == 10 and artifact["grouped"] is True
    assert [each["derived"] for each in artifact["directions"]] == [False] * 4 + [True] * 2
    assert [query["direction"] for query in artifact["queries"]] == ["text_to_video"] * 3 + [
        "audio_to_video"
    ] * 3
    for query in artifact["queries"]:
        assert len(query["retrieved"]) == 5 and len(query["envelope"]) == examples.ENVELOPE_BARS
        scores = [item["score"] for item in query["retrieved"]]
        assert scores == sorted(scores, reverse=True)
        hits = [item["hit"] for item in query["retrieved"]]
        assert hits.index(True) + 1 == query["rank"] if query["rank"] <= 5 else not any(hits)
        group = artifact["shown_clips"][str(query["clip"])]["group"]
        for item in query["retrieved"]:
            assert item["hit"] == (artifact["shown_clips"][str(item["clip"])]["group"] == group)
    for each in artifact["directions"]:
        for figures, ranks in (("figures", "query_ranks"), ("exact_clip", "exact_clip_query_ranks")):
            right = [rank == 1 for rank in each[ranks]]
            assert len(right) == each["queries"] and each[figures]["recall_at_1"] == np.mean(right)
    strip = artifact["shown_clips"][str(artifact["queries"][0]["clip"])]
    picture = tf.io.decode_jpeg(base64.b64decode(strip["jpeg_base64"]))
    width = examples.FRAMES * (SIZE + examples.GAP_PIXELS) - examples.GAP_PIXELS
    assert picture.shape == (SIZE, width, 3)
    brightness = picture[:, :SIZE].numpy().mean()
    assert abs(brightness - (8 * artifact["queries"][0]["clip"] + 2)) < 6  # the strip shows this very clip
    one.evaluate(ToyModel(audio_shift=3.3))
    assert json.loads(json.dumps(one.artifact())) == artifact


def test_no_examples_when_none_are_wanted():
    one = evaluator(gallery_queries=0)
    one.evaluate(ToyModel())
    assert one.artifact()["queries"] == [] and one.artifact()["shown_clips"] == {}


def test_pick_queries_takes_half_right_where_it_can():
    ranks, owners = np.array([1, 1, 4, 1, 9, 1, 1, 2]), np.array([0, 1, 2, 3, 4, 5, 5, 6])
    chosen = examples.pick_queries(ranks, owners, 4, seed=3)
    assert len(set(chosen)) == 4 and (ranks[chosen] == 1).sum() == 2
    assert 6 not in examples.pick_queries(ranks, owners, 8, seed=3)  # the second query of clip 5
    assert len(examples.pick_queries(ranks, owners, 6, seed=0)) == 6
    assert len(examples.pick_queries(np.ones(5, int), np.arange(5), 4, seed=0)) == 4
    assert len(examples.pick_queries(np.full(5, 2), np.arange(5), 4, seed=0)) == 4


def test_table_has_a_row_per_direction_and_marks_the_derived_ones():
    one = evaluator(ranks=[5, 1])
    with pytest.raises(RuntimeError, match="nothing to show yet"):
        one.table()
    one.evaluate(ToyModel())
    title, columns, rows = one.table()
    assert "10 clips" in title and "never trained directly" in title
    assert columns == ["direction", "queries", "R@1 %", "R@5 %", "median rank"]
    assert [row[0] for row in rows if row[0].endswith("*")] == ["text → audio *", "audio → text *"]
    assert rows[0] == ["text → video", "10", "100.0 (20.0)", "100.0 (77.8)", "1 (3)"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"name": "a/b"}, "`name`"),
        ({"ranks": (0, 1)}, "`ranks`"),
        ({"ranks": ()}, "`ranks`"),
        ({"captions": "last"}, "`captions`"),
    ],
)
def test_bad_settings_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        retrieval.Retrieval(**{"name": "toy", "dataset": ToyClips()} | setting)


def test_gin_can_build_it_and_refuses_a_misspelt_parameter():
    parameters = inspect.signature(retrieval.Retrieval).parameters.values()
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters)
    with gin.unlock_config():
        gin.parse_config("demo/Retrieval.name = 'x'\nRetrieval.batch_size = 2")
        with pytest.raises(ValueError, match="batch_sise"):
            gin.parse_config("Retrieval.batch_sise = 2")


def test_embedding_dtype_is_float32_whatever_the_model_computes_in():
    class Half(ToyModel):
        def __call__(self, inputs, training=False):
            return {key: tf.cast(value, tf.bfloat16) for key, value in super().__call__(inputs).items()}

    encode = encoder.compiled_encoder(Half(), ["video/video_text", "text/video_text"])
    embedded = embedding.embed_clips(encode, ToyClips(), batch_size=4)
    assert set(embedded.vectors) == {"video/video_text", "text/video_text"}
    assert encode({"video": ToyClips().columns["video"]})["video/video_text"].dtype == "float32"
    assert embedded.clip_ids[9] == "clip9@0.0" and embedded.captions[3] == "caption <3>"
