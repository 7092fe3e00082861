"""The maps of `CommonSpaces.all_pairs`: of audio, and of video and audio, into the video-text space."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trained_run import tiny_vatt
from vatt.embed.embedder import Embedder
from vatt.layers import draws
from vatt.models.common_spaces import CommonSpaces
from vatt.spec import VIDEO_AUDIO, ClipSpec

WIDTH, TEXT_WIDTH = 3, 4
DRAW = np.random.default_rng(4)
CLIP = ClipSpec(frames=4, frame_rate_hz=10.0, frame_size=16, sample_rate_hz=1000, words=4, candidates=2)


def spaces_of(**options):
    spaces = CommonSpaces(video_audio_width=WIDTH, video_text_width=TEXT_WIDTH, all_pairs=True, **options)
    spaces.build({"video": 5, "audio": 6, "text": 7})
    return spaces


def test_it_is_a_linear_map_of_both_normalised_by_the_batch():
    spaces = spaces_of()
    video, audio = DRAW.normal(size=(2, 8, WIDTH)).astype("float32")
    there = np.array([[1, 1, 0, 1, 0, 1, 1, 1], [1, 0, 1, 1, 0, 1, 1, 1]], "float32")
    found = spaces.joint_to_video_text(video, audio, there[0], there[1], training=True)
    both = np.concatenate([video * there[0][:, None], audio * there[1][:, None]], axis=1)
    mapped = both @ spaces.joint.kernel.numpy()
    rows = mapped[there.max(axis=0) > 0]  # clips without either are none
    wanted = (mapped - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-5)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_modality_dropout_is_a_function_of_the_clip_and_leaves_one():
    spaces, rows = spaces_of(modality_dropout=0.5), 400
    spaces.joint.kernel.assign(np.eye(2 * WIDTH)[:, :TEXT_WIDTH])
    ones = tf.ones((rows, WIDTH))

    def dropped(keys):
        with draws.keyed(tf.constant([[3, key] for key in keys])):
            made = spaces.joint_to_video_text(ones, ones, training=True)
        # Features 0 to 2 are the video's, 3 the audio's: each is normalised, so that what is low is dropped.
        return np.stack([np.asarray(made)[:, 0] < 0, np.asarray(made)[:, 3] < 0], axis=1)

    found = dropped(range(rows))
    assert not found.all(axis=1).any()
    assert 0.4 < found.any(axis=1).mean() < 0.6
    assert found[:, 0].mean() == pytest.approx(found[:, 1].mean(), abs=0.1)
    assert np.array_equal(dropped(range(rows - 1, -1, -1))[::-1], found)


def test_audio_has_a_map_of_its_own_and_both_are_saved(tmp_path):
    model = tiny_vatt(all_pairs=True)
    inputs = {
        "video": tf.random.stateless_uniform((2, 4, 16, 16, 3), (1, 2), -1.0, 1.0),
        "audio": tf.random.stateless_uniform((2, 400), (1, 3), -1.0, 1.0),
        "text": tf.constant([[2, 3, 0, 0], [4, 5, 6, 0]]),
    }
    made = model(inputs)
    own = model.spaces.audio_bridge_norm(model.spaces.audio_bridge(made["audio/video_audio"]))
    np.testing.assert_allclose(made["audio/video_text"], own, rtol=1e-6)
    assert made["audio_visual/video_text"].shape == (2, model.spaces.video_text_width)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")(inputs)
    np.testing.assert_allclose(loaded["audio_visual/video_text"], made["audio_visual/video_text"], rtol=1e-5)
    assert "audio_visual/video_text" not in model({"video": inputs["video"]})
    assert "audio_visual/video_text" not in tiny_vatt()(inputs)


def test_an_embedder_gives_it_of_the_mean_of_the_windows():
    model = tiny_vatt(all_pairs=True)
    embedder = Embedder(model, clip=CLIP)
    embedder_without = Embedder(tiny_vatt(), clip=CLIP)
    frames = DRAW.integers(0, 256, (2, 10, 16, 16, 3), "uint8")
    samples = DRAW.uniform(-1, 1, (2, 1000)).astype("float32")
    found = embedder.embed_audio_visual(frames, samples)["video_text"]
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    means = [
        embedder._media_encoder.means(m, [media], {"x": f"{m}/{VIDEO_AUDIO}"})["x"]
        for m, media in (("video", frames), ("audio", samples))
    ]
    joint = np.asarray(model.spaces.joint_to_video_text(*(each.astype("float32") for each in means)))
    np.testing.assert_allclose(
        found, joint / np.linalg.norm(joint, axis=1, keepdims=True), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ValueError, match="needs a model that was trained with it"):
        embedder_without.embed_audio_visual(frames, samples)
    with pytest.raises(ValueError, match="of the same clips. Received: 2 and 1 rows"):
        embedder.embed_audio_visual(frames, samples[:1])


def test_dropout_without_a_joint_map_is_refused():
    with pytest.raises(ValueError, match="`modality_dropout` must be in .*`all_pairs=True`"):
        CommonSpaces(modality_dropout=0.5)
