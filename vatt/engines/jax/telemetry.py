"""How hard the devices work: tokens and operations per second, the share of what they could do, memory.

Operations are counted as `vatt/engines/tensorflow/telemetry.py` does it: those of products in the forward
pass, times three. Products inside loops count once.
"""

import logging
import math
import time
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from vatt import resident_memory, spec
from vatt.engines.protocol import Task
from vatt.engines.rows import rows_of
from vatt.protocols import Batch

_log = logging.getLogger(__name__)

_FORWARD_AND_BACKWARD = 3
_OPERATIONS_OF_A_PRODUCT = 2  # a multiplication and an addition
_GIB = 2**30
_SIZES = {"cpu": 2048}  # of the square matrices that a peak is measured with
_CALLS = 4


class Telemetry:
    """Metrics in addition to those of the loop.

    Args:
        task: its model's variables exist already.
        rows: a batch of a few rows, feature name -> `[B, ...]`.
        replicas: devices that share a step.
        peak_flops: operations per second that one device is capable of, from its data sheet, or "measured";
            None disables utilisation.
    """

    def __init__(self, *, task: Task, rows: Batch, replicas: int, peak_flops: float | str | None):
        if peak_flops == "measured":
            peak_flops = measured_peak(keras.config.dtype_policy().compute_dtype)
            _log.info("Measured peak of one device: %.3g operations per second.", peak_flops)
        self._peak_flops = float(peak_flops) * replicas if peak_flops else None
        count = rows_of(rows)
        rows = {**rows, "draw_key": np.zeros((count, 2), np.int32)}

        def forward(rows):
            with keras.StatelessScope():
                return task.model(task.device_inputs(rows, training=True), training=True)

        traced, outputs = jax.make_jaxpr(forward, return_shape=True)(rows)
        self.clip_flops = _FORWARD_AND_BACKWARD * count_flops(traced.jaxpr) / count
        tokens = (outputs.get(f"{modality}/tokens") for modality in spec.MODALITIES)
        self.clip_tokens = sum(math.prod(each.shape[:2]) for each in tokens if each is not None) / count

    def numbers(self, clips_per_second: float) -> dict[str, float]:
        """ "tokens_per_second" (those that the encoders see), "flops_per_second", "mfu", "memory_gib", and
        "device_memory_gib" with a GPU or TPU: the most of either so far."""
        numbers = {"flops_per_second": clips_per_second * self.clip_flops}
        if self.clip_tokens:
            numbers["tokens_per_second"] = clips_per_second * self.clip_tokens
        if self._peak_flops:
            numbers["mfu"] = numbers["flops_per_second"] / self._peak_flops
        numbers["memory_gib"] = resident_memory.peak() / _GIB
        device = jax.local_devices()[0].memory_stats() or {}
        if "peak_bytes_in_use" in device:
            numbers["device_memory_gib"] = device["peak_bytes_in_use"] / _GIB
        return numbers


def count_flops(jaxpr: Any) -> int:
    """Operations of one run of a traced function, of its products."""
    return sum(_operations(equation) for equation in jaxpr.eqns)


def _operations(equation) -> int:
    outputs = math.prod(equation.outvars[0].aval.shape) if equation.outvars else 0
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        return _OPERATIONS_OF_A_PRODUCT * outputs * math.prod(shape[axis] for axis in contracted)
    if equation.primitive.name == "conv_general_dilated":
        filters = equation.invars[1].aval.shape
        made = filters[equation.params["dimension_numbers"].rhs_spec[0]]
        return _OPERATIONS_OF_A_PRODUCT * outputs * math.prod(filters) // made
    return sum(count_flops(each) for each in jax.core.jaxprs_in_params(equation.params))  # pyright: ignore


def measured_peak(dtype: str) -> float:
    """Operations per second of large matrix products on one device of this process.

    Args:
        dtype: of the factors, such as "bfloat16".
    """
    size = _SIZES.get(jax.default_backend(), 8192)
    factor = jax.random.uniform(jax.random.key(0), (size, size), dtype)
    multiply = jax.jit(lambda left: jnp.matmul(left, factor) * jnp.asarray(2 / size, dtype))
    seconds = []
    for _ in range(_CALLS):  # the first one compiles; the fastest of the others counts
        began = time.perf_counter()
        multiply(factor).block_until_ready()
        seconds.append(time.perf_counter() - began)
    sharing = jax.local_device_count() if jax.default_backend() == "cpu" else 1  # they share the cores
    return _OPERATIONS_OF_A_PRODUCT * size**3 / min(seconds[1:]) / sharing
