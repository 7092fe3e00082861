"""DropToken on the host: patches, loss and gradients are those of the device, in half the bytes."""

import numpy as np
import pytest
import tensorflow as tf

from tests import records_fixture
from tests.small_models import small_vatt
from vatt import spec
from vatt.data import kept_patches
from vatt.data.datasets import mixture, prepared
from vatt.engines.execution import WholeBatch
from vatt.engines.protocol import Task
from vatt.engines.tensorflow.gradients import gradients_of
from vatt.engines.tensorflow.step import draw_keys
from vatt.layers import draws
from vatt.layers.architecture import Size
from vatt.layers.pixels import ColourJitter, DeviceInputs
from vatt.losses.contrastive import ContrastiveLoss
from vatt.train import host_drop_token

CLIP = spec.ClipSpec(frames=4, frame_size=16, sample_rate_hz=1000, words=4, candidates=2)
SEED, ROWS = 5, 6
TOLERANCE = 1e-5
SIZE = Size(depth=1, width=16, hidden_width=32, heads=2, head_width=8)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Twelve clips of noise: no two patches are alike. One has no sound."""
    random = np.random.default_rng(0)
    records = []
    for number in range(12):
        frames = random.integers(0, 256, (8, 24, 32, 3), np.uint8)
        pictures = [tf.io.encode_jpeg(frame).numpy() for frame in frames]
        pcm = random.integers(-9000, 9000, 800)
        options = {"frames": 8, "sample_rate_hz": 1000, "pictures": pictures, "pcm": pcm, "audio": number > 0}
        records.append(records_fixture.record(number, **options))
    return records_fixture.write_set(
        tmp_path_factory.mktemp("sets") / "set",
        {"train": records, "test": records[:3]},
        frame_rate_hz=10.0,
        audio_rate_hz=1000,
    )


def make_model(**options):
    small = {"clip": CLIP, "widths": (8, 8), "vocabulary_size": 30}
    patches = {"video_patch": (2, 4, 8), "audio_patch": (32,)}  # 400 samples: the last patch is padded
    return small_vatt(SIZE, **small | patches | options)


def make_data(directory, model=None, **options):
    dataset = prepared.PreparedClips(
        directory=directory, clip=CLIP, threads=2, host_drop_token=model is not None, **options
    )
    host_drop_token.connect(dataset, model, summary_every=None)
    return dataset


def batch_of(dataset, step=0, **shard):
    return next(iter(dataset.train_batches(batch_size=ROWS, first_step=step, seed=SEED, **shard)))


@pytest.fixture(scope="module")
def plain(directory):
    return batch_of(make_data(directory))


def keyed(batch):
    return batch | {"draw_key": draw_keys(SEED, batch[spec.EXAMPLE_INDEX])}


@pytest.mark.parametrize(
    "agnostic, rate",
    [
        (False, 0.5),
        pytest.param(False, 0.75, marks=pytest.mark.slow),
        pytest.param(True, 0.5, marks=pytest.mark.slow),
    ],
)
def test_loss_and_gradients_are_those_of_the_device(directory, plain, agnostic, rate):
    model = make_model(agnostic=agnostic, drop_rate=rate)
    task = Task(
        model=model, loss=ContrastiveLoss(), device_inputs=DeviceInputs(colour=ColourJitter(probability=0.8))
    )
    way = gradients_of(WholeBatch(), task)
    find = tf.function(lambda batch: way(batch, model.trainable_variables, 1.0), autograph=False)
    host = batch_of(make_data(directory, model))
    (expected, plain_gradients), (losses, gradients) = find(keyed(plain)), find(keyed(host))
    np.testing.assert_allclose(losses["loss"], expected["loss"], atol=TOLERANCE)
    norm = np.sqrt(sum(np.square(each).sum() for each in plain_gradients))
    for variable, found, wanted in zip(model.trainable_variables, gradients, plain_gradients, strict=True):
        np.testing.assert_allclose(found, wanted, atol=TOLERANCE * norm, err_msg=variable.path)


def test_places_are_the_devices_draw_and_patches_its_cut(directory, plain):
    model = make_model(drop_rate=0.5)
    host = batch_of(make_data(directory, model))
    for modality in (spec.VIDEO, spec.AUDIO):
        tokenizer = model.towers[modality].tokenizer
        signal = plain[modality] if modality == spec.VIDEO else plain[modality][..., None]
        patches = tokenizer.patches.cut(tf.cast(signal, tf.float32))
        patches = tf.reshape(patches, [ROWS, -1, patches.shape[-1]])
        with draws.keyed(model._draw_key(keyed(plain), modality)):
            kept = tokenizer.drop_token.kept_indices(ROWS, patches.shape[1], training=True)
        np.testing.assert_array_equal(host[spec.KEPT[modality]], kept)
        wanted = tf.gather(patches, kept, batch_dims=1)
        np.testing.assert_array_equal(tf.cast(host[modality], tf.float32), wanted)
    np.testing.assert_allclose(
        host[spec.VIDEO_MEAN], np.asarray(plain[spec.VIDEO]).mean((1, 2, 3)) / 255, atol=1e-6
    )
    assert host[spec.VIDEO].dtype == tf.uint8
    assert tf.size(host[spec.VIDEO]) * 2 == tf.size(plain[spec.VIDEO])


def test_a_run_resumes_and_is_shared_as_with_whole_clips(directory):
    dataset = make_data(directory, make_model())
    batches = iter(dataset.train_batches(batch_size=ROWS, first_step=0, seed=SEED))
    _, _, third = next(batches), next(batches), next(batches)
    again = batch_of(dataset, step=2)
    halves = [batch_of(dataset, step=2, shard_index=index, shard_count=2) for index in range(2)]
    for name, value in third.items():
        np.testing.assert_array_equal(value, again[name])
        np.testing.assert_array_equal(value, np.concatenate([half[name] for half in halves]))


def test_evaluation_shows_whole_clips(directory):
    plain, host = (
        next(iter(dataset.eval_batches(batch_size=3)))
        for dataset in (make_data(directory), make_data(directory, make_model()))
    )
    assert set(plain) == set(host)
    for name, value in plain.items():
        np.testing.assert_array_equal(value, host[name])


@pytest.mark.parametrize("flipped", [False, True])
def test_edges_that_are_dropped(flipped):
    frames = np.random.default_rng(1).integers(0, 256, (5, 9, 11, 3), np.uint8)
    grid, kept = (2, 2, 2), [1, 2, 7]
    found = kept_patches.video_patches(
        tf.constant(frames), tf.constant(kept), tf.constant(flipped), patch=(2, 4, 5), grid=grid
    )
    frames = frames[:, :, ::-1] if flipped else frames
    for place, values in zip(kept, found.numpy(), strict=True):
        time, row, column = np.unravel_index(place, grid)
        part = frames[2 * time : 2 * time + 2, 4 * row : 4 * row + 4, 5 * column : 5 * column + 5]
        np.testing.assert_array_equal(values, part.reshape(-1))


def test_what_can_not_be_equal_is_refused(directory):
    with pytest.raises(ValueError, match="one pattern for a batch"):
        make_data(directory, make_model(drop_pattern="per_batch"))
    with pytest.raises(ValueError, match="patches must divide the frames"):
        make_data(directory, make_model(video_patch=(2, 5, 8)))
    with pytest.raises(ValueError, match="patch grid of the model's positions"):
        make_data(directory, make_model(clip=spec.ClipSpec(frames=8, frame_size=16, sample_rate_hz=1000)))
    with pytest.raises(ValueError, match="a model that drops tokens"):
        make_data(directory, make_model(drop_rate=0.0))
    alone = prepared.PreparedClips(directory=directory, clip=CLIP, host_drop_token=True)
    with pytest.raises(ValueError, match="must know what the model reads"):
        mixture.MixedClips(datasets=[alone, alone]).train_batches(batch_size=2, first_step=0, seed=0)
    with pytest.raises(ValueError, match="`Logging.summary_every` shows whole clips"):
        host_drop_token.connect(alone, make_model(), summary_every=10)
    with pytest.raises(ValueError, match="what DropToken at 0.75 keeps"):
        make_model(drop_rate=0.75)(
            DeviceInputs()(batch_of(make_data(directory, make_model())), training=True), training=True
        )
