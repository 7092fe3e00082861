"""The dataset end to end: records on disk to batches."""

import collections
import threading

import gin
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.data.experimental.ops.testing import assert_next

from tests import records_fixture
from vatt import spec
from vatt.data import batch_check, corrupt_records, pipeline, random_area_crop, records
from vatt.data.augmentation import Augmentation
from vatt.data.captions import Captions
from vatt.data.datasets import prepared
from vatt.data.source import CONTRADICTION

CLIP = spec.ClipSpec(frames=8, frame_rate_hz=10.0, frame_size=16, sample_rate_hz=1000, words=4, candidates=3)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """19 clips; clip 3 has no captions, clip 4 no audio, clip 5 no images."""
    odd = {3: {"captions": ()}, 4: {"audio": False}, 5: {"pictures": []}}
    serialized = [
        records_fixture.record(number, frames=12, sample_rate_hz=2000, **odd.get(number, {}))
        for number in range(19)
    ]
    path = tmp_path_factory.mktemp("sets") / "set"
    return records_fixture.write_set(path, {"train": serialized, "test": serialized[:7]}, audio_rate_hz=2000)


@pytest.fixture(scope="module")
def straight(directory):
    """The stream's first 42 clips, in batches of 6, and what a batch is declared to be; building a pipeline
    takes a second."""
    batches = make(directory, threads=4).train_batches(batch_size=6, first_step=0, seed=5)
    return batches.element_spec, take(batches, 7)


def make(directory, **options):
    return prepared.PreparedClips(**{"directory": directory, "clip": CLIP, "threads": 2} | options)


def take(batches, number):
    return [{name: np.asarray(value) for name, value in batch.items()} for batch in batches.take(number)]


