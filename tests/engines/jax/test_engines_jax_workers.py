"""Two processes, connected over loopback by `jax.distributed`, train as one does."""

import json
import signal
import socket
import time

import pytest

from tests.engines.jax.processes import Process, finish_all, together
from tests.engines.jax.test_engines_jax import by_tensorflow
from tests.engines.training import toy_batch, toy_model
from vatt.engines.cluster import name_cluster
from vatt.engines.jax.workers import connected
from vatt.errors import RunError


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"

    def workers_at(address):
        return [
            Process(
                "tests.engines.jax.two_processes",
                tmp_path,
                address,
                index,
                environment={"XLA_FLAGS": flags},
            )
            for index in range(2)
        ]

    together(workers_at, finish_all)
    found = [json.loads((tmp_path / f"worker_{index}.json").read_text()) for index in range(2)]
    theirs, _ = by_tensorflow(make=toy_model, batch_of=toy_batch, steps=4)
    for index, each in enumerate(found):
        for name, values in theirs.items():
            assert [*each["before"][name], *each["after"][name]] == pytest.approx(values, rel=1e-5), name
        assert each["after"] == each["meanwhile"], (
            "what is read is what was there when it was copied, to the bit"
        )
        assert each["sums"] == [2**61 + 1, True, index == 0]
        assert each["divides"] and each["bytes_of_a_device"] <= each["bytes"] / 4 * 1.05
        assert each["whole"] and each["norms"] == found[0]["norms"], "each process has the model meanwhile"
    parts = {path.name for path in (tmp_path / "saving" / "ckpt-2.orbax").glob("ocdbt.process_*")}
    assert parts == {"ocdbt.process_0", "ocdbt.process_1"}


def lasting_in(folder):
    """Address -> two processes that agree again and again."""
    module = "tests.engines.jax.lasting_processes"
    return lambda address: [Process(module, folder, address, index, limit_seconds=240) for index in range(2)]


@pytest.mark.slow
def test_a_worker_that_loses_another_names_it_and_ends(tmp_path):
    """By the status of a restart, and before JAX's own five minutes at the end of a process are over."""

    def lose(chief, other):
        chief.wait_for(tmp_path / "0")
        other.kill_at(tmp_path / "1")
        assert chief.status() == 75
        assert "Worker 0 lost worker 1 (127.0.0.1:1): " in chief.output
        assert "resumes from the newest checkpoint" in chief.output

    together(lasting_in(tmp_path), lose)


@pytest.mark.slow
def test_a_worker_that_loses_the_first_one_ends_at_once_and_says_so(tmp_path):
    """By the status of a restart, or, where JAX is quicker, by its SIGABRT and its own words."""

    def lose(chief, other):
        other.wait_for(tmp_path / "1")
        chief.kill_at(tmp_path / "0")
        began = time.monotonic()
        status = other.status()
        said = {75: "Worker 1 lost worker 0 (", -signal.SIGABRT: "the leader task was preempted/died"}
        assert said[status] in other.output
        assert time.monotonic() - began < 60

    together(lasting_in(tmp_path), lose)


def test_the_chief_refuses_a_port_that_is_taken(monkeypatch):
    """JAX ends there by a segmentation fault, or shares the port with another run."""
    monkeypatch.setenv("TF_CONFIG", "")  # what is named below goes again
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        name_cluster([address, "127.0.0.1:1"], 0)
        with pytest.raises(RunError, match=f"port must be free. Received: {address}"):
            connected()
