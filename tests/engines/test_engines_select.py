"""The step of a GPU, on CPUs: a bad step is undone by selection on the device, without a branch."""

import numpy as np
import pytest

from tests.engines.training import Training, assert_same, toy_batch
from vatt.engines.optimization import WeightAverage
from vatt.engines.tensorflow.engine import TensorFlowEngine
from vatt.engines.tensorflow.loss_scale import LossScale
from vatt.optimizers.factories import adam

BRANCHES = {"If", "StatelessIf", "Case", "StatelessCase", "While", "StatelessWhile", "Switch", "Merge"}
CALLS_OF_THE_HOST = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "Print", "PrintV2", "Assert"}


def two_kinds(monkeypatch, **options):
    """A training whose step branches, and one whose step selects."""
    options |= {"make_optimizer": lambda: adam(learning_rate=0.01), "average": WeightAverage()}
    options["clip_global_norm"] = 0.5
    branching = Training(**options)
    monkeypatch.setattr(TensorFlowEngine, "is_accelerated", True)
    return branching, Training(**options)


def operations(training):
    graph = training.step.concrete_step(training.batch_of(0)).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return {node.op for node in nodes}


def state_of(training):
    return {
        **training.weights(),
        **{f"optimizer/{each.path}": each.numpy() for each in training.optimizer.variables},
        **{each.name: each.numpy() for each in training.average.averages},
    }


@pytest.mark.parametrize("replicas", [1, 2])
def test_it_has_no_branch_and_does_the_same_to_the_bit(replicas, monkeypatch):
    options = {"replicas": replicas, "loss_scale": lambda: LossScale(initial=4.0)}
    branching, selecting = two_kinds(monkeypatch, **options)
    assert operations(branching) & BRANCHES
    assert not operations(selecting) & (BRANCHES | CALLS_OF_THE_HOST)
    results = []
    for training in (branching, selecting):
        found = training.run(4, lambda number: toy_batch(number, poisoned_step=2))
        training.step.clear_stop()
        results.append((found, state_of(training), training.run(1), state_of(training)))
    (one, stopped, one_more, after), (other, other_stopped, other_more, other_after) = results
    assert [bool(each["finite"]) for each in one] == [True, True, False, False]
    for wanted, got in zip([*one, *one_more], [*other, *other_more], strict=True):
        for name, value in wanted.items():
            np.testing.assert_array_equal(got[name], value, err_msg=name)
    assert_same(stopped, other_stopped, rtol=0, atol=0)
    assert_same(after, other_after, rtol=0, atol=0)
    assert any((after[name] != stopped[name]).any() for name in after)
