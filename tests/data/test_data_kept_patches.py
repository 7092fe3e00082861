"""DropToken on the host: patches, losses and weights are those of the device, in half the bytes."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import records_fixture
from tests.engines.training import CLIP, SEED, Training, clip_model
from tests.small_models import small_classifier, small_conv_vatt, small_vatt
from vatt import spec
from vatt.data import kept_patches
from vatt.data.datasets import mixture, prepared
from vatt.data.pipeline import ClipPipeline
from vatt.engines.execution import WholeBatch
from vatt.engines.protocol import Task
from vatt.engines.tensorflow.gradients import gradients_of
from vatt.engines.tensorflow.step import draw_keys
from vatt.layers import draws
from vatt.layers.drop_token import DropToken
from vatt.layers.exact_colour import ExactColourJitter
from vatt.layers.pixels import ColourJitter, DeviceInputs
from vatt.layers.salient_drop_token import SalientDropToken
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.optimizers.factories import adam
from vatt.train.training_data import patches_read

ROWS = 6


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    """Two sets of noise, one of them without captions: no two patches are alike."""
    random, root = np.random.default_rng(0), tmp_path_factory.mktemp("sets")

    def record(number, **options):
        frames = random.integers(0, 256, (8, 24, 32, 3), np.uint8)
        pictures = [tf.io.encode_jpeg(frame).numpy() for frame in frames]
        pcm = random.integers(-9000, 9000, 800)
        return records_fixture.record(
            number, frames=8, sample_rate_hz=1000, pictures=pictures, pcm=pcm, audio=number > 0, **options
        )

    spoken, silent = [record(n) for n in range(5)], [record(n, captions=()) for n in range(4)]
    sets = {"spoken": (spoken, records_fixture.VOCABULARY), "silent": (silent, ("<pad>", "<unk>"))}
    return [
        records_fixture.write_set(
            root / name, {"train": records}, frame_rate_hz=10.0, audio_rate_hz=1000, words=words
        )
        for name, (records, words) in sets.items()
    ]


def tiny_model():
    """16 patches of video, 8 of audio."""
    return clip_model(video_patch=(2, 4, 8))


def mixed(directories, **options):
    datasets = [prepared.PreparedClips(directory=each, clip=CLIP, **options) for each in directories]
    return mixture.MixedClips(datasets=datasets, threads=2)


@pytest.fixture(scope="module")
def batches(directories):
    """The first two batches of a mixture, of whole clips and of kept patches."""
    data = mixed(directories)

    def first(**options):
        return list(data.train_batches(batch_size=ROWS, first_step=0, seed=SEED, **options).take(2))

    return {"whole": first(), "kept": first(reads=tiny_model()[0].patches_read())}


def with_colour():
    model, loss, _ = tiny_model()
    return model, loss, DeviceInputs(colour=ColourJitter(probability=0.8))


def test_loss_and_gradients_are_those_of_the_device_to_the_bit(batches):
    """With colour and dropout."""
    model, loss, inputs = with_colour()
    gradients = gradients_of(WholeBatch(), Task(model=model, loss=loss, device_inputs=inputs))
    variables = [each.value for each in model.trainable_variables]

    def of(batch):
        return gradients(batch | {"draw_key": draw_keys(SEED, batch[spec.EXAMPLE_INDEX])}, variables, 1.0)

    (losses, expected), (found, others) = of(batches["whole"][0]), of(batches["kept"][0])
    np.testing.assert_array_equal(losses["loss"], found["loss"])
    for variable, one, other in zip(model.trainable_variables, expected, others, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=variable.path)


@pytest.mark.slow
def test_compiled_steps_give_the_weights_of_the_device_to_the_bit(batches):
    found = []
    for given in batches.values():
        training = Training(
            make=with_colour,
            batch_of=lambda step, given=given: given[step],
            make_optimizer=lambda: adam(learning_rate=1e-2),
        )
        training.run(2)
        found.append(training.weights())
    for path, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][path], err_msg=path)


def test_places_are_the_devices_draw_and_patches_its_cut(batches):
    model, whole, host = tiny_model()[0], batches["whole"][0], batches["kept"][0]
    key = draw_keys(SEED, whole[spec.EXAMPLE_INDEX])
    for modality in (spec.VIDEO, spec.AUDIO):
        tokenizer = model.towers[modality].tokenizer
        patches = tokenizer.patches.cut(tokenizer.prepare(tf.cast(whole[modality], tf.float32)))
        patches = tf.reshape(patches, [ROWS, -1, patches.shape[-1]])
        with draws.keyed(model._draw_key({"draw_key": key}, modality)):
            kept = tokenizer.drop_token.kept_indices(patches, training=True)
        np.testing.assert_array_equal(host[spec.KEPT[modality]], kept)
        wanted = tf.gather(patches, kept, batch_dims=1)
        np.testing.assert_array_equal(tf.cast(host[modality], tf.float32), wanted)
    assert host[spec.VIDEO].dtype == tf.uint8
    assert tf.size(host[spec.VIDEO]) * 2 == tf.size(whole[spec.VIDEO])
    for name in whole.keys() - {spec.VIDEO, spec.AUDIO}:
        np.testing.assert_array_equal(whole[name], host[name])


@pytest.mark.slow
def test_a_run_resumes_and_is_shared_as_with_whole_clips(directories, batches):
    reads = tiny_model()[0].patches_read()
    half = next(
        iter(
            mixed(directories).train_batches(
                batch_size=ROWS, first_step=1, seed=SEED, shard_index=1, shard_count=2, reads=reads
            )
        )
    )
    for name, value in batches["kept"][1].items():
        np.testing.assert_array_equal(value[ROWS // 2 :], half[name])


@pytest.mark.parametrize("seed", [0, 2**31 - 1, 2**40 + 5])
def test_every_seed_draws_as_the_device(seed):
    """Of more tokens than a small model has; the seed of a modality may pass the largest int32."""
    model = small_vatt(clip=dataclasses.replace(CLIP, sample_rate_hz=100_000))
    read = model.patches_read()[spec.AUDIO]
    for position in (0, 7, 2**31 + 1, 2**40 - 1):
        keys = draw_keys(seed, tf.constant([position], tf.int64))
        with draws.keyed(model._draw_key({"draw_key": keys}, spec.AUDIO)):
            patches = tf.zeros((1, *read.grid, 1))
            wanted = model.audio.tokenizer.drop_token.kept_indices(patches, training=True)[0]
        found = kept_patches.kept_places(read, seed=seed, position=tf.constant(position, tf.int64))
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shape", [(4, 16, 16), (32, 64, 70), (3, 301, 301)])
def test_the_mean_colour_is_that_of_the_device_to_the_bit(shape):
    """For whole, for many and for oddly many pixels."""
    frames = np.random.default_rng(1).integers(0, 256, (1, *shape, 3), np.uint8)
    mean = kept_patches.mean_colour(tf.constant(frames[0]))
    np.testing.assert_allclose(mean, frames.mean((0, 1, 2, 3)) / 255, rtol=1e-6)
    jitter = ColourJitter()
    jitter.build()
    with draws.keyed(tf.constant([[SEED, 0]])):
        by_device = jitter.jittered(tf.constant(frames))
    with draws.keyed(tf.constant([[SEED, 0]])):
        by_host = jitter.jittered(tf.constant(frames), mean=mean[None])
    np.testing.assert_array_equal(by_device, by_host)


def test_edges_that_are_dropped():
    frames = np.random.default_rng(1).integers(0, 256, (5, 9, 11, 3), np.uint8)
    read = spec.PatchesRead(sizes=(5, 9, 11), patch=(2, 4, 5), edge="drop", count=3, values=120, salt=0)
    assert read.grid == (2, 2, 2)
    kept = [1, 2, 7]
    found = kept_patches.patches_at(tf.constant(frames), tf.constant(kept), read)
    for place, values in zip(kept, found.numpy(), strict=True):
        time, row, column = np.unravel_index(place, read.grid)
        part = frames[2 * time : 2 * time + 2, 4 * row : 4 * row + 4, 5 * column : 5 * column + 5]
        np.testing.assert_array_equal(values, part.reshape(-1))


def test_what_can_not_be_equal_is_sent_whole():
    def sent(model, colour=None, clip=CLIP):
        return set(patches_read(model, DeviceInputs(colour=colour), clip))

    both = {spec.VIDEO, spec.AUDIO}
    assert sent(tiny_model()[0], ColourJitter()) == both
    assert sent(tiny_model()[0], ExactColourJitter()) == {spec.AUDIO}
    assert sent(small_vatt(clip=CLIP, video_patch=(2, 5, 8))) == {spec.AUDIO}, "frames would be padded"
    assert sent(small_vatt(clip=CLIP, video_patch=(2, 5, 8), edge="drop")) == both
    assert sent(tiny_model()[0], clip=dataclasses.replace(CLIP, frame_size=32)) == {spec.AUDIO}
    for make in (functools.partial(DropToken, pattern="per_batch"), SalientDropToken):
        assert sent(small_vatt(clip=CLIP, make_drop_token=make)) == set()
    assert sent(small_vatt(clip=CLIP, drop_rate=0.0)) == set()
    assert sent(small_conv_vatt(clip=CLIP)) == set()
    assert sent(small_classifier()) == set()


def test_mixup_is_refused():
    pipeline = ClipPipeline([], clip=CLIP, tokenizer=None, mixup_alpha=5.0)
    with pytest.raises(ValueError, match="mixup mixes whole"):
        pipeline.train_batches(batch_size=2, first_step=0, seed=SEED, reads=tiny_model()[0].patches_read())


def test_a_tokenizer_that_reads_another_signal_is_sent_the_whole_clip():
    class Grey(VoxelTokenizer):
        channels = 1

        def prepare(self, signal):
            return keras.ops.mean(signal, axis=-1, keepdims=True)

    def reads(kind):
        tokenizer = kind(sizes=(4, 8, 8), patch=(2, 4, 4), drop_token=DropToken(rate=0.5))
        tokenizer.build(8)
        return tokenizer.patches_read

    assert reads(VoxelTokenizer).values == 2 * 4 * 4 * 3
    assert reads(Grey) is None
