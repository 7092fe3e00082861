"""Roll-out on clips: shares where they belong, what moves and what is loud by hand, the choice shown."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.analyses.small_clips import PIXELS, SmallClips
from vatt.analyses import attention_map, energy
from vatt.analyses.attention_map import AttentionMap


def made(toys, **settings):
    return AttentionMap(**{"name": "looks", "dataset": toys, "batch_size": 4, "shown": 3} | settings)


def test_the_artifact_has_frames_waveform_and_words_with_their_shares(specific, clips):
    one = made(clips)
    result = one.evaluate(specific)
    artifact = json.loads(json.dumps(one.artifact(), allow_nan=False))
    assert len(artifact["shown"]) == 3 and artifact["clips"] == 13
    for shown in artifact["shown"]:
        shares = np.array(shown["video"]["shares"])
        assert shares.shape == (2, 2, 2) and shares.mean() == pytest.approx(1.0, abs=2e-3)
        assert np.mean(shown["audio"]["shares"]) == pytest.approx(1.0, abs=2e-3)
        assert np.mean(shown["text"]["shares"]) == pytest.approx(1.0, abs=2e-3)
        assert len(shown["text"]["words"]) == len(shown["text"]["shares"])
        number = int(shown["id"].partition("@")[0].removeprefix("clip"))
        ids = clips.columns["text"][number, 0]
        assert shown["text"]["words"] == [f"word{each}" for each in ids[ids != 0]]
        picture = Image.open(io.BytesIO(base64.b64decode(shown["video"]["frames_jpeg_base64"][0])))
        assert picture.size == (PIXELS, PIXELS) == tuple(shown["video"]["frame_size"])
    for modality in ("video", "audio", "text"):
        assert 0 < result[f"looks/{modality}/entropy"] <= 1 <= result[f"looks/{modality}/peak"]


def test_clips_and_numbers_do_not_depend_on_the_batch_size(agnostic, clips):
    one = made(clips, clips=7)
    expected = one.evaluate(agnostic)
    shown = [each["id"] for each in one.artifact()["shown"]]
    again = made(clips, clips=7, batch_size=3)
    assert again.evaluate(agnostic) == pytest.approx(expected, abs=1e-5)
    assert [each["id"] for each in again.artifact()["shown"]] == shown
    assert expected["looks/clips"] == 7 and len(shown) == 3
    other = made(clips, clips=7, seed=1)
    other.evaluate(agnostic)
    assert [each["id"] for each in other.artifact()["shown"]] != shown


def test_missing_modalities_are_not_drawn_and_nothing_at_all_is_refused(agnostic):
    one = made(SmallClips(4, without={"video": [0, 1, 2, 3], "audio": [1]}), shown=4)
    result = one.evaluate(agnostic)
    assert one.artifact()["clips_with"] == {"audio": 3, "text": 4}
    assert [set(each) for each in one.artifact()["shown"]] == [
        {"id", "caption", "audio", "text"} if n != 1 else {"id", "caption", "text"} for n in range(4)
    ]
    assert not [key for key in result if "video" in key]
    with pytest.raises(ValueError, match="at least one clip"):
        made(SmallClips(0)).evaluate(agnostic)
    mute = SmallClips(3, without=dict.fromkeys(("video", "audio", "text"), range(3)))
    with pytest.raises(ValueError, match="Attention is followed in clips with"):
        made(mute).evaluate(agnostic)


def test_movement_and_loudness_by_hand():
    video = np.zeros((4, 4, 4, 3), np.uint8)
    video[2:, :2, 2:] = 40  # at the third frame the upper right corner lights up
    moved = energy.movement(video, (2, 2, 2))
    assert moved[1, 0, 1] == pytest.approx(20.0)  # of its two frames one changes by 40
    assert np.count_nonzero(moved) == 1
    np.testing.assert_allclose(energy.loudness(np.array([0.0, 0.0, 3.0, 4.0]), 2), [0, np.sqrt(12.5)])
    np.testing.assert_array_equal(energy.outline(np.array([0.1, -0.5, 0.2]), 2), [0.1, 0.5])
    with pytest.raises(ValueError, match="1 to 3 parts.*4"):
        energy.outline(np.zeros(3), 4)


def test_correlation_is_of_ranks_and_absent_where_nothing_happens():
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    assert attention_map._correlation("c", shares, np.array([1, 4, 9, 99])) == {"c": pytest.approx(1.0)}
    assert attention_map._correlation("c", shares, np.array([9, 5, 3, 1])) == {"c": pytest.approx(-1.0)}
    assert attention_map._correlation("c", shares, np.ones(4)) == {}
    assert attention_map._concentration(np.full(8, 1 / 8)) == {
        "entropy": pytest.approx(1.0),
        "peak": pytest.approx(1.0),
    }
    alone = attention_map._concentration(np.eye(1, 8)[0])
    assert alone == {"entropy": pytest.approx(0.0), "peak": pytest.approx(8.0)}
