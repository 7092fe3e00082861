"""The options of the dataset, end to end: modalities, lengths, views, labels, shards."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests import records_fixture
from vatt import spec
from vatt.data import batch_check
from vatt.data.augmentation import Augmentation
from vatt.data.captions import Captions
from vatt.data.datasets import mixture, prepared
from vatt.data.scale_jitter_crop import ScaleJitterCrop
from vatt.data.views import Views

CLIPS = 7
LABELS = ("disc", "star", "bell")
SOUND = spec.ClipSpec(frames=4, sample_rate_hz=1000, audio_seconds=0.8, modalities=("audio",))


def clip_spec(**options):
    small = {"frames": 3, "frame_size": 8, "sample_rate_hz": 1000, "words": 4, "candidates": 2}
    return spec.ClipSpec(**small | options)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Seven clips of 12 frames at 25 Hz; n is of grey 5 * frame + n, of class n mod 3 and, if odd, of 2."""
    records = [
        records_fixture.record(
            number, frames=12, frame_rate_hz=25.0, sample_rate_hz=2000, labels={number % 3, 2 * (number % 2)}
        )
        for number in range(CLIPS)
    ]
    return records_fixture.write_set(
        tmp_path_factory.mktemp("sets") / "set",
        {"train": records, "test": records},
        frame_rate_hz=25.0,
        audio_rate_hz=2000,
        labels=LABELS,
    )


def make(directory, **options):
    return prepared.PreparedClips(**{"directory": directory, "clip": clip_spec(), "threads": 2} | options)


def rows_of(batches):
    """All rows of batches, by name."""
    batches = list(batches.as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def test_sound_alone_is_longer_and_mixed_with_its_labels(directory):
    options = {"clip": SOUND, "labels": True}
    noisy = Augmentation(audio_noise=0.01)
    plain = next(
        iter(make(directory, augmentation=noisy, **options).train_batches(batch_size=7, first_step=0, seed=3))
    )
    assert set(plain) == {spec.AUDIO, spec.AUDIO_MASK, spec.LABEL, spec.EXAMPLE_INDEX}
    assert plain[spec.AUDIO].shape == (7, 800)
    np.testing.assert_array_equal(np.unique(plain[spec.LABEL]), [0, 1])
    dataset = make(directory, augmentation=Augmentation(audio_noise=0.01, mixup_alpha=5), **options)
    assert dataset.info.label_names == LABELS
    mixed = next(iter(dataset.train_batches(batch_size=7, first_step=0, seed=3)))
    np.testing.assert_array_equal(mixed[spec.EXAMPLE_INDEX], plain[spec.EXAMPLE_INDEX])
    labels = mixed[spec.LABEL].numpy()
    assert ((labels > 0.01) & (labels < 0.99)).any() and not np.allclose(mixed[spec.AUDIO], plain[spec.AUDIO])
    batch_check.check_values(mixed, vocabulary_size=11)


def test_pictures_at_12_and_a_half_beside_longer_sound(directory):
    clip = clip_spec(frame_rate_hz=12.5, audio_seconds=0.3)
    batch = rows_of(make(directory, clip=clip).eval_batches(batch_size=CLIPS))
    assert (clip.clip_seconds, clip.samples, clip.span_seconds) == (0.24, 300, 0.3)
    # 6 frames and 7.5 of 12: their middle starts are frames 3 and 2. Every other frame, and audio from there.
    np.testing.assert_allclose(batch[spec.VIDEO][0, :, 0, 0, 0], [15, 25, 35], atol=2)
    np.testing.assert_allclose(batch[spec.AUDIO][0, 100:200] * 32768, 160 + 2 * np.arange(100, 200), atol=1)


@pytest.mark.parametrize(
    ("frames", "audio_seconds"),
    [(6, 3.2), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((6, None), (8, 1.6)))],
)
def test_windows_of_evaluation_span_the_record_in_video_and_in_audio(tmp_path, frames, audio_seconds):
    count, rate_hz = 25, 2.5  # 10 s
    jpegs = [
        tf.io.encode_jpeg(np.full((24, 32, 3), 10 * number, np.uint8), quality=95).numpy()
        for number in range(count)
    ]
    record = records_fixture.record(frames=count, frame_rate_hz=rate_hz, sample_rate_hz=1000, pictures=jpegs)
    written = records_fixture.write_set(
        tmp_path / "set", {"test": [record]}, shards=1, frame_rate_hz=rate_hz, audio_rate_hz=1000
    )
    clip = clip_spec(frames=frames, frame_rate_hz=rate_hz, audio_seconds=audio_seconds)
    batch = rows_of(make(written, clip=clip, views=Views(clips=4)).eval_batches(batch_size=4))
    greys, sound = batch[spec.VIDEO][:, :, 4, 4, 0], np.round(batch[spec.AUDIO] * 32768)
    np.testing.assert_allclose([greys[0, 0], greys[-1, -1]], [0, 10 * (count - 1)], atol=1)
    np.testing.assert_allclose([sound[0, 0], sound[-1, -1]], [0, 9999], atol=1)
    # Where the spans differ, the shorter window lies within the longer.
    signals = [
        (np.round(greys[:, 0] / 10) / rate_hz, clip.clip_seconds),
        (sound[:, 0] / 1000, clip.audio_span_seconds),
    ]
    (inner, inner_span), (outer, outer_span) = sorted(signals, key=lambda signal: signal[1])
    assert (inner >= outer - 1 / rate_hz).all()
    assert (inner + inner_span <= outer + outer_span + 1 / rate_hz).all()


