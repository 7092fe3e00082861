"""Spaces before and after the model: pairs counted by hand, models of both kinds, missing modalities."""

import json

import numpy as np
import pytest

from tests.analyses.small_clips import SmallClips
from vatt.analyses.pairs import key_of, paired, pairs_in
from vatt.analyses.space_map import SpaceMap, _density, _mixing
from vatt.evals.embedding import EmbeddedClips


def made(toys, **settings):
    return SpaceMap(**{"name": "spaces", "dataset": toys, "batch_size": 4, "clips": 100} | settings)


def embedded(left, right, groups, owners=None):
    owners = owners or {"text": np.arange(len(left)), "video": np.arange(len(right))}
    return EmbeddedClips(
        clip_ids=[f"clip{n}" for n in range(len(groups))],
        groups=groups,
        captions=[""] * len(groups),
        owners=owners,
        vectors={"text/video_text": np.asarray(left, float), "video/video_text": np.asarray(right, float)},
    )


def test_pairs_are_text_video_audio_video_and_the_derived_one():
    assert [(key_of(pair), pair.space, pair.derived) for pair in pairs_in(None)] == [
        ("text_video", "video_text", False),
        ("audio_video", "video_audio", False),
        ("text_audio", "video_text", True),
    ]


def test_positives_are_a_clip_s_own_and_negatives_of_other_groups():
    clips = embedded([[1, 0], [1, 0], [0, 1]], [[1, 0], [0, 1], [0, 1]], ["a", "a", "b"])
    found = _density("video_text", pairs_in(None)[0], clips)
    assert (found["clips"], found["negatives"]) == (3, 4)  # the two of group a are neither
    figures = found["figures"]
    assert figures["positive_mean"] == pytest.approx((1 + 0 + 1) / 3)
    # text 0 and 1 with video 2: 0, 0; text 2 with video 0 and 1: 0, 1.
    assert figures["negative_mean"] == pytest.approx(0.25)
    wins = [1.0 if p > n else 0.5 if p == n else 0.0 for p in (1, 0, 1) for n in (0, 0, 0, 1)]
    assert figures["auc"] == pytest.approx(np.mean(wins))
    for curve in (found["positive"], found["negative"]):
        assert np.trapezoid(curve, found["at"]) == pytest.approx(1.0, abs=0.03)


def test_only_clips_with_both_are_paired_and_narrow_vectors_are_filled_up():
    owners = {"text": np.array([0, 2, 3]), "video": np.array([1, 2, 3])}
    clips = embedded(np.eye(3), [[1, 0], [0, 1], [2, 2]], ["", "", "", "b"], owners)
    both = paired(clips, "text/video_text", "video/video_text")
    assert both.clips.tolist() == [2, 3] and both.right.shape == (2, 3)
    np.testing.assert_allclose(both.similarities(), [[1, np.sqrt(0.5)], [0, 0]], atol=1e-12)
    assert paired(clips, "text/video_text", "audio/video_text") is None


def test_mixing_is_none_of_far_modalities_and_all_of_equal_ones():
    random = np.random.default_rng(0)
    cloud, modality = random.normal(size=(200, 3)), np.repeat([0, 1], 100)
    assert _mixing(cloud, modality) == pytest.approx(1.0, abs=0.1)
    far = np.concatenate([[10, 0, 0] + cloud[:100], [-10, 0, 0] + cloud[100:]])
    assert _mixing(far, modality) == 0.0


@pytest.mark.parametrize("kind", ["specific", "agnostic"])
def test_numbers_and_artifact_of_both_kinds_of_model(kind, clips, request):
    model, one = request.getfixturevalue(kind), made(clips)
    result = one.evaluate(model)
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    assert artifact["one_encoder"] == (kind == "agnostic")
    assert [each["space"] for each in artifact["maps"]] == ["input", "video_text", "video_audio"]
    assert [len(each["points"]) for each in artifact["maps"]] == [39, 39, 26]
    assert {(each["space"], each["pair"]) for each in artifact["densities"]} == {
        ("input", "text_video"),
        ("input", "audio_video"),
        ("input", "text_audio"),
        ("video_text", "text_video"),
        ("video_text", "text_audio"),
        ("video_audio", "audio_video"),
    }
    assert all(0 <= result[f"spaces/input/{pair}/auc"] <= 1 for pair in ("text_video", "audio_video"))
    assert one.evaluate(model) == result and one.artifact() == artifact
    other = made(clips, batch_size=9).evaluate(model)
    assert other == pytest.approx(result, abs=1e-4)
    title, columns, rows = one.table()
    assert "13 clips" in title and len(rows) == 6 and all(len(row) == len(columns) for row in rows)


def test_missing_modalities_have_no_points_and_one_alone_is_refused(agnostic):
    one = made(SmallClips(9, without={"text": [0, 1, 4], "audio": range(9)}))
    result = one.evaluate(agnostic)
    (first, second) = one.artifact()["maps"]
    assert first["modalities"] == second["modalities"] == ["video", "text"] and len(first["points"]) == 15
    assert one.artifact()["densities"][0]["clips"] == 6
    assert not [key for key in result if "audio" in key]
    with pytest.raises(ValueError, match="at least two modalities.*'video': 9"):
        made(SmallClips(9, without={"text": range(9), "audio": range(9)})).evaluate(agnostic)
    with pytest.raises(ValueError, match="at least one clip"):
        made(SmallClips(0)).evaluate(agnostic)
    with pytest.raises(ValueError, match="looks into Transformers.*object"):
        made(SmallClips(3)).check(object())
