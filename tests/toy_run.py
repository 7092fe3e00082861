"""A configuration that trains 20 steps of a toy model, and a folder for each test to run it in."""

import pytest

TOY = """\
import vatt.run
import vatt.engines.tensorflow.average
import vatt.train.job
import vatt.train.optimizer
import vatt.train.schedules
import tests.toys

MODEL_DIR = %gin.REQUIRED
TRAIN_STEPS = 20
CHECKPOINT_EVERY = 5
BATCH_SIZE = 4
SEED = 0

run.job = @train
run.model_dir = %MODEL_DIR
run.seed = %SEED
train.model = @ToyModel()
train.dataset = @ToyData()
train.loss = @ToyLoss()
train.device_inputs = @toy_inputs()
train.optimizer = @adam()
adam.learning_rate = @warmup_quarter_cosine()
warmup_quarter_cosine.steps = 20
warmup_quarter_cosine.warmup_steps = 4
warmup_quarter_cosine.peak = 1e-2
train.batch_size = %BATCH_SIZE
train.steps = %TRAIN_STEPS
train.checkpoint_every = %CHECKPOINT_EVERY
train.log_every = 2
train.evaluators = [@ToyEvaluator()]
train.report = @toy_report()
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.gin").write_text(TOY)