def test_views_are_rows_that_follow_one_another(directory):
    dataset = make(directory, views=Views(clips=2, crops=3), labels=True)
    batches = list(dataset.eval_batches(batch_size=4).as_numpy_iterator())
    assert len(batches) == 11  # 42 rows
    rows = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    np.testing.assert_array_equal(rows[spec.VALID], [1] * 42 + [0] * 2)
    np.testing.assert_array_equal(rows[spec.EXAMPLE_INDEX][:42], np.repeat(np.arange(CLIPS), 6))
    np.testing.assert_array_equal(rows[spec.VIEW][:42], np.tile(np.arange(6), CLIPS))
    # 3 frames at 10 Hz span 7.5 of 12: the windows begin at frames 0 and 4; a frame is of one grey.
    begins = rows[spec.VIDEO][:42, 0, 4, 4, 0].reshape(CLIPS, 6) - np.arange(CLIPS)[:, None]
    np.testing.assert_allclose(begins, np.tile([0, 0, 0, 20, 20, 20], (CLIPS, 1)), atol=2)
    for number in range(CLIPS):
        expected = [float(label in {number % 3, 2 * (number % 2)}) for label in range(3)]
        np.testing.assert_array_equal(rows[spec.LABEL][6 * number], expected)
    structure = dataset.eval_batches(batch_size=4).element_spec
    batch_check.check_structure(structure, dataset.info.clip, 4, evaluation=True, classes=3, views=6)


def test_shards_of_training_batches_are_the_global_batch(directory):
    whole = rows_of(make(directory).train_batches(batch_size=6, first_step=2, seed=9).take(2))
    parts = [
        rows_of(
            make(directory, threads=1)
            .train_batches(batch_size=6, first_step=2, seed=9, shard_index=index, shard_count=2)
            .take(2)
        )
        for index in range(2)
    ]
    for name, values in whole.items():
        both = [np.concatenate([part[name][3 * step : 3 * step + 3] for part in parts]) for step in range(2)]
        np.testing.assert_array_equal(np.concatenate(both), values, err_msg=name)


@pytest.mark.slow
def test_shards_of_evaluation_hold_every_record_once(directory):
    parts = [
        make(directory, views=Views(crops=2)).eval_batches(batch_size=6, shard_index=index, shard_count=3)
        for index in range(3)
    ]
    batches = [list(part.as_numpy_iterator()) for part in parts]
    assert len({len(part) for part in batches}) == 1  # nobody waits for a batch that does not come
    rows = [
        row for part in batches for batch in part for row in zip(*map(batch.get, sorted(batch)), strict=True)
    ]
    names = sorted(batches[0][0])
    valid = [dict(zip(names, row, strict=True)) for row in rows]
    found = sorted((row[spec.EXAMPLE_INDEX], row[spec.VIEW]) for row in valid if row[spec.VALID])
    assert found == [(number, view) for number in range(CLIPS) for view in range(2)]


