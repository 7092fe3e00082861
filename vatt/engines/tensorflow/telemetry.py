"""How hard the devices work: tokens and operations per second, the share of what they could do, memory.

Operations are those of matrix products, einsums and convolutions in the forward pass as it is traced, times
three for forward and backward (Chowdhery et al. 2022, appendix B): what recomputation adds is no progress and
does not count. Products inside loops count once.
"""

import logging
import math
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from vatt import resident_memory, spec
from vatt.engines.private_names import function_in
from vatt.engines.protocol import Task
from vatt.engines.rows import rows_of
from vatt.engines.tensorflow.peak import measured_peak
from vatt.protocols import Batch

_log = logging.getLogger(__name__)

_FORWARD_AND_BACKWARD = 3
_OPERATIONS_OF_A_PRODUCT = 2  # a multiplication and an addition
_GIB = 2**30


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
        rows = {name: tf.convert_to_tensor(value) for name, value in rows.items()}
        rows["draw_key"] = tf.zeros((count, 2), tf.int32)

        def forward():
            return task.model(task.device_inputs(rows, training=True), training=True)

        traced = tf.function(forward, autograph=False).get_concrete_function()
        outputs = dict(traced.structured_outputs)
        tokens = [outputs.pop(f"{modality}/tokens", None) for modality in spec.MODALITIES]
        # Of outputs that no loss reads a step computes nothing.
        self.clip_flops = _FORWARD_AND_BACKWARD * count_flops(traced.graph, outputs.values()) / count
        self.clip_tokens = sum(math.prod(each.shape[:2]) for each in tokens if each is not None) / count

    def numbers(self, clips_per_second: float) -> dict[str, float]:
        """ "tokens_per_second" (those that the encoders see), "flops_per_second", "mfu", "memory_gib", and
        "device_memory_gib" with a GPU: the most of either so far."""
        numbers = {"flops_per_second": clips_per_second * self.clip_flops}
        if self.clip_tokens:
            numbers["tokens_per_second"] = clips_per_second * self.clip_tokens
        if self._peak_flops:
            numbers["mfu"] = numbers["flops_per_second"] / self._peak_flops
        return {**numbers, **memory()}


def memory() -> dict[str, float]:
    """Most memory of this process and of its first GPU so far, in GiB."""
    numbers = {"memory_gib": resident_memory.peak() / _GIB}
    if tf.config.list_logical_devices("GPU"):
        numbers["device_memory_gib"] = tf.config.experimental.get_memory_info("GPU:0")["peak"] / _GIB
    return numbers


def count_flops(graph: Any, outputs: Iterable | None = None) -> int:
    """Operations of one run of a traced function, of products with static shapes.

    Args:
        graph: of the function.
        outputs: tensors of it that are read; None for all that it gives. What none of them needs is not run.
    """
    waiting = [each.op for each in (graph.outputs if outputs is None else outputs)]
    waiting += graph.control_outputs
    needed = {}
    while waiting:
        operation = waiting.pop()
        if operation.name not in needed:
            needed[operation.name] = operation
            waiting += [each.op for each in operation.inputs] + operation.control_inputs
    return sum(_operations(operation) for operation in needed.values())


def _operations(operation) -> int:
    if operation.type in ("MatMul", "BatchMatMulV2"):
        adjoint = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        contracted = operation.inputs[0].shape[-2 if adjoint else -1]
        return _products(operation, contracted)
    if operation.type == "Einsum":
        inputs, output = operation.get_attr("equation").decode().split("->")
        sizes = {}
        for letters, tensor in zip(inputs.split(","), operation.inputs):
            sizes |= dict(zip(letters.replace("...", ""), tensor.shape[-len(letters.replace("...", "")) :]))
        return _products(operation, math.prod(sizes[each] for each in sizes if each not in output))
    if operation.type in ("Conv2D", "Conv3D"):
        return _products(operation, math.prod(operation.inputs[1].shape[:-1]))
    called = [operation.get_attr(name) for name in ("f",) if name in operation.node_def.attr]
    functions = (function_in(operation.graph, each.name) for each in called if hasattr(each, "name"))
    return sum(count_flops(function.graph) for function in functions if hasattr(function, "graph"))


def _products(operation, contracted: int) -> int:
    return _OPERATIONS_OF_A_PRODUCT * math.prod(operation.outputs[0].shape) * contracted
