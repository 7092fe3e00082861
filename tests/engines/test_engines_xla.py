"""Ready for a TPU without one: the real model's step compiles under XLA, from operations that a TPU has."""

import numpy as np
import pytest
from tensorflow.python.framework import kernels  # the registry has no public name

from tests.engines.training import Training, assert_same, clip_batch, clip_model
from vatt.engines.execution import Cached, Execution, WholeBatch
from vatt.optimizers.factories import adam, sgd

# How a TPU knows an operation: by a kernel for XLA that is not tied to one kind of device. A graph's own
# inputs have none.
GENERIC = {"XLA_CPU_JIT", "XLA_GPU_JIT"}
INPUTS = {"Placeholder"}
# Operations that run on the host alone or whose result has no static shape; those that a change of the
# model, the loss or the step is most likely to bring in.
WITHOUT_TPU_KERNEL = {
    "AsString", "DecodeJpeg", "DenseBincount", "EagerPyFunc", "HashTableV2", "IteratorGetNext",
    "LookupTableFindV2", "NonMaxSuppressionV5", "ParseExampleV2", "Print", "PrintV2", "PyFunc",
    "PyFuncStateless", "RaggedGather", "SetSize", "SparseSegmentSum", "SparseTensorDenseMatMul",
    "StaticRegexReplace", "StringFormat", "StringSplitV2", "TensorArrayConcatV3", "Timestamp", "Unique",
    "UniqueV2",    "UniqueWithCountsV2", "Where",
}  # fmt: skip
# Nor any that draws from a state: a draw must be a function of the example.
STATEFUL_RANDOM = {"RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomShuffle", "Multinomial"}


def compiled(gradients=WholeBatch()):  # noqa: B008 (frozen)
    return Training(
        make=clip_model,
        batch_of=clip_batch,
        make_optimizer=lambda: adam(learning_rate=0.01),
        execution=Execution(gradients=gradients, jit_compile=True),
    )


def operations(graph):
    """Types of all operations of a graph and of the functions that it calls."""
    definition = graph.as_graph_def()
    nodes = [
        *definition.node,
        *(node for function in definition.library.function for node in function.node_def),
    ]
    return {node.op for node in nodes}


def assert_ready_for_a_tpu(training):
    found = operations(training.step.concrete_step(clip_batch(0)).graph)
    assert len(found) > 50
    for name in found - INPUTS:
        registered = {kernel.device_type for kernel in kernels.get_registered_kernels_for_op(name).kernel}
        assert registered >= GENERIC, f"{name} has kernels for {sorted(registered)}"
    assert not found & WITHOUT_TPU_KERNEL
    assert not found & STATEFUL_RANDOM


@pytest.mark.slow
def test_every_operation_has_a_tpu_kernel():
    assert_ready_for_a_tpu(compiled())


def test_the_lists_know_what_a_tpu_lacks():
    for name in ("PyFunc", "DecodeJpeg", "StringSplitV2"):
        registered = {kernel.device_type for kernel in kernels.get_registered_kernels_for_op(name).kernel}
        assert registered and not GENERIC & registered


@pytest.mark.slow
def test_the_step_compiles_and_gives_the_same():
    # In float32. Draws are functions of the example, so that XLA drops the same tokens.
    found = []
    for jit_compile in (False, True):
        training = Training(
            make=clip_model,
            batch_of=clip_batch,
            make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0),
            clip_global_norm=1.0,  # the step is the gradient, scaled to norm 1
            execution=Execution(jit_compile=jit_compile),
        )
        found.append((training.run(1)[0], training.weights()))
    (results, weights), (compiled_results, compiled_weights) = found
    for name in ("loss", "loss/video_audio", "loss/video_text", "gradient_norm"):
        np.testing.assert_allclose(compiled_results[name], results[name], rtol=1e-5, err_msg=name)
    assert_same(weights, compiled_weights, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_cached_step_compiles():
    training = compiled(Cached(rows=2))
    assert_ready_for_a_tpu(training)
    assert training.run(2)[1]["finite"]


def test_several_devices_are_refused():
    with pytest.raises(ValueError, match="`jit_compile` needs one device"):
        Training(
            make_optimizer=lambda: adam(learning_rate=0.1), replicas=2, execution=Execution(jit_compile=True)
        )
