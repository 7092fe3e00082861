"""A configuration that trains 20 steps of a toy model, and a folder for each test to run it in."""

import pytest

TOY = """\
import vatt.run
import vatt.train.trainer
import vatt.optimizers.factories
import vatt.optimizers.schedules
import tests.toys

MODEL_DIR = %gin.REQUIRED
TRAIN_STEPS = 20
CHECKPOINT_EVERY = 5
BATCH_SIZE = 4
SEED = 0

run.job = @Trainer
run.model_dir = %MODEL_DIR
run.seed = %SEED
Trainer.checkpoints = @Checkpoints()
Trainer.execution = @Execution()
Trainer.optimization = @Optimization()
Trainer.evaluation = @Evaluation()
Trainer.logging = @Logging()
Trainer.model = @ToyModel()
Trainer.dataset = @ToyData()
Trainer.loss = @ToyLoss()
Trainer.device_inputs = @toy_inputs()
Trainer.optimizer = @adam()
adam.learning_rate = @warmup_quarter_cosine()
warmup_quarter_cosine.steps = 20
warmup_quarter_cosine.warmup_steps = 4
warmup_quarter_cosine.peak = 1e-2
Trainer.batch_size = %BATCH_SIZE
Trainer.steps = %TRAIN_STEPS
Checkpoints.every = %CHECKPOINT_EVERY
Logging.every = 2
Evaluation.evaluators = [@ToyEvaluator()]
Evaluation.report = @toy_report()
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.gin").write_text(TOY)
