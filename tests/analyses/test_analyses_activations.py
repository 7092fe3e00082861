"""Mean activations: the streamed means against all at once, both kinds of model, missing modalities."""

import json

import numpy as np
import pytest

from tests.analyses.small_clips import SmallClips
from vatt import spec
from vatt.analyses.activations import Activations
from vatt.models import intermediates


def made(toys, **settings):
    return Activations(**{"name": "nodes", "dataset": toys, "batch_size": 4} | settings)


def test_streamed_means_equal_those_of_all_clips_at_once(agnostic):
    clips = SmallClips(13, without={"audio": [2, 3], "text": [0, 12]})
    one = made(clips)
    result = one.evaluate(agnostic)
    columns = clips.columns
    whole = intermediates.mean_activations(
        agnostic,
        {
            "video": columns[spec.VIDEO].astype("float32") / 127.5 - 1,
            "audio": columns[spec.AUDIO],
            "text": columns[spec.TEXT][:, 0],
        },
    )
    expected = {}
    for modality, masks in (("video", "video_mask"), ("audio", "audio_mask"), ("text", "text_mask")):
        there = np.asarray(columns[masks]).reshape(13, -1)[:, 0] > 0
        expected[modality] = np.asarray(whole[f"{modality}/activations"])[there].mean(axis=0)
        held = one.artifact()["modalities"][modality]
        assert held["clips"] == there.sum() == result[f"nodes/{modality}/clips"]
        np.testing.assert_allclose(held["means"], expected[modality], rtol=1e-3, atol=1e-4)
        assert result[f"nodes/{modality}/magnitude"] == pytest.approx(
            np.abs(expected[modality]).mean(), rel=1e-4
        )
    both = np.corrcoef(expected["video"].ravel(), expected["text"].ravel())[0, 1]
    assert result["nodes/video_text/correlation"] == pytest.approx(both, abs=1e-4)
    strongest = np.argmax([np.abs(mean) for mean in expected.values()], axis=0)
    assert result["nodes/audio/preferring"] == pytest.approx(np.mean(strongest == 1))
    assert sum(result[f"nodes/{each}/preferring"] for each in expected) == pytest.approx(1.0)


def test_the_batch_size_changes_nothing_and_text_alone_is_enough(agnostic, clips):
    one = made(clips)
    expected = one.evaluate(agnostic)
    assert one.evaluate(agnostic) == expected
    assert made(clips, batch_size=13).evaluate(agnostic) == pytest.approx(expected, abs=1e-4)
    json.dumps(one.artifact(), allow_nan=False)
    alone = made(SmallClips(3, without={"video": range(3), "audio": range(3)}))
    result = alone.evaluate(agnostic)
    assert set(alone.artifact()["modalities"]) == {"text"}
    assert "nodes/text/preferring" not in result


def test_nodes_of_different_encoders_are_not_compared(specific, clips):
    one = made(clips)
    result = one.evaluate(specific)
    artifact = one.artifact()
    assert artifact["one_encoder"] is False and artifact["correlations"] == {}
    assert not [key for key in result if "correlation" in key or "preferring" in key]
    assert [each["layers"] for each in artifact["modalities"].values()] == [2, 2, 1]
    title, columns, rows = one.table()
    assert "an encoder for each modality" in title and {len(row) for row in rows} == {len(columns)} == {3}


def test_part_of_the_clips_and_none_at_all(agnostic, clips):
    assert made(clips, clips=5).evaluate(agnostic)["nodes/clips"] == 5
    with pytest.raises(ValueError, match="An evaluation needs at least one clip"):
        made(SmallClips(0)).evaluate(agnostic)
    silent = SmallClips(3, without=dict.fromkeys(("video", "audio", "text"), range(3)))
    with pytest.raises(ValueError, match="Activations need clips with video or audio or text"):
        made(silent).evaluate(agnostic)
