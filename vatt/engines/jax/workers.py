"""The processes of `jax.distributed`: what they agree on is gathered from all of them by the devices."""

import atexit
import socket

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from vatt.engines import cluster
from vatt.engines.jax.private_names import coordinator, end_without_the_others
from vatt.engines.workers import Workers
from vatt.errors import LostMachine, RunError, reason_of

_PATIENCE_MS = 600_000
_SILENCE_SECONDS = 60  # of a process, after which JAX ends all others
_BITS = 21  # of a number that travels in three parts, as JAX's integers have 32 bits
# What the others see when one of them dies.
_LOST_WORDS = (
    "Gloo",
    "Connection closed",
    "Connection reset",
    "heartbeat",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
)


def connected() -> Workers:
    """The workers of this run, connected with each other where there are several."""
    index, addresses = cluster.place()
    if len(addresses) < 2:
        return Workers()
    if index == 0:
        _check_is_free(addresses[0])
    jax.distributed.initialize(
        addresses[0],
        num_processes=len(addresses),
        process_id=index,
        heartbeat_timeout_seconds=_SILENCE_SECONDS,
    )
    _connect_devices()
    return _Several(index, addresses)


def _check_is_free(address):
    """JAX ends by a segmentation fault at a port that another program has, and shares it with another run."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what an earlier run left is no matter
        try:
            probe.bind(("", int(address.rpartition(":")[2])))
        except OSError as error:
            raise RunError(
                f"JAX connects the workers at the address of the first, whose port must be free. "
                f"Received: {address} ({reason_of(error)}). End what listens there, or name another port to "
                "all workers."
            ) from error


def _connect_devices():
    """Connects every device with every other while all processes are here: on CPUs JAX gives up where one
    comes half a minute later, as after compiling its first step.
    """
    mesh = Mesh(np.array(jax.devices()), ("all",))
    ones = jax.make_array_from_callback(
        (mesh.size,), NamedSharding(mesh, PartitionSpec("all")), lambda part: np.ones(1, np.float32)
    )
    total = jax.jit(jnp.sum, out_shardings=NamedSharding(mesh, PartitionSpec())).lower(ones).compile()
    coordinator().wait_at_barrier("vatt/connected", _PATIENCE_MS)
    total(ones).block_until_ready()


class _Several(Workers):
    def total(self, number: int) -> int:
        parts = [number >> shift & (1 << _BITS) - 1 for shift in (0, _BITS, 2 * _BITS)]
        with self.explaining():
            gathered = multihost_utils.process_allgather(np.array(parts, np.int32))
        sums = np.asarray(gathered, np.int64).reshape(-1, len(parts)).sum(axis=0)
        return sum(int(part) << shift for part, shift in zip(sums, (0, _BITS, 2 * _BITS)))

    def lost(self, error: Exception) -> set[int] | None:
        is_ours = isinstance(error, jax.errors.JaxRuntimeError | ValueError)
        if not is_ours or not any(word in str(error) for word in _LOST_WORDS):
            return None
        atexit.register(end_without_the_others, LostMachine.exit_status)
        return {1 - self.index} if self.count == 2 else set()
