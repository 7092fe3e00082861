"""ConvNets as towers: saved and opened, of any mixture, in analyses that need tokens."""

import keras
import numpy as np
import pytest

from tests.small_models import TINY_CLIP, small_conv_vatt, small_vatt
from vatt.analyses.watch import modalities_read
from vatt.engines.groups import layer_factors
from vatt.models import intermediates
from vatt.models.bounds import TooLargeError, check_description
from vatt.models.loading import load_model
from vatt.models.vatt import VATT


def inputs(rows=2):
    draw = np.random.default_rng(0)
    return {
        "video": draw.uniform(-1, 1, (rows, *TINY_CLIP.sizes("video"), 3)).astype("float32"),
        "audio": draw.uniform(-1, 1, (rows, TINY_CLIP.samples)).astype("float32"),
        "text": draw.integers(0, 11, (rows, 16)).astype("int32"),
    }


def mixture():
    other = small_vatt(widths=(8, 8))
    return VATT(video=small_conv_vatt().video, audio=other.audio, text=other.text, spaces=None)


@pytest.mark.parametrize("make", [small_conv_vatt, mixture])
def test_a_file_gives_the_same_model(make, tmp_path):
    model = make()
    given = inputs()
    model(given, training=True)  # moves the statistics
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert [weight.path for weight in again.weights] == [weight.path for weight in model.weights]
    outputs, expected = again(given), model(given)
    assert set(outputs) == set(expected) and outputs["video/tokens"].shape[1] > 1
    for name, value in expected.items():
        np.testing.assert_array_equal(outputs[name], value, err_msg=name)


def test_a_spectrogram_made_elsewhere_gives_the_same():
    model, given = small_conv_vatt(), inputs()
    spectrogram = model.audio.log_mel(given["audio"])[..., None]
    np.testing.assert_array_equal(
        model({"audio": given["audio"]})["audio/pooled"], model({"audio": spectrogram})["audio/pooled"]
    )


def test_rows_that_do_not_exist_leave_no_trace_in_training():
    model, given = small_conv_vatt(), inputs(4)
    mask = {"video_mask": np.array([1, 1, 1, 0], "float32")}
    whole = model({"video": given["video"], **mask}, training=True)["video/pooled"]
    other = given["video"].copy()
    other[3] = 0
    changed = model({"video": other, **mask}, training=True)["video/pooled"]
    np.testing.assert_allclose(changed[:3], whole[:3], atol=1e-6)


def test_what_looks_at_tokens_reads_transformers_alone(caplog):
    with pytest.raises(ValueError, match="ConvNets for video, audio, text, which have neither tokens nor"):
        modalities_read(small_conv_vatt())
    made = mixture()
    assert modalities_read(made) == ("audio", "text") and "left out: video" in caplog.text
    assert set(intermediates.roll_outs(made, inputs())) == {"audio/roll_out", "text/roll_out"}


def test_learning_rates_fall_from_stage_to_stage():
    encoder = small_conv_vatt().video.encoder
    kernels = [weight.path for weight in encoder.trainable_weights if weight.path.endswith("kernel")]
    first, *_, last = layer_factors(kernels, 0.5)
    assert (first, last) == (0.25, 0.5)


@pytest.mark.parametrize("change", [{"depths": [10**6]}, {"stem_channels": 10**6}, {"width_factor": 10**4}])
def test_a_description_that_asks_for_too_much_is_refused(change):
    described = keras.saving.serialize_keras_object(small_conv_vatt())
    name = "video" if "width_factor" in change else "audio"
    described["config"][name]["config"]["encoder"]["config"].update(change)
    with pytest.raises(TooLargeError):
        check_description(described, source="a test", weights=10_000)
