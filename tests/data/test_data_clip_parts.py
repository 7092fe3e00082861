"""The pure functions that cut a clip out of a record, each against a slow twin."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from tests import records_fixture
from vatt import spec
from vatt.data import audio, parse, text, video, window


def key(number=0, seed=0):
    return tf.constant([seed, number], tf.int64)


def parsed(serialized, frame_rate_hz=10.0):
    return parse.parse_record(tf.constant(serialized), frame_rate_hz=frame_rate_hz, audio_rate_hz=48_000)


def middle(height, width):
    return video.squares(height, width, crops=1)


# Window.


@pytest.mark.parametrize(
    ("units", "rate_hz", "seconds", "last"),
    [(36, 10, 3.2, 4), (32, 10, 3.2, 0), (20, 10, 3.2, 0), (80, 25, 3.2, 0), (100, 29.97, 3.2, 4)],
)
def test_last_start_leaves_a_whole_clip(units, rate_hz, seconds, last):
    assert int(window.last_start(units, rate_hz, seconds)) == last


def test_starts():
    drawn = [int(window.random_start(tf.constant(3), key(number))) for number in range(200)]
    assert set(drawn) == {0, 1, 2, 3} and min(np.bincount(drawn)) > 25
    assert int(window.spaced_start(tf.constant(9))) == 4
    assert [int(window.spaced_start(tf.constant(9), window=n, windows=4)) for n in range(4)] == [0, 3, 6, 9]


def test_sound_alone_has_starts_of_its_own():
    record = parsed(records_fixture.record(pictures=[], frames=40, sample_rate_hz=1000))
    last = []
    window.start_seconds(record, 3.2, lambda start: last.append(int(start)) or start)
    assert last == [800]


# Video.


@pytest.mark.parametrize("rate_hz", [10.0, 12.5, 15.0, 23.976, 24.0, 25.0, 29.97])
@pytest.mark.parametrize("clip_rate_hz", [10.0, 12.5])
def test_frames_are_the_last_that_are_not_later(rate_hz, clip_rate_hz):
    stored = Fraction(float(np.float32(rate_hz)))  # records state it so
    available = 400
    for first in (0, 1, 7, 33, 130):
        found = video.frame_indices(
            available,
            tf.constant(rate_hz, tf.float32),
            tf.constant(float(first / stored), tf.float64),
            frames=32,
            clip_frame_rate_hz=clip_rate_hz,
        )
        # Brute force: a frame is not later than an instant up to the rounding of a stored rate, float32.
        for step, index in enumerate(found.numpy()):
            instant = first / stored + step / Fraction(clip_rate_hz) + Fraction(1, 1_000_000)
            assert max(number for number in range(available) if number / stored <= instant) == index


def test_a_start_an_hour_into_a_record_is_exact_to_the_sample():
    record = {
        "jpegs": tf.zeros([100_000], tf.string),
        "frame_rate_hz": 29.97,
        "channels": tf.constant(1, tf.int64),
    }
    record |= {"pcm16": "", "floats": tf.zeros([0]), "sample_rate_hz": tf.constant(0, tf.int64)}
    start = window.start_seconds(record, 3.2, lambda last: last)
    rate = np.float64(np.float32(29.97))
    first = 100_000 - np.ceil(rate * 3.2)
    assert abs(float(start) - first / rate) < 1e-9
    found = video.frame_indices(100_000, 29.97, start, frames=2, clip_frame_rate_hz=float(rate))
    np.testing.assert_array_equal(found, [first, first + 1])


def test_the_last_frame_is_held():
    found = video.frame_indices(5, 10.0, 0.0, frames=8, clip_frame_rate_hz=10.0)
    np.testing.assert_array_equal(found, [0, 1, 2, 3, 4, 4, 4, 4])


def test_decoding_a_box_equals_cropping_what_is_decoded():
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    jpeg = tf.io.encode_jpeg(picture, quality=95, chroma_downsampling=False)
    found = video.decode_frames(tf.stack([jpeg, jpeg]), tf.constant([5, 9, 30, 21]), frames=2)
    np.testing.assert_array_equal(found[1], tf.io.decode_jpeg(jpeg)[5:35, 9:30])


def test_central_square_and_resizing():
    np.testing.assert_array_equal(middle(tf.constant(24), tf.constant(33)), [[0, 4, 24, 24]])
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8)[None, None, :, None], (2, 16, 1, 3))
    found = video.resize(tf.constant(ramp), 8)
    # Half-pixel centres: output pixel i lies midway between inputs 2i and 2i + 1.
    np.testing.assert_array_equal(found[0, 3, :, 1], np.arange(5, 160, 20))
    assert found.dtype == tf.uint8


@pytest.mark.parametrize("frames", [3, 6])
def test_resizing_some_frames_at_a_time_is_tf_image_on_each(frames):
    random = np.random.default_rng(4)
    pictures = random.integers(0, 255, (frames, 30, 40, 3)).astype(np.uint8)
    jpegs = [tf.io.encode_jpeg(picture) for picture in pictures]
    box = tf.constant([3, 5, 21, 34])
    (found,) = video.views(
        tf.stack(jpegs), frames=frames, size=16, choose_boxes=lambda height, width: box[None]
    )
    for number, jpeg in enumerate(jpegs):
        plain = tf.image.resize(tf.image.decode_and_crop_jpeg(jpeg, box), [16, 16])
        np.testing.assert_array_equal(found[number], np.floor(plain + np.float32(0.5)))


def test_squares_along_the_long_side():
    size = tf.constant(24), tf.constant(33)
    np.testing.assert_array_equal(
        video.squares(*size, crops=3), [[0, 0, 24, 24], [0, 4, 24, 24], [0, 9, 24, 24]]
    )
    np.testing.assert_array_equal(video.squares(*size[::-1], crops=2), [[0, 0, 24, 24], [9, 0, 24, 24]])


def test_several_views_are_the_single_ones():
    random = np.random.default_rng(3)
    pictures = tf.stack(
        [tf.io.encode_jpeg(random.integers(0, 255, (24, 40, 3)).astype(np.uint8)) for _ in range(3)]
    )
    boxes = tf.constant([[0, 0, 24, 24], [0, 8, 24, 24], [0, 16, 24, 24]])
    together = video.views(pictures, frames=3, size=16, choose_boxes=lambda height, width: boxes)
    for number in range(3):
        alone = video.views(
            pictures, frames=3, size=16, choose_boxes=lambda height, width, n=number: boxes[n : n + 1]
        )
        # To the grey: JPEG's colours are interpolated up to the edge of what is decoded.
        difference = np.abs(together[number].numpy().astype(int) - alone[0].numpy())
        assert difference.max() <= 24 and difference[:, :, 2:-2].max() <= 1


def test_a_still_is_decoded_once_and_shown_all_the_time():
    clip = spec.ClipSpec(frames=4, frame_size=8)
    record = parsed(records_fixture.record(7, frames=1), frame_rate_hz=0.0)
    frames, mask = video.clip_views(record, 0.0, clip=clip, choose_boxes=middle)
    assert float(mask) == 1 and (frames.numpy() == frames[:, :1].numpy()).all() and frames.numpy().mean() > 5
    assert float(window.start_seconds(record, 3.2, window.spaced_start)) == 0


def test_a_single_image_example_is_a_record():
    (jpeg,) = records_fixture.jpegs(9, frames=1)
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[jpeg]))
    label = tf.train.Feature(int64_list=tf.train.Int64List(value=[5]))
    example = tf.train.Example(
        features=tf.train.Features(feature={"image/encoded": feature, "clip/label/index": label})
    )
    record = parsed(example.SerializeToString())
    assert list(record["jpegs"].numpy()) == [jpeg] and list(record["labels"].numpy()) == [5]


def test_flip_mirrors_the_whole_clip_half_of_the_time():
    frames = tf.constant(np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3))
    drawn = [bool(video.is_flipped(key(n))) for n in range(100)]
    assert 30 < sum(drawn) < 70
    np.testing.assert_array_equal(video.mirror_if(tf.constant(True), frames), frames[:, :, ::-1])
    np.testing.assert_array_equal(video.mirror_if(tf.constant(False), frames), frames)


def test_a_record_without_pictures_is_blank_and_masked():
    clip = spec.ClipSpec(frames=4, frame_size=8)
    frames, mask = video.clip_views(
        parsed(records_fixture.record(pictures=[])), 0.0, clip=clip, choose_boxes=middle
    )
    assert frames.shape == (1, 4, 8, 8, 3) and not np.any(frames) and float(mask) == 0


# Audio.


@pytest.mark.parametrize(
    ("source", "target"),
    [(16_000, 8_000), (48_000, 16_000), (44_100, 48_000), (8_000, 16_000), (16_000, 11_025)],
)
def test_resampling_keeps_what_fits_and_removes_what_does_not(source, target):
    samples = 4_000
    resampler = audio.Resampler(source, target, samples)
    times = (np.arange(resampler.inputs) - resampler.lead) / source
    wanted_times = np.arange(samples) / target
    low = min(source, target) / 2
    for frequency in (0.0, 0.11 * low, 0.5 * low, 0.88 * low):
        found = resampler(tf.constant(0.5 * np.cos(2 * np.pi * frequency * times + 0.3), tf.float32))
        np.testing.assert_allclose(found, 0.5 * np.cos(2 * np.pi * frequency * wanted_times + 0.3), atol=2e-4)
    if target < source:
        for frequency in (1.02 * low, 0.95 * source / 2):
            found = resampler(tf.constant(np.cos(2 * np.pi * frequency * times), tf.float32))
            assert np.abs(found).max() < 2e-4  # an alias would have the full height


def test_resampling_equals_the_filter_applied_at_the_full_rate():
    resampler = audio.Resampler(16_000, 8_000, 500)
    signal = np.random.default_rng(0).uniform(-0.3, 0.3, resampler.inputs)
    taps, beta = scipy.signal.kaiserord(80.0, 0.1 / 2)
    response = scipy.signal.firwin(taps | 1, 0.95 / 2, window=("kaiser", beta))
    full = np.convolve(signal, response)[len(response) // 2 :]
    np.testing.assert_allclose(
        resampler(tf.constant(signal, tf.float32)), full[resampler.lead :][: 2 * 500 : 2], atol=1e-6
    )


def test_equal_rates_pass_through_from_the_same_instant():
    record = parsed(records_fixture.record(sample_rate_hz=1000, channels=2, frames=40))
    sound, mask = audio.clip_audio(
        record, tf.constant(0.4), audio.Resampler(1000, 1000, 3200), source_hz=1000
    )
    np.testing.assert_allclose(sound, np.arange(400, 3600) / 32768)
    assert float(mask) == 1
    late, _ = audio.clip_audio(record, tf.constant(1.0), audio.Resampler(1000, 1000, 3200), source_hz=1000)
    np.testing.assert_allclose(late, np.append(np.arange(1000, 4000), np.zeros(200)) / 32768)


def test_a_clip_in_the_middle_sounds_as_the_whole_record_resampled():
    noise = np.random.default_rng(1).integers(-9000, 9000, 8000)
    record = parsed(records_fixture.record(sample_rate_hz=2000, pcm=noise))
    whole, _ = audio.clip_audio(record, tf.constant(0.0), audio.Resampler(2000, 1000, 4000), source_hz=2000)
    part, _ = audio.clip_audio(record, tf.constant(0.7), audio.Resampler(2000, 1000, 1000), source_hz=2000)
    np.testing.assert_allclose(part, whole[700:1700], atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"audio": False}, {"pcm": np.zeros(4000)}, {"pcm": np.repeat([0, 900], [3500, 500])}]
)
def test_silence_and_absence_are_masked(options):
    record = parsed(records_fixture.record(**{"sample_rate_hz": 1000} | options))
    sound, mask = audio.clip_audio(record, tf.constant(0.0), audio.Resampler(1000, 500, 1500), source_hz=1000)
    assert float(mask) == 0 and sound.shape == (1500,) and not np.any(sound)


def test_channels_are_averaged():
    record = parsed(records_fixture.record(sample_rate_hz=1000, channels=2, pcm=np.tile([3000, -1000], 4000)))
    sound, _ = audio.clip_audio(record, tf.constant(0.0), audio.Resampler(1000, 1000, 100), source_hz=1000)
    np.testing.assert_allclose(sound, 1000 / 32768)


@pytest.mark.parametrize("channels, loudest", [([3000, -3000], 3000), ([2900, -3000], -3000)])
def test_channels_of_opposite_sign_do_not_cancel(channels, loudest):
    record = parsed(records_fixture.record(sample_rate_hz=1000, channels=2, pcm=np.tile(channels, 4000)))
    sound, mask = audio.clip_audio(record, tf.constant(0.0), audio.Resampler(1000, 1000, 100), source_hz=1000)
    np.testing.assert_allclose(sound, np.full(100, loudest / 32768))
    assert float(mask) == 1


def test_noise_is_a_share_of_the_peak():
    signal = tf.constant(np.sin(np.arange(50_000)) * 0.5, tf.float32)
    noise = audio.add_noise(signal, key(), share_of_peak=0.01) - signal
    assert abs(float(tf.math.reduce_std(noise)) - 0.005) < 1e-4 and abs(float(tf.reduce_mean(noise))) < 1e-4
    np.testing.assert_array_equal(noise, audio.add_noise(signal, key(), share_of_peak=0.01) - signal)
    assert np.any(noise != audio.add_noise(signal, key(1), share_of_peak=0.01) - signal)
    assert float(tf.reduce_max(tf.abs(audio.add_noise(2 * signal, key(), share_of_peak=0.5)))) == 1.0
    assert not np.any(audio.add_noise(0 * signal, key(), share_of_peak=0.01))


# What a record must not be.


def test_contradictions_are_named():
    good = {"audio_rate_hz": 1000, "classes": 3}
    record = parsed(records_fixture.record(4, sample_rate_hz=1000, labels=(0, 2)))
    assert parse.contradiction(record, **good).numpy() == b""
    assert (
        b'2000 Hz. Received: 1000 in clip "clip4@1.500"'
        in parse.contradiction(record, **good | {"audio_rate_hz": 2000}).numpy()
    )
    assert parse.contradiction(record, audio_rate_hz=None, classes=0).numpy() == b""
    assert b"0 to 1. Received: [2] in clip" in parse.contradiction(record, **good | {"classes": 2}).numpy()
    pictures = {"image/encoded": [[jpeg] for jpeg in records_fixture.jpegs(0, frames=2)]}
    rateless = parsed(records_fixture.sequence_example({}, pictures), frame_rate_hz=0.0)
    assert b"frame rate" in parse.contradiction(rateless, audio_rate_hz=None, classes=0).numpy()


# Text.


def nearest_by_search(captions, middle, candidates):
    """Brute-force twin: pick the nearest one that is left, K times."""
    left = [((start + end) / 2, name) for name, start, end in captions]
    chosen = []
    while left and len(chosen) < candidates:
        best = min(left, key=lambda item: (abs(item[0] - middle), item[0]))
        left.remove(best)
        chosen.append(best[1])
    return chosen + [""] * (candidates - len(chosen))


@pytest.mark.parametrize("number", [0, 1, 3, 5, 12])
def test_the_nearest_captions_in_time(number):
    random = np.random.default_rng(number)
    for _ in range(10):
        # Eighths of a second are exact in float32, and make ties.
        # Those before the record's first frame and behind its last belong to what was cut off.
        times = np.sort((random.choice(160, (number, 2)) - 40) / 8.0, axis=1)
        _, first = np.unique(times.sum(axis=1), return_index=True)  # no two with the same middle
        captions = [(f"caption {row}", float(times[row][0]), float(times[row][1])) for row in first]
        random.shuffle(captions)
        middle = float(random.choice(80) / 8)
        found = text.nearest_captions(parsed(records_fixture.record(captions=captions)), middle, candidates=5)
        assert [name.decode() for name in found.numpy()] == nearest_by_search(captions, middle, 5)


def test_captions_of_one_middle_stay_in_their_order():
    captions = [("wide", -1.0, 3.0), ("narrow", 0.5, 1.5), ("far", -9.0, -8.0)]
    found = text.nearest_captions(parsed(records_fixture.record(captions=captions)), 4.0, candidates=3)
    assert list(found.numpy()) == [b"wide", b"narrow", b"far"]


def test_of_two_equally_near_the_earlier_comes_first():
    captions = [("later", 3.0, 4.0), ("earlier", 1.0, 2.0)]
    found = text.nearest_captions(parsed(records_fixture.record(captions=captions)), 2.5, candidates=2)
    assert list(found.numpy()) == [b"earlier", b"later"]


# Other spellings.


def test_dmvr_records():
    floats = [0.25] * 100 + [-0.5] * 100
    for spelling, labels in (
        ("WAVEFORM/feature/floats", "clip/label/index"),
        ("waveform/floats", "label/index"),
    ):
        serialized = records_fixture.sequence_example(
            {"caption/string": ["one", "two"], labels: [3, 4]},
            {"image/encoded": [[jpeg] for jpeg in records_fixture.jpegs(0, frames=3)], spelling: [floats]},
        )
        record = parsed(serialized, frame_rate_hz=25.0)
        assert float(record["frame_rate_hz"]) == 25 and record["jpegs"].shape == (3,)
        assert int(record["sample_rate_hz"]) == 48_000
        np.testing.assert_array_equal(record["labels"], [3, 4])
        sound, mask = audio.clip_audio(
            record, tf.constant(0.0), audio.Resampler(48_000, 48_000, 250), source_hz=48_000
        )
        np.testing.assert_allclose(sound, floats + [0.0] * 50)
        assert float(mask) == 1
        assert list(text.nearest_captions(record, 1.0, candidates=3).numpy()) == [b"one", b"two", b""]


def test_our_records_name_themselves():
    record = parsed(records_fixture.record(7))
    assert record["clip_id"].numpy() == b"clip7@1.500" and record["group"].numpy() == b"red-disc"


def test_features_without_a_value_are_absent_features():
    empty = ("WAVEFORM/pcm16", "WAVEFORM/sample_rate", "clip/group", "caption/string", "clip/start/timestamp")
    record = parsed(records_fixture.sequence_example({"clip/media_id": ["a"]} | {name: [] for name in empty}))
    assert record["clip_id"].numpy() == b"a@0.000" and record["group"].numpy() == b""
    sound, mask = audio.clip_audio(record, tf.constant(0.0), audio.Resampler(8000, 8000, 9), source_hz=8000)
    assert float(mask) == 0 and not np.any(sound)
