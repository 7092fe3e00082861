"""The batches of a run, and what is said of them beforehand."""

import logging
import types

from tests import toys
from vatt.protocols import DatasetInfo
from vatt.train.training_data import TrainingData


def data_of(dataset, *, batch_size=32, index=0, count=1):
    workers = types.SimpleNamespace(index=index, count=count)
    return TrainingData(dataset, batch_size=batch_size, seed=0, workers=workers)


def of_size(clips):
    return types.SimpleNamespace(info=DatasetInfo(name="toys", train_size=clips))


def test_a_batch_larger_than_the_set_is_warned_of(caplog):
    caplog.set_level(logging.INFO, logger="vatt")
    data_of(of_size(200)).warn_of_few_clips(600)
    assert (
        "200 clips for training: each is seen 96 times" in caplog.text and "more than once" not in caplog.text
    )
    data_of(of_size(20)).warn_of_few_clips(600)
    assert "32 rows, and the set 20 clips" in caplog.text and "--batch_size 16" in caplog.text


def test_workers_share_the_rows_and_a_dry_run_takes_few():
    whole = data_of(toys.ToyData(), batch_size=8).batch(3)["example_index"].numpy().tolist()
    halves = [
        data_of(toys.ToyData(), batch_size=8, index=index, count=2).batch(3)["example_index"].numpy().tolist()
        for index in range(2)
    ]
    assert halves[0] + halves[1] == whole == list(range(24, 32))
    few = next(iter(data_of(toys.ToyData(), batch_size=80).few_rows()))
    assert few["example_index"].shape == (20,)  # the largest share of 32 rows or less


def test_the_first_batches_are_made_once():
    dataset = toys.ToyData()
    data = data_of(dataset)
    assert data.first(5) is data.first(5)
    assert dataset.asked_first_steps == [5]
