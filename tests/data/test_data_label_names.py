"""A part of a set's classes, in an order of its own."""

import numpy as np
import pytest

from tests import records_fixture
from vatt import spec
from vatt.data.datasets.prepared import PreparedClips

NAMES = ("red", "blue", "spins", "slides")
CLIP = spec.ClipSpec(frames=2, frame_size=8, modalities=("video",))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    labels = ([0, 2], [1, 3], [3, 3, 0], [1])
    clips = [records_fixture.record(n, frames=4, labels=given) for n, given in enumerate(labels)]
    folder = tmp_path_factory.mktemp("labelled") / "set"
    return records_fixture.write_set(folder, {"train": clips, "test": clips}, shards=1, labels=NAMES)


def labels_of(dataset):
    (batch,) = dataset.eval_batches(batch_size=4)
    return batch[spec.LABEL].numpy()


def test_the_chosen_classes_in_the_order_asked_for(directory):
    dataset = PreparedClips(directory=directory, clip=CLIP, labels=["slides", "spins"])
    assert dataset.info.label_names == ("slides", "spins")
    np.testing.assert_array_equal(labels_of(dataset), [[0, 1], [1, 0], [1, 0], [0, 0]])


def test_all_of_them_by_default(directory):
    dataset = PreparedClips(directory=directory, clip=CLIP, labels=True)
    assert dataset.info.label_names == NAMES
    np.testing.assert_array_equal(
        labels_of(dataset), [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1], [0, 1, 0, 0]]
    )
    part = PreparedClips(directory=directory, clip=CLIP, labels=NAMES[:2])
    assert part.info.fingerprint != dataset.info.fingerprint


def test_a_class_that_the_set_has_not(directory):
    with pytest.raises(ValueError, match="`labels` must be classes.* 'slide'.* Closest: `slides`"):
        PreparedClips(directory=directory, clip=CLIP, labels=("spins", "slide"))