@pytest.mark.slow
def test_mixtures_of_two_rates_and_of_labels(directory):
    slow, fast = clip_spec(audio_seconds=0.3), clip_spec(frame_rate_hz=12.5, audio_seconds=0.3)
    sets = [make(directory, clip=each, name=name) for each, name in ((slow, "slow"), (fast, "fast"))]
    batch = next(iter(mixture.MixedClips(datasets=sets).train_batches(batch_size=14, first_step=0, seed=0)))
    steps = np.round(np.diff(batch[spec.VIDEO].numpy()[:, :, 4, 4, 0].astype(float), axis=1).sum(axis=1) / 5)
    assert sorted(steps) == [4] * 7 + [5] * 7  # two steps of two frames, or five frames in all
    with pytest.raises(ValueError, match="'slow' with 0, 'fast' with 3 labels"):
        mixture.MixedClips(datasets=[sets[0], make(directory, clip=fast, name="fast", labels=True)])
    alike = [make(directory, labels=True) for _ in range(2)]
    assert mixture.MixedClips(datasets=alike).info.label_names == LABELS


def test_the_release_s_crop_is_an_option(directory):
    dataset = make(directory, augmentation=Augmentation(crop=ScaleJitterCrop()))
    batch = next(iter(dataset.train_batches(batch_size=7, first_step=0, seed=1)))
    batch_check.check_values(batch, vocabulary_size=11)


def test_what_contradicts_the_description_stops_before_the_first_step(tmp_path):
    for options, stated, message in (
        ({"labels": [3]}, {"labels": LABELS}, r"0 to 2.*\[3\].*clip0"),
        ({"sample_rate_hz": 1000}, {"audio_rate_hz": 2000}, r"2000 Hz.*1000.*clip0"),
    ):
        record = records_fixture.record(frames=4, **{"sample_rate_hz": 2000} | options)
        path = records_fixture.write_set(
            tmp_path / str(len(options["labels"]) if "labels" in options else "rate"),
            {"train": [record]},
            shards=1,
            **{"audio_rate_hz": 2000} | stated,
        )
        dataset = make(path, labels="labels" in stated)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            dataset.train_batches(batch_size=1, first_step=0, seed=0)


def test_options_that_make_no_sense_are_refused(directory, tmp_path):
    for options, message in (
        ({"audio_noise": -1.0}, "audio_noise"),
        ({"mixup_alpha": 5}, "Mixup"),
    ):
        with pytest.raises(ValueError, match=message):
            make(directory, augmentation=Augmentation(**options))
    with pytest.raises(ValueError, match="`Views.crops`"):
        Views(crops=0)
    with pytest.raises(ValueError, match="tokenizer"):
        Captions(tokenizer=object(), release_tokenizer=True)
    dataset = make(directory)
    with pytest.raises(ValueError, match="shard_count=2"):
        dataset.train_batches(batch_size=5, first_step=0, seed=0, shard_count=2)
    with pytest.raises(ValueError, match="shard_index=2"):
        dataset.eval_batches(batch_size=4, shard_index=2, shard_count=2)
    for modalities in ((), ("video", "smell")):
        with pytest.raises(ValueError, match="modalities"):
            clip_spec(modalities=modalities)
    path = records_fixture.write_set(tmp_path / "unlabelled", {"train": [records_fixture.record()]})
    with pytest.raises(ValueError, match="lists none"):
        make(path, labels=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda fields: [fields], "a list"),
        (lambda fields: fields | {"splits": [1]}, "another kind"),
        (lambda fields: fields | {"frame_rate_hz": None}, "another kind"),
        (lambda fields: {k: v for k, v in fields.items() if k != "audio_rate_hz"}, "'audio_rate_hz'"),
        (lambda fields: fields | {"audio_rate_hz": 0}, "audio sample rate"),
        (lambda fields: fields | {"splits": {"train": {"shards": [{"file": "a"}]}}}, "'records'"),
    ],
)
def test_a_damaged_description_is_named(tmp_path, damage, message):
    path = records_fixture.write_set(tmp_path / "set", {"train": [records_fixture.record()]})
    description = path / "dataset.json"
    description.write_text(json.dumps(damage(json.loads(description.read_text()))))
    with pytest.raises(ValueError, match=message):
        make(path)
