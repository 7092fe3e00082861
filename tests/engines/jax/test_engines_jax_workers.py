"""Two processes, connected over loopback by `jax.distributed`, train as one does."""

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.documents import ROOT
from tests.engines.jax.conftest import ENVIRONMENT
from tests.engines.jax.test_engines_jax import by_tensorflow
from tests.engines.training import toy_batch, toy_model


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.engines.jax.two_processes", str(tmp_path), port]
    workers = [
        subprocess.Popen(
            [*command, str(index)],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | {"XLA_FLAGS": flags},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    found = []
    for worker in workers:
        said, errors = worker.communicate(timeout=900)
        assert worker.returncode == 0, errors[-4000:]
        found.append(json.loads(said.splitlines()[-1]))
    theirs, _ = by_tensorflow(make=toy_model, batch_of=toy_batch)
    for index, each in enumerate(found):
        for name, values in theirs.items():
            assert [*each["before"][name], *each["after"][name]] == pytest.approx(values, rel=1e-5), name
        assert each["sums"] == [2**61 + 1, True, index == 0]
        assert each["whole"], "each process holds the model while it evaluates"
