"""A run needs of an engine what its protocol says: another one trains, skips, resumes and evaluates alike."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import toys
from tests.train.eager_engine import EagerEngine
from vatt.engines import start
from vatt.engines.optimization import Optimization
from vatt.engines.tensorflow.engine import TensorFlowEngine
from vatt.errors import RunError
from vatt.optimizers.factories import sgd
from vatt.train.context import RunContext
from vatt.train.settings import Checkpoints, Evaluation, Logging
from vatt.train.trainer import Trainer


def train(engine, directory, *, steps=8, poisoned_step=None, **options):
    """The lines of the journal, and the metrics."""
    keras.utils.set_random_seed(0)
    directory.mkdir(exist_ok=True)
    trainer = Trainer(
        model=toys.ToyModel(),
        dataset=toys.ToyData(poisoned_step=poisoned_step),
        loss=toys.ToyLoss(),
        device_inputs=toys.toy_inputs(),
        optimizer=sgd(learning_rate=0.05),
        batch_size=4,
        steps=steps,
        checkpoints=Checkpoints(every=3),
        optimization=Optimization(skip_bad_steps=1),
        logging=Logging(every=1),
        evaluation=Evaluation(evaluators=[toys.ToyEvaluator()]),
    )
    assert trainer.run(RunContext(model_dir=directory, seed=3, engine=engine, **options)) == 0
    lines = (directory / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], json.loads((directory / "metrics.json").read_text())


@pytest.mark.parametrize("poisoned_step", [None, 4])
def test_losses_are_those_of_the_tensorflow_engine(tmp_path, poisoned_step):
    ours, metrics = train(EagerEngine(), tmp_path / "eager", poisoned_step=poisoned_step)
    tensorflow = TensorFlowEngine(tf.distribute.get_strategy())
    theirs, their_metrics = train(tensorflow, tmp_path / "tensorflow", poisoned_step=poisoned_step)
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    for name in ("loss", "loss/video_audio", "gradient_norm", "learning_rate", "skipped_steps"):
        np.testing.assert_allclose(*([line[name] for line in each] for each in (ours, theirs)), rtol=1e-5)
    assert metrics == pytest.approx(their_metrics, rel=1e-5)
    assert ours[-1]["skipped_steps"] == (poisoned_step is not None)


def test_it_resumes_from_files_of_its_own(tmp_path):
    whole, metrics = train(EagerEngine(), tmp_path / "whole")
    train(EagerEngine(), tmp_path / "run", steps=4)
    assert (tmp_path / "run" / "checkpoints" / "ckpt-4.npz").is_file()
    resumed, same = train(EagerEngine(), tmp_path / "run")
    assert [line["loss"] for line in resumed] == [line["loss"] for line in whole] and same == metrics


def test_each_checkpoint_is_published_once_it_counts(tmp_path):
    seen = []

    def publish_soon():
        seen.append(sorted(path.name for path in (tmp_path / "run" / "checkpoints").glob("*.json")))

    train(EagerEngine(), tmp_path / "run", publish_soon=publish_soon)
    assert seen == [["ckpt-3.json"], ["ckpt-3.json", "ckpt-6.json"], [f"ckpt-{n}.json" for n in (3, 6, 8)]]


def test_a_backend_without_an_engine_is_refused(monkeypatch):
    monkeypatch.setattr(start, "ENGINES", {"another": ""})
    with pytest.raises(RunError, match="of which there are another. Received: KERAS_BACKEND=tensorflow"):
        start.start_engine("one_device")
