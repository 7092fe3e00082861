"""Whole runs of `python -m vatt.main --engine jax`: their files, a kill and a resume, readers of the run."""

import json

import numpy as np
import pytest

from tests.engines.jax.processes import Process, finish_all, together
from tests.miniature_runs import TINY, gin_file, start
from tests.prepare.media_maker import make_media
from tests.toy_embedder import colour, tone
from vatt import cli
from vatt.convert.run_directory import load_run

FLAGS = (
    "run.strategy='fsdp'",
    "TRAIN_STEPS=6",
    "CHECKPOINT_EVERY=2",
    "run.precision='float32'",
    "Checkpoints.keep=9",
)
# Where a gradient is nothing but rounding, as of a key's bias, Adam would make whole steps of it.
FLAGS += ("adam.epsilon=1e-3",)


class Runs:
    """Runs of the main job in miniature.

    Args:
        folder: of the runs and of what they share.
    """

    def __init__(self, folder):
        self.folder = folder

    def process(self, name, *options, devices):
        """One that trains in the folder `name`, on that many logical devices."""
        environment = {
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_COMPILATION_CACHE_DIR": str(self.folder / "compiled"),
        }
        return Process(
            "vatt.main",
            "--engine=jax",
            f"--data_dir={self.folder / 'demo'}",
            f"--gin_file={gin_file('pretrain')}",
            f"--gin_file={TINY}",
            f"--model_dir={self.folder / name}",
            *(f"--gin.{flag}" for flag in FLAGS),
            *options,
            environment=environment,
        )

    def both(self, name):
        """Address -> two processes that train together, on two devices each."""
        return lambda address: [
            self.process(name, f"--workers={address},127.0.0.1:1", f"--worker={index}", devices=2)
            for index in range(2)
        ]

    def finish(self, name, *, devices):
        """Trains to the end; the run directory."""
        with self.process(name, devices=devices) as process:
            process.finish()
        return self.folder / name

    def kill_after(self, name, step, *, devices):
        """Kills a run as soon as it has saved after that many steps."""
        with self.process(name, devices=devices) as process:
            process.kill_at(self.saved(name, step))

    def saved(self, name, step):
        """The file that a checkpoint ends with."""
        return self.folder / name / "checkpoints" / f"ckpt-{step}.json"


def lines(directory):
    found = map(json.loads, (directory / "journal.jsonl").read_text(encoding="utf-8").splitlines())
    return {line["step"]: line["loss"] for line in found}


def apart(one, other):
    """The difference of the weights of two runs over their norm, all of them as one vector."""
    pairs = zip(load_run(one).variables, load_run(other).variables, strict=True)
    flat = [np.concatenate([each.numpy().ravel() for each in side]) for side in zip(*pairs, strict=True)]
    return float(np.linalg.norm(flat[0] - flat[1]) / np.linalg.norm(flat[0]))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return Runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def whole(runs):
    """The directory of a run that nothing disturbed; for reading."""
    return runs.finish("whole", devices=4)


@pytest.mark.slow
def test_a_killed_run_resumes_bit_exactly_and_on_other_devices(runs, whole):
    """Also that a process on TensorFlow reads what a run on JAX wrote."""
    names = {path.name for path in whole.iterdir()}
    assert names >= {
        "checkpoints",
        "journal.jsonl",
        "metrics.json",
        "model.json",
        "inputs.json",
        "report.html",
    }
    runs.kill_after("killed", 2, devices=4)
    killed = runs.finish("killed", devices=4)
    assert apart(whole, killed) == 0 and lines(whole)[6] == lines(killed)[6]
    assert (whole / "metrics.json").read_text() == (killed / "metrics.json").read_text()

    runs.kill_after("moved", 2, devices=1)
    runs.kill_after("moved", 4, devices=4)
    moved = runs.finish("moved", devices=2)
    assert apart(whole, moved) < 1e-5
    assert lines(moved)[6] == pytest.approx(lines(whole)[6], rel=1e-5)


@pytest.mark.slow
def test_two_processes_each_save_a_part(runs, whole):
    """Killed and resumed, they end as one process does."""
    together(runs.both("parts"), lambda chief, other: chief.kill_at(runs.saved("parts", 2)))
    together(runs.both("parts"), finish_all)
    parts = runs.folder / "parts"
    assert len(list((parts / "checkpoints" / "ckpt-6.orbax").glob("ocdbt.process_*"))) == 2
    assert apart(whole, parts) < 1e-5
    assert lines(parts)[6] == pytest.approx(lines(whole)[6], rel=1e-5)
    metrics = [json.loads((each / "metrics.json").read_text()) for each in (whole, parts)]
    assert metrics[0].keys() == metrics[1].keys(), "the chief evaluates the whole model"


@pytest.mark.slow
def test_commands_read_it_under_tensorflow(runs, whole, tmp_path, capsys):
    export, media, index = (tmp_path / name for name in ("export", "media", "index"))
    assert cli.main(["export", str(whole), str(export), "--formats", "safetensors"]) == 0
    card = json.loads((export / "model_card.json").read_text(encoding="utf-8"))
    # Evaluations are of the exported weights where fingerprints, bits of every weight, are equal.
    assert card["evaluations"] and not card["evaluations_of_other_weights"]

    media.mkdir()
    make_media(media / "red.mp4", pictures=colour("red", 20), sound=tone("red", 2.0))
    assert cli.main(["index", str(media), str(index), "--model", str(whole), "--processes=1"]) == 0
    capsys.readouterr()
    assert cli.main(["search", str(index), "red disc", "--tsv"]) == 0
    assert "red.mp4" in capsys.readouterr().out

    (whole / "report.html").unlink()
    assert cli.main(["report", str(whole)]) == 0
    assert "journal" in (whole / "report.html").read_text(encoding="utf-8")

    probed = tmp_path / "probed"
    flags = {"CHECKPOINT": f"'{whole}'", "DATA_DIR": f"'{runs.folder / 'demo'}'", "MODEL_DIR": f"'{probed}'"}
    flags |= {"FEATURES_DIR": f"'{tmp_path / 'features'}'", "LinearClassifier.steps": 2}
    assert start([gin_file("probe_demo"), TINY], flags | {"KnnClassifier.neighbours": 3}) == 0
    assert json.loads((probed / "metrics.json").read_text(encoding="utf-8"))