def assert_equal_batches(left, right):
    for one, other in zip(left, right, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def epochs(batches):
    """Rows of the first two epochs of 19 clips, by name."""
    rows = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    return [{name: values[start : start + 19] for name, values in rows.items()} for start in (0, 19)]


def test_training_batches_are_what_the_specification_says(directory, straight):
    dataset = make(directory)
    assert dataset.info.name == "fixture" and dataset.info.train_size == 19 and dataset.info.eval_size == 7
    assert dataset.info.tokenizer.size == 11
    declared, batches = straight
    for step, batch in enumerate(batches):
        batch_check.check_values(batch, vocabulary_size=11)
        np.testing.assert_array_equal(batch[spec.EXAMPLE_INDEX], np.arange(6 * step, 6 * step + 6))
    batch_check.check_structure(declared, CLIP, 6, evaluation=False)


def test_resumes_exactly_whatever_the_threads(directory, straight):
    resumed = take(make(directory, threads=1).train_batches(batch_size=6, first_step=4, seed=5), 3)
    assert_equal_batches(straight[1][4:], resumed)


def test_reading_ahead_changes_nothing(directory, straight):
    ahead = take(make(directory, readers=3).train_batches(batch_size=6, first_step=4, seed=5), 3)
    assert_equal_batches(straight[1][4:], ahead)


def test_reading_waits_in_threads_of_its_own(directory, monkeypatch):
    """Four readers wait for one another: were they fewer, or did they wait in the one thread that decodes,
    the barrier would break."""
    everyone = threading.Barrier(4)
    read = records.RecordIndex.read

    def slow(index, number):
        meet = tf.numpy_function(lambda: everyone.wait(60) >= 0, [], tf.bool)
        with tf.control_dependencies([meet]):
            return read(index, tf.identity(number))

    monkeypatch.setattr(records.RecordIndex, "read", slow)
    (source,) = make(directory).training_pipeline().sources
    asked = tf.data.Dataset.range(8).map(lambda n: (n, tf.constant(0, tf.int64), n))

    def clip_of(source, serialized, position, is_itself):
        return {spec.EXAMPLE_INDEX: position, CONTRADICTION: "", "bytes": tf.strings.length(serialized)}

    clips = corrupt_records.with_fallback(asked, [source], clip_of, threads=1, readers=4)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 5
    found = [int(clip[spec.EXAMPLE_INDEX]) for clip in clips.with_options(options)]
    assert found == list(range(8)) and not everyone.broken


def test_the_threads_that_make_clips_copy_them_into_their_batch(directory, monkeypatch):
    def watched(asked, *arguments, **options):
        stages = assert_next(["ParallelInterleaveV4", "MapAndBatch"])
        return corrupt_records.with_fallback(asked.apply(stages), *arguments, **options)

    monkeypatch.setattr(pipeline, "with_fallback", watched)
    monkeypatch.setattr(pipeline.ClipPipeline, "_check_values", lambda *_: None)  # batches of its own
    take(make(directory).train_batches(batch_size=6, first_step=0, seed=5), 1)


def test_no_python_runs_inside_the_pipeline(directory):
    # TensorFlow destroys an iterator while it holds Python's global lock and waits for functions that run:
    # one of Python's among them would hang the program.
    pipeline = make(directory).training_pipeline()
    for source in pipeline.sources:
        source.records.make_portable()  # only such a pipeline can be written down
    for batches in (
        pipeline.train_batches(batch_size=2, first_step=0, seed=0),
        pipeline.eval_batches(batch_size=2),
    ):
        graph = tf.raw_ops.DatasetToGraphV2(input_dataset=tf.data.experimental.to_variant(batches)).numpy()
        assert b"DecodeAndCropJpeg" in graph and b"PyFunc" not in graph


def test_another_seed_is_other_clips_and_other_draws(directory, straight):
    one, next_one = epochs(straight[1])
    other = take(make(directory).train_batches(batch_size=19, first_step=0, seed=6), 1)
    assert (one[spec.VIDEO] != other[0][spec.VIDEO]).any()
    assert (one[spec.VIDEO] != next_one[spec.VIDEO]).any()


def test_an_epoch_holds_every_clip_once(straight):
    # A frame's grey is 5 * frame + clip, up to JPEG's error: audio (a ramp) says which frame the window began
    # on.
    batch, _ = epochs(straight[1])
    has_both = (batch[spec.VIDEO_MASK] * batch[spec.AUDIO_MASK]) == 1
    assert has_both.sum() == 17 and batch[spec.TEXT_MASK].sum() == 2 * 18
    grey = batch[spec.VIDEO].mean(axis=(2, 3, 4))[has_both]
    np.testing.assert_allclose(np.diff(grey, axis=1), 5, atol=2)
    # The set is at 2 kHz: sample j of the clip is input sample 200 * start_frame + 2 j.
    start_frame = np.round((batch[spec.AUDIO][has_both, 400] * 32768 - 800) / 200)
    assert set(start_frame) <= set(range(5)) and len(set(start_frame)) > 2
    found = collections.Counter(np.round(grey[:, 0] - 5 * start_frame).astype(int))
    assert found == collections.Counter(set(range(19)) - {4, 5})


def test_evaluation_reads_every_clip_once_and_pads(directory):
    dataset = make(directory).eval_batches(batch_size=4)
    batches = take(dataset, 9)
    assert len(batches) == 2
    rows = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    np.testing.assert_array_equal(rows[spec.VALID], [1] * 7 + [0])
    assert list(rows[spec.CLIP_ID]) == [f"clip{number}@1.500".encode() for number in range(7)] + [b""]
    assert list(rows[spec.GROUP][:7]) == [b"red-disc"] * 7
    np.testing.assert_array_equal(rows[spec.EXAMPLE_INDEX][:7], np.arange(7))
    # The middle of 12 frames: starts at frame 2, 0.2 s; its middle, 0.6 s, is nearest to the first caption.
    assert rows[spec.CAPTION][0] == b"the red disc spins" and rows[spec.CAPTION][3] == b""
    np.testing.assert_array_equal(rows[spec.TEXT][0], [[2, 4, 6, 8], [3, 5, 7, 9], [0, 0, 0, 0]])
    np.testing.assert_allclose(rows[spec.VIDEO][0, :, 0, 0, 0], 5 * np.arange(2, 10), atol=2)
    np.testing.assert_allclose(rows[spec.AUDIO][0, 400:500] * 32768, 400 + 2 * np.arange(400, 500), atol=1)
    assert_equal_batches(batches, take(dataset, 9))


def test_without_augmentation_a_training_crop_is_the_whole_frame(directory):
    whole = make(
        directory,
        augmentation=Augmentation(
            crop=random_area_crop.RandomAreaCrop(area=(1.0, 1.0), aspect=(32 / 24, 32 / 24)), flip=False
        ),
    )
    batch = take(whole.train_batches(batch_size=19, first_step=0, seed=0), 1)[0]
    assert batch[spec.VIDEO].std(axis=(2, 3)).max() < 1.5  # the fixture's frames are of one grey


def test_a_damaged_clip_is_replaced_in_training_and_not_valid_in_evaluation(tmp_path):
    serialized = [records_fixture.record(number, frames=8) for number in range(5)]
    directory = records_fixture.write_set(
        tmp_path / "set", {"train": serialized, "test": serialized}, shards=1
    )
    for split in ("train", "test"):
        shard = directory / f"{split}-00000-of-00001.tfrecord"
        content = bytearray(shard.read_bytes())
        content[100] ^= 1
        shard.write_bytes(content)
    dataset = make(directory, max_corrupt_share=0.2)
    batch = take(dataset.eval_batches(batch_size=5), 1)[0]
    np.testing.assert_array_equal(batch[spec.VALID], [0, 1, 1, 1, 1])
    batches = dataset.train_batches(batch_size=5, first_step=0, seed=0)
    trained = take(batches, 2)
    assert dataset.info.corrupt_records() == 2
    assert_equal_batches(trained, take(batches, 2))


def test_what_cannot_be_used_is_refused_when_it_is_built(directory):
    with pytest.raises(ValueError, match=r"vocabulary_size=10.*11 words"):
        make(directory, captions=Captions(vocabulary_size=10))
    with pytest.raises(ValueError, match="more frames a second"):
        make(directory, clip=spec.ClipSpec(frame_rate_hz=25.0))
    train_only = make(directory, eval_split="validation")
    with pytest.raises(ValueError, match="'validation'.*test, train"):
        train_only.eval_batches(batch_size=2)


def test_gin_builds_it_and_refuses_a_misspelt_parameter(directory):
    gin.bind_parameter("PreparedClips.directory", str(directory))
    gin.bind_parameter("PreparedClips.clip", CLIP)
    assert gin.get_configurable(prepared.PreparedClips)().info.train_size == 19
    with pytest.raises(ValueError, match="splitt"):
        gin.parse_config("PreparedClips.splitt = 1")


def test_a_wrong_batch_is_named_feature_by_feature():
    good = {
        name: np.zeros(shape, dtype if dtype != "string" else "S1")
        for name, (dtype, shape) in batch_check.expected_features(CLIP, 2, evaluation=True).items()
    }
    batch_check.check_values(good, vocabulary_size=5)
    bad = good | {
        spec.AUDIO: np.full((2, 800), np.nan),
        spec.TEXT: good[spec.TEXT] + 5,
        spec.VALID: np.array([0.5, 1.0]),
    }
    with pytest.raises(
        ValueError,
        match=r"audio: got values.*text: got values from 5 to 5, expected 0 to 4.*valid: got 0\.5.*text: got",
    ):
        batch_check.check_values(bad, vocabulary_size=5)

    class Feature:
        def __init__(self, dtype, shape):
            self.dtype, self.shape = np.dtype(dtype), shape

    structure = {
        name: Feature(dtype, shape)
        for name, (dtype, shape) in batch_check.expected_features(CLIP, 2, evaluation=False).items()
    }
    batch_check.check_structure(structure, CLIP, 2, evaluation=False)
    del structure[spec.TEXT_MASK]
    structure[spec.VIDEO] = Feature("float32", (2, 8, 16, 16, 3))
    with pytest.raises(
        ValueError, match=r"text_mask: got nothing.*video: got float32 \[2, 8, 16, 16, 3\], expected uint8"
    ):
        batch_check.check_structure(structure, CLIP, 2, evaluation=False)
