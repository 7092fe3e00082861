"""Several prepared sets as one stream: shares, order, masks, words."""

import gin
import numpy as np
import pytest

from tests import records_fixture
from vatt import spec
from vatt.data import batch_check, order
from vatt.data.captions import Captions
from vatt.data.datasets import mixture, prepared

CLIP = spec.ClipSpec(frames=4, frame_rate_hz=10.0, frame_size=16, sample_rate_hz=1000, words=4, candidates=2)
SPECIAL = ("<pad>", "<unk>")
SPOKEN, SILENT = 9, 5  # clips of the set with captions and of the one without
SILENT_GREY = 100  # the first grey of the second set's frames; the first set's are all darker


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    """A set with captions, and one without captions whose audio has another rate."""
    root = tmp_path_factory.mktemp("sets")
    spoken = [records_fixture.record(number, frames=6, sample_rate_hz=2000) for number in range(SPOKEN)]
    silent = [
        records_fixture.record(SILENT_GREY + number, frames=6, sample_rate_hz=4000, captions=())
        for number in range(SILENT)
    ]
    return (
        records_fixture.write_set(root / "spoken", {"train": spoken, "test": spoken[:2]}, audio_rate_hz=2000),
        records_fixture.write_set(root / "silent", {"train": silent}, audio_rate_hz=4000, words=SPECIAL),
    )


def single(directory, **options):
    return prepared.PreparedClips(**{"directory": directory, "clip": CLIP, "name": directory.name} | options)


def mixed(directories, **options):
    datasets = [single(directory) for directory in directories]
    return mixture.MixedClips(**{"datasets": datasets, "threads": 2} | options)


def take(batches, number):
    return [{name: np.asarray(value) for name, value in batch.items()} for batch in batches.take(number)]


@pytest.fixture(scope="module")
def weighted(directories):
    """The first five batches of 20 of a mixture that has nine clips of the silent set for each spoken one."""
    batches = mixed(directories, weights=(0.1, 0.9)).train_batches(batch_size=20, first_step=0, seed=5)
    return take(batches, 5)


def is_silent(batch):
    """Which rows are of the set without captions, by their images."""
    return batch[spec.VIDEO].mean(axis=(1, 2, 3, 4)) > 80


