"""Training ConvNets: one batch normalisation on any number of replicas, resume, XLA, and rows in parts."""

import functools

import keras
import numpy as np
import pytest

from tests.engines.training import CLIP, NORM_TOLERANCE, Training, assert_same, clip_batch
from tests.small_models import small_conv_vatt, small_vatt
from vatt.engines.execution import Accumulated, Cached, Execution, WholeBatch
from vatt.engines.tensorflow.state import State
from vatt.layers.architecture import Size
from vatt.layers.pixels import DeviceInputs
from vatt.losses.classification import SoftmaxLoss
from vatt.losses.contrastive import ContrastiveLoss
from vatt.models.common_spaces import CommonSpaces
from vatt.models.vatt import VATT
from vatt.optimizers.factories import adam, sgd

MISSING = (("audio", (1, 4)), ("text", (0, 1, 6)), ("video", (3,)))


def conv_model(frozen=False):
    model = small_conv_vatt(clip=CLIP, vocabulary_size=30, frozen=frozen)
    for weight in model.weights:
        if weight.path.endswith("third/norm/gamma"):  # begins at 0, and would hide what is behind it
            weight.assign(np.ones(weight.shape))
    return model, ContrastiveLoss(), DeviceInputs()


def mixture():
    """I3D for video, Transformers for audio and text."""
    size = Size(depth=1, width=16, hidden_width=32, heads=2, head_width=8)
    other = small_vatt(size, clip=CLIP, audio_patch=(32,), vocabulary_size=30, widths=(8, 8))
    made = VATT(
        video=conv_model()[0].video,
        audio=other.audio,
        text=other.text,
        spaces=CommonSpaces(video_audio_width=8, video_text_width=8),
    )
    return made, ContrastiveLoss(), DeviceInputs()


def training(make=conv_model, *, replicas=1, optimizer=None, missing=MISSING, **execution):
    """Plain SGD whose step is the gradient, scaled to norm 1: weights show every gradient."""
    return Training(
        make=make,
        batch_of=lambda number: clip_batch(number, missing=missing),
        make_optimizer=optimizer or (lambda: sgd(learning_rate=1.0, momentum=0.0)),
        clip_global_norm=None if optimizer else 1.0,
        execution=Execution(**execution),
        replicas=replicas,
    )


@pytest.fixture(scope="module")
def one():
    made = training()
    return made.run(1)[0], made.weights()


@pytest.mark.parametrize("replicas", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_statistics_gradients_and_loss_are_those_of_the_whole_batch_on_any_number_of_replicas(one, replicas):
    results, weights = one
    several = training(replicas=replicas)
    found = several.run(1)[0]
    for name in ("loss", "loss/video_audio", "loss/video_text"):
        np.testing.assert_allclose(found[name], results[name], rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(found["gradient_norm"], results["gradient_norm"], rtol=10 * NORM_TOLERANCE)
    assert_same(weights, several.weights(), rtol=1e-4, atol=2e-5)


def test_moving_statistics_of_every_layer_move(one):
    _, weights = one
    moving = {name: value for name, value in weights.items() if "/video/" in name and "moving_mean" in name}
    assert len(moving) == 7 and all(np.any(value != 0) for value in moving.values())


def test_resuming_is_exact_to_the_bit(tmp_path):
    made = training(optimizer=lambda: adam(learning_rate=0.01))
    state = State(model=made.model, optimizer=made.optimizer)
    results = made.run(4)
    weights = made.weights()
    made.restart()
    made.run(2)
    state.snapshot().write(str(tmp_path / "state"))
    made.restart()
    state.read(str(tmp_path / "state"))
    resumed = made.run(2, lambda number: made.batch_of(number + 2))
    assert [each["loss"] for each in resumed] == [each["loss"] for each in results[2:]]
    for name, value in made.weights().items():
        np.testing.assert_array_equal(value, weights[name], err_msg=name)


@pytest.mark.slow
def test_the_step_compiles_under_xla_and_gives_the_same(one):
    results, weights = one
    compiled = training(jit_compile=True)
    found = compiled.run(1)[0]
    for name in ("loss", "gradient_norm"):
        np.testing.assert_allclose(found[name], results[name], rtol=1e-4, err_msg=name)
    assert_same(weights, compiled.weights(), rtol=1e-3, atol=1e-4)


def test_rows_in_parts_are_refused():
    with pytest.raises(ValueError, match="Received: `Cached` with such a model.*I3D.frozen = True"):
        Cached(rows=2).check(ContrastiveLoss(), conv_model()[0])
    with pytest.raises(ValueError, match="Received: `Accumulated` with such a model"):
        Accumulated(parts=2).check(SoftmaxLoss(), conv_model()[0])
    WholeBatch().check(SoftmaxLoss(), conv_model()[0])


@pytest.mark.slow
def test_rows_in_parts_give_the_whole_batch_where_statistics_are_frozen():
    frozen = functools.partial(conv_model, frozen=True)
    found = []
    for gradients in (WholeBatch(), Cached(rows=2)):
        made = training(frozen, gradients=gradients)
        found.append((made.run(1)[0]["loss"], made.weights()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    assert_same(found[0][1], found[1][1], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_convnet_for_video_trains_with_transformers_for_the_rest():
    made = training(mixture)
    before = made.weights()
    assert made.run(1)[0]["finite"] and made.model.mixes_rows and not made.model.shares_encoder
    moved = {name for name, value in made.weights().items() if np.any(value != before[name])}
    for part in (
        "video/encoder/block_0_conv3d_1a_7x7/kernel",
        "audio/encoder/block_0/attention/query/kernel",
    ):
        assert any(name.endswith(part) for name in moved), part


@pytest.mark.slow
def test_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    results = training(optimizer=lambda: adam(learning_rate=0.01)).run(2)
    assert all(each["finite"] for each in results)
