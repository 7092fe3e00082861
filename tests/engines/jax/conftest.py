"""The measurements of `checks.py`, made once for all tests and test processes."""

import json
from pathlib import Path

import filelock
import pytest

from tests.engines.jax.processes import Process

FAST = (
    "clips",
    "toy_devices",
    "donated",
    "products",
    "accumulated",
    "without_effect",
    "optimizers",
    "bad_steps",
    "loss_scale",
    "resumed",
    "evaluated",
)
SLOW = ("giant", "cached", "clip_devices", "latent_prediction")
# Logical devices; with so little optimisation programs compile in half the time.
FLAGS = "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0"


def measured(folder: Path, names) -> dict:
    """Name of a check -> what it measured; runs them where no other test process has."""
    folder.mkdir(exist_ok=True)
    with filelock.FileLock(folder / ".lock"):
        results = folder / "results.json"
        if not results.is_file():
            with Process(
                "tests.engines.jax.checks", folder, *names, environment={"XLA_FLAGS": FLAGS}
            ) as process:
                process.finish()
    return json.loads(results.read_text(encoding="utf-8")) | {"folder": folder}


def _shared_folder(factory, worker_id, name):
    base = factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / name


@pytest.fixture(scope="session")
def on_jax(tmp_path_factory, worker_id):
    """What the fast checks measured, and "folder", where they left weights."""
    return measured(_shared_folder(tmp_path_factory, worker_id, "jax_fast"), FAST)


@pytest.fixture(scope="session")
def slowly_on_jax(tmp_path_factory, worker_id):
    """What the slow checks measured."""
    return measured(_shared_folder(tmp_path_factory, worker_id, "jax_slow"), SLOW)