def assert_equal_batches(left, right):
    for one, other in zip(left, right, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def stream(count, first=0, **options):
    positions = np.arange(first, first + count, dtype=np.int64)
    return tuple(each.numpy() for each in order.examples_of_sets_at(positions, **options))


def test_without_weights_every_epoch_holds_every_clip_of_every_set_once():
    sizes = [5, 1, 7]
    sets, examples = stream(3 * 13, sizes=sizes, seed=4)
    clips = [(number, example) for number, size in enumerate(sizes) for example in range(size)]
    for epoch in range(3):
        here = slice(13 * epoch, 13 * (epoch + 1))
        assert sorted(zip(sets[here], examples[here], strict=True)) == clips
    assert (sets[:13] != sets[13:26]).any()


def test_one_set_is_ordered_as_if_alone():
    sets, examples = stream(40, sizes=[17], seed=3)
    np.testing.assert_array_equal(examples, order.examples_at(np.arange(40), size=17, seed=3))
    assert not sets.any()


def test_with_weights_shares_are_exact_and_each_set_runs_through_its_own_epochs():
    sizes, cycle = [7, 7, 3000], order.CYCLE
    sets, examples = stream(3 * cycle, sizes=sizes, seed=4, weights=(2, 1, 1))
    assert {tuple(np.bincount(part)) for part in np.split(sets, 3)} == {(cycle // 2, cycle // 4, cycle // 4)}
    # Mixed finely: 1,000 draws without replacement differ from their mean by 4 deviations (15 each) at most.
    assert all(abs((part == 0).sum() - 500) < 60 for part in np.split(sets, 30))
    for number, size in enumerate(sizes):
        # Within a cycle a set's clips come in the order of the dealt slots, not of the epochs; whole cycles
        # hold whole runs of its own stream.
        count = (sets == number).sum()
        expected = order.examples_at(np.arange(count), size=size, seed=4 + ((number + 1) << 32)).numpy()
        assert sorted(examples[sets == number]) == sorted(expected)
    # Two sets of one size do not come in step.
    assert (examples[sets == 0][: cycle // 4] != examples[sets == 1][: cycle // 4]).mean() > 0.5


@pytest.mark.parametrize("weights", [None, (1, 3)])
def test_a_position_depends_on_nothing_before_it(weights):
    options = {"sizes": [100, 40], "seed": 9, "weights": weights}
    straight = stream(500, **options)
    for left, right in zip(straight, stream(200, first=300, **options), strict=True):
        np.testing.assert_array_equal(left[300:], right)
    assert any((a != b).any() for a, b in zip(straight, stream(500, **options | {"seed": 8}), strict=True))


def test_the_order_of_a_mixture_is_frozen():
    # A run resumed by a later version must meet the same clips: these numbers must never change.
    options = {"sizes": [60, 40], "seed": 0}
    np.testing.assert_array_equal(
        stream(8, **options), [[0, 1, 0, 0, 1, 0, 0, 0], [56, 12, 35, 28, 14, 3, 33, 44]]
    )
    np.testing.assert_array_equal(
        stream(8, **options, weights=(1, 1)), [[1, 0, 1, 0, 1, 1, 0, 0], [2, 15, 2, 34, 17, 16, 6, 19]]
    )


@pytest.mark.parametrize(
    ("weights", "slots"),
    [((1, 1), [5000, 5000]), ((1, 1, 1), [3334, 3333, 3333]), ((0.7, 0.2, 0.1), [7000, 2000, 1000])],
)
def test_shares_add_up(weights, slots):
    assert order.slots_of_sets(weights) == slots


def test_batches_of_a_mixture_are_what_the_specification_says(directories):
    dataset = mixed(directories)
    assert dataset.info.name == "spoken+silent" and dataset.info.train_size == SPOKEN + SILENT
    assert dataset.info.tokenizer.size == len(records_fixture.VOCABULARY)
    batches = dataset.train_batches(batch_size=SPOKEN + SILENT, first_step=0, seed=1)
    batch_check.check_structure(batches.element_spec, CLIP, SPOKEN + SILENT, evaluation=False)
    for batch in take(batches, 2):
        batch_check.check_values(batch, vocabulary_size=dataset.info.tokenizer.size)
        silent = is_silent(batch)
        assert silent.sum() == SILENT  # a batch is an epoch here
        np.testing.assert_array_equal(batch[spec.TEXT_MASK][silent], 0)
        np.testing.assert_array_equal(batch[spec.TEXT_MASK][~silent], 1)
        assert not batch[spec.TEXT][silent].any() and batch[spec.AUDIO_MASK].all()
        # The ramp climbs by one a sample: resampled to 1 kHz, by the ratio of the rates.
        slopes = np.diff(batch[spec.AUDIO][:, 100:300], axis=1).mean(axis=1) * 32768
        np.testing.assert_allclose(slopes, np.where(silent, 4, 2), atol=0.1)
    assert dataset.info.corrupt_records() == 0


@pytest.mark.slow
def test_resumes_exactly_whatever_the_threads(directories, weighted):
    resumed = mixed(directories, weights=(0.1, 0.9), threads=1)
    assert_equal_batches(weighted[3:], take(resumed.train_batches(batch_size=20, first_step=3, seed=5), 2))


@pytest.mark.slow
def test_weights_change_the_shares(weighted):
    assert 78 <= sum(is_silent(batch).sum() for batch in weighted) < 100  # 90 of 100 ± 4 deviations


@pytest.mark.slow
def test_a_mixture_of_one_is_that_set(directories):
    (directory, _) = directories
    alone = single(directory).train_batches(batch_size=6, first_step=0, seed=2)
    assert_equal_batches(
        take(alone, 2), take(mixed([directory]).train_batches(batch_size=6, first_step=0, seed=2), 2)
    )


def test_different_word_lists_are_refused_unless_one_is_named(directories, tmp_path):
    spoken, silent = directories
    other = records_fixture.write_set(
        tmp_path / "other", {"train": [records_fixture.record()]}, words=(*SPECIAL, "disc", "red")
    )
    with pytest.raises(ValueError, match=r"'spoken' with .*; 'other' with .*vocabulary_file"):
        mixed([spoken, silent, other])
    shared = {"captions": Captions(vocabulary_file=spoken / "vocabulary.txt")}
    dataset = mixture.MixedClips(datasets=[single(each, **shared) for each in (spoken, silent, other)])
    assert dataset.info.tokenizer.words == list(records_fixture.VOCABULARY)
    with pytest.raises(ValueError, match=r"release=True for 'spoken'"):
        mixture.MixedClips(
            datasets=[single(spoken, captions=Captions(release_tokenizer=True)), single(other, **shared)],
        )
    assert mixed([silent]).info.tokenizer.words == list(SPECIAL)


def test_what_cannot_be_mixed_is_refused_when_it_is_built(directories):
    spoken, silent = directories
    with pytest.raises(ValueError, match="at least one"):
        mixture.MixedClips(datasets=[])
    with pytest.raises(ValueError, match="3 weights for 2 sets"):
        mixed(directories, weights=(1, 1, 1))
    for weights in ((1, 0), (1, -1), (1, float("nan")), (1, float("inf"))):
        with pytest.raises(ValueError, match="positive numbers"):
            mixed(directories, weights=weights)
    with pytest.raises(ValueError, match="at least one position in 10000"):
        mixed(directories, weights=(1, 1e-6))
    longer = spec.ClipSpec(frames=5, frame_size=16, sample_rate_hz=1000, words=4, candidates=2)
    with pytest.raises(ValueError, match="agree on the size of a clip"):
        mixture.MixedClips(datasets=[single(spoken), single(silent, clip=longer)])
    with pytest.raises(ValueError, match="for training"):
        mixed(directories).eval_batches(batch_size=2)


def test_gin_builds_it_from_scopes(directories):
    spoken, silent = directories
    gin.parse_config(f"""
        MixedClips.datasets = [@spoken/PreparedClips(), @silent/PreparedClips()]
        spoken/PreparedClips.directory = '{spoken}'
        silent/PreparedClips.directory = '{silent}'
        PreparedClips.clip = @ClipSpec()
    """)
    gin.bind_parameter("ClipSpec.frames", 4)
    assert gin.get_configurable(mixture.MixedClips)().info.train_size == SPOKEN + SILENT
