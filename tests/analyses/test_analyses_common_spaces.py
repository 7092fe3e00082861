"""Geometry, calibration and neighbours of a model whose embeddings are known."""

import json

import numpy as np
import pytest

from tests.evals.toy_clips import ToyClips, ToyModel
from vatt.analyses.nearest_neighbours import NearestNeighbours
from vatt.analyses.similarity_calibration import SimilarityCalibration
from vatt.analyses.space_geometry import SpaceGeometry

NOTHING = list(range(10))


def geometry(toys=None, **settings):
    return SpaceGeometry(name="geometry", dataset=toys or ToyClips(), batch_size=4, neighbours=3, **settings)


def calibration(toys=None, **settings):
    settings = {"clips": None, "folds": 2} | settings
    return SimilarityCalibration(name="calibration", dataset=toys or ToyClips(), batch_size=4, **settings)


def neighbours(toys=None, **settings):
    settings = {"neighbours": 2, "shown": 2} | settings
    return NearestNeighbours(name="neighbours", dataset=toys or ToyClips(), batch_size=4, **settings)


@pytest.mark.parametrize("make", [geometry, calibration, neighbours])
def test_again_the_same_and_the_same_at_another_batch_size(make):
    one, model = make(), ToyModel(audio_shift=1.4)
    expected = one.evaluate(model)
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    assert one.evaluate(model) == expected and json.loads(json.dumps(one.artifact())) == artifact
    other = make()
    other.batch_size = 16
    assert other.evaluate(model) == pytest.approx(expected, abs=1e-4)
    assert artifact["protocol"]["evaluator"] == type(one).__name__
    title, columns, rows = one.table()
    assert "10 clips" in title and rows and all(len(row) == len(columns) for row in rows)


def test_equal_embeddings_have_no_gap_and_perfect_alignment():
    result = geometry().evaluate(ToyModel())
    for pair in ("text_video", "audio_video", "text_audio"):
        assert result[f"geometry/{pair}/gap"] == pytest.approx(0.0, abs=1e-5)
        assert result[f"geometry/{pair}/alignment"] == pytest.approx(0.0, abs=1e-9)
        assert result[f"geometry/{pair}/chance_gap"] > 0.05
    assert result["geometry/text_video/uniformity_text"] == pytest.approx(
        result["geometry/text_video/uniformity_video"], abs=1e-6
    )
    shifted = geometry().evaluate(ToyModel(audio_shift=5.0))
    assert shifted["geometry/audio_video/gap"] > 0.5 > shifted["geometry/text_video/gap"]
    assert shifted["geometry/audio_video/alignment"] == pytest.approx(2.0, abs=1e-5)  # a right angle


def test_neighbours_of_a_perfect_model_are_the_clip_and_the_next_one():
    one = neighbours()
    result = one.evaluate(ToyModel())
    assert result["neighbours/text_to_video/chance_group_share"] == pytest.approx(0.2)
    for query in one.artifact()["queries"]:
        for direction in query["directions"]:
            first = direction["retrieved"][0]
            assert first["clip"] == query["clip"] and first["hit"] and first["score"] == pytest.approx(1.0)
    assert set(one.artifact()["shown_clips"]) >= {str(query["clip"]) for query in one.artifact()["queries"]}
    alone = neighbours(neighbours=1).evaluate(ToyModel())  # of more, the clips on both sides are as near
    for gallery in ("video/text_audio", "audio/video_text", "text/video_audio"):
        assert alone[f"neighbours/{gallery}/mutual"] == 1.0
    few = neighbours(neighbours=50).evaluate(ToyModel())
    assert few["neighbours/text_to_video/group_share"] == pytest.approx(0.2)  # all clips are neighbours


def test_the_softmax_of_a_perfect_model_is_as_right_as_it_is():
    one = calibration()
    result = one.evaluate(ToyModel())
    assert result["calibration/text_to_video/first_right"] == 1.0
    assert result["calibration/text_to_video/right_pairs"] == pytest.approx(0.2)
    confidence = result["calibration/text_to_video/confidence"]
    # Always right: the error is what confidence lacks.
    assert result["calibration/text_to_video/first_ece"] == pytest.approx(1 - confidence, abs=1e-6)
    described = one.artifact()["directions"][0]
    assert sum(each["count"] for each in described["by_cosine"]) == 100
    assert sum(each["count"] for each in described["first_bins"]) == 10
    at_even = described["slope"] * described["figures"]["even_cosine"] + described["offset"]
    assert at_even == pytest.approx(0.0, abs=1e-6)


def test_where_no_cosine_tells_right_from_wrong_none_is_named():
    one = calibration(ToyClips(clips_per_group=5), folds=1 + 1)
    with pytest.raises(ValueError, match="at least 4 groups"):
        one.evaluate(ToyModel())
    turned = calibration()  # the audio of each clip is nearest to the images of a far one
    result = turned.evaluate(ToyModel(audio_shift=5.0))
    assert "calibration/audio_to_video/even_cosine" not in result
    assert "calibration/text_to_video/even_cosine" in result
    rows = {row[0]: row[1] for row in turned.table()[2]}
    assert rows["audio → video"] == "–" and float(rows["text → video"]) < 1


def test_a_group_lies_in_one_fold():
    one = calibration(folds=3)
    groups = np.repeat(np.arange(20), 3)
    folds = one._folds(groups)
    assert all(len(set(folds[groups == each])) == 1 for each in range(20))
    assert set(np.bincount(folds)) <= {18, 21}


def test_pairs_nobody_has_are_absent_and_none_at_all_is_refused():
    clips = ToyClips(without={"text": NOTHING})
    assert {one["pair"] for one in _artifact(geometry(clips))["pairs"]} == {"audio_video"}
    assert {one["name"] for one in _artifact(calibration(clips))["directions"]} == {
        "audio_to_video",
        "video_to_audio",
    }
    queries = _artifact(neighbours(clips))["queries"]
    assert {each["direction"] for query in queries for each in query["directions"]} == {
        "audio_to_video",
        "video_to_audio",
    }
    alone = ToyClips(without={"text": NOTHING, "audio": NOTHING})
    for make, message in ((geometry, "two clips"), (calibration, "2 folds"), (neighbours, "one modality")):
        with pytest.raises(ValueError, match=f"{message}.*10 clips of dataset 'toy'"):
            make(alone).evaluate(ToyModel())
    with pytest.raises(ValueError, match="at least 12 groups"):
        calibration(folds=6).evaluate(ToyModel())


def test_clips_without_a_modality_take_no_part_in_its_pairs():
    artifact = _artifact(geometry(ToyClips(without={"text": [0, 1, 7], "audio": [7, 9]})))
    assert [one["clips"] for one in artifact["pairs"]] == [7, 8, 6]


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (geometry, {"clips": 0}),
        (calibration, {"temperature": 0.0}),
        (calibration, {"bins": 1}),
        (neighbours, {"shown": -1}),
    ],
)
def test_bad_settings_are_refused(make, setting):
    with pytest.raises(ValueError, match=f"`{next(iter(setting))}`"):
        make(**setting)


def _artifact(one):
    one.evaluate(ToyModel())
    return one.artifact()
