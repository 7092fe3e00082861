"""Ready for a TPU without one: the real model's step compiles under XLA, from operations that a TPU has."""

import numpy as np
import pytest
from tensorflow.python.framework import kernels  # the registry has no public name

from tests import toys
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


def towers_of_two_steps(replicas, jit_compile, gradients=WholeBatch()):  # noqa: B008 (frozen)
    training = Training(
        make=clip_model,
        batch_of=clip_batch,
        make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0),
        clip_global_norm=1.0,
        replicas=replicas,
        execution=Execution(jit_compile=jit_compile, gradients=gradients),
    )
    return training.run(2), training.weights(), training.step.concrete_step(clip_batch(0)).graph


def compiled_functions(graph):
    """Types of operations by function, of those that XLA compiles."""
    return [
        {node.op for node in function.node_def}
        for function in graph.as_graph_def().library.function
        if function.attr["_XlaMustCompile"].b
    ]


@pytest.fixture(scope="module")
def plain():
    return towers_of_two_steps(1, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replicas", "gradients"), [(2, WholeBatch()), (4, WholeBatch()), (2, Cached(rows=2))], ids=str
)
def test_compiled_towers_train_the_same_on_several_replicas(replicas, gradients, plain):
    results, weights, graph = towers_of_two_steps(replicas, True, gradients)
    found = compiled_functions(graph)
    assert len(found) >= 2 * replicas  # forward and backward
    assert any("BatchMatMulV2" in each for each in found)
    for wanted, result in zip(plain[0], results):
        np.testing.assert_allclose(result["loss"], wanted["loss"], rtol=1e-5)
    assert_same(plain[1], weights, rtol=0, atol=1e-5)


class OfRows(toys.ToyModel):
    """A toy without batch statistics and without draws, which here are TensorFlow's own: XLA has others."""

    def call(self, inputs, training=False):
        return super().call({**inputs, "draw_key": None}, training=False)


class Mixing(OfRows):
    mixes_rows = True


def toy_training(model, jit_compile):
    return Training(
        make=lambda: (model(), toys.ToyLoss(), toys.toy_inputs()),
        make_optimizer=lambda: sgd(learning_rate=0.1),
        replicas=2,
        execution=Execution(jit_compile=jit_compile),
    )


def test_a_model_without_towers_is_compiled_as_a_whole():
    found = []
    for jit_compile in (False, True):
        training = toy_training(OfRows, jit_compile)
        training.run(2)
        graph = training.step.concrete_step(training.batch_of(0)).graph
        found.append((training.weights(), bool(compiled_functions(graph))))
    assert [compiled for _, compiled in found] == [False, True]
    assert_same(found[0][0], found[1][0])


def test_batch_normalisation_over_all_replicas_is_not_compiled():
    with pytest.raises(ValueError, match="whose batch normalisation is over all of 2 replicas"):
        toy_training(Mixing, True)
    toy_training(Mixing, None)  # compiles what can be
