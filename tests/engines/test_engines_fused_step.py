"""The step of a TPU, as a graph for logical CPU devices: one program, few outputs, a host that only feeds."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from tests import toys
from tests.devices import tpu_of_cpus
from tests.engines.training import Training, clip_batch, clip_model, dataset_of, toy_batch, toy_model, train
from vatt.engines.execution import Cached, Execution, WholeBatch
from vatt.engines.optimization import WeightAverage
from vatt.engines.tensorflow import engine
from vatt.engines.tensorflow.fused_step import FusedStep
from vatt.optimizers.factories import adam

MOST_OUTPUTS = 12


def fused(replicas, make=toy_model, batch_of=toy_batch, **options):
    return Training(
        make=make,
        batch_of=batch_of,
        make_optimizer=lambda: adam(learning_rate=1e-3),
        replicas=replicas,
        strategy=tpu_of_cpus,
        clip_global_norm=1.0,
        **options,
    )


def graph_of_a_step(training):
    with tf.distribute.get_strategy().scope():
        return training.step.concrete_step(training.batch_of(0)).graph.as_graph_def()


def graph_of_a_loop(training):
    batches = iter(dataset_of([training.batch_of(0)]))
    step = training.step
    return step._loop_compiled.get_concrete_function(batches, tf.constant(3)).graph.as_graph_def()


def nodes_of(graph):
    return [*graph.node, *(node for function in graph.library.function for node in function.node_def)]


def program_of(node):
    return node.attr["_tpu_replicate"].s.decode() if "_tpu_replicate" in node.attr else None


def names_of_inputs(node):
    return [name.lstrip("^").partition(":")[0] for name in node.input]


def host_nodes(nodes):
    """Numbers of the host's operations by type, without those that lead to an input of the program, and
    without the one `NoOp` by which TensorFlow waits for each replica.
    """
    by_name = {node.name: node for node in nodes}
    waiting = [node for node in nodes if node.op == "TPUReplicatedInput"]
    inputs = set()
    while waiting:
        node = waiting.pop()
        if node.name not in inputs:
            inputs.add(node.name)
            waiting += [by_name[name] for name in names_of_inputs(node) if name in by_name]
    rest = [node for node in nodes if program_of(node) is None and node.name not in inputs]
    return collections.Counter(node.op for node in rest if node.op != "NoOp")


def outputs_of(nodes):
    return [node for node in nodes if node.op == "TPUReplicatedOutput"]


def body_and_condition(graph):
    (loop,) = [node for node in graph.node if node.op in ("While", "StatelessWhile")]
    functions = {each.signature.name: each.node_def for each in graph.library.function}
    return tuple(functions[loop.attr[name].func.name] for name in ("body", "cond"))


def programs(nodes):
    return {program_of(node) for node in nodes} - {None}


@pytest.fixture(scope="module")
def loops():
    return {replicas: graph_of_a_loop(fused(replicas)) for replicas in (2, 4)}


def test_a_step_is_one_program_of_few_outputs():
    nodes = nodes_of(graph_of_a_step(fused(2)))
    assert len(programs(nodes)) == 1
    assert 0 < len(outputs_of(nodes)) <= MOST_OUTPUTS


def test_a_loop_leaves_everything_on_the_device(loops):
    for graph in loops.values():
        body, condition = body_and_condition(graph)
        assert len(programs(nodes_of(graph))) == len(programs(body)) == 1
        assert not outputs_of(body)  # so that nothing of a step can be waited for, or decided on
        assert {node.op for node in condition} <= {"Less", "Identity"}


def test_nodes_of_the_host_do_not_depend_on_the_number_of_replicas(loops):
    of_two, of_four = (host_nodes(body_and_condition(graph)[0]) for graph in loops.values())
    assert of_two == of_four


class TestWithMoreVariables:
    """What leaves the program of the real model, in every way to its gradients."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("depth", "gradients"), [(1, WholeBatch()), (2, WholeBatch()), (1, Cached(rows=1))], ids=str
    )
    def test_outputs_do_not_depend_on_their_number(self, depth, gradients):
        training = fused(
            2,
            make=lambda: clip_model(depth=depth),
            batch_of=lambda number: clip_batch(number, rows=4),
            execution=Execution(gradients=gradients),
            average=WeightAverage(),
        )
        nodes = nodes_of(graph_of_a_step(training))
        assert len({program_of(node) for node in nodes} - {None}) == 1
        assert len(outputs_of(nodes)) == 10  # the loss and its parts, live data, what a step is about


@pytest.mark.parametrize("poisoned_step", [None, 2], ids=["good", "bad"])
def test_on_one_device_it_is_the_step_of_other_devices(poisoned_step, monkeypatch):
    options = {"make_optimizer": lambda: adam(learning_rate=0.01), "clip_global_norm": 0.5, "steps": 4}
    options |= {"average": WeightAverage(), "in_one_call": True}
    options["batch_of"] = lambda number: toy_batch(number, poisoned_step=poisoned_step)
    weights, (results,), _ = train(**options)
    monkeypatch.setattr(engine, "TrainStep", lambda jit_compile, **options: FusedStep(**options))
    fused_weights, (fused_results,), _ = train(**options)
    assert bool(results["finite"]) == (poisoned_step is None)
    assert results.keys() == fused_results.keys()
    for name in results.keys() - {"data_wait_seconds"}:
        np.testing.assert_array_equal(fused_results[name], results[name], err_msg=name)
    for name, value in weights.items():
        np.testing.assert_array_equal(fused_weights[name], value, err_msg=name)


def test_a_loss_of_too_many_results_is_refused():
    class Talkative(toys.ToyLoss):
        def __call__(self, outputs, batch, gather):
            losses = super().__call__(outputs, batch, gather)
            return losses | {f"loss/{number}": losses["loss"] for number in range(40)}

    training = fused(2, make=lambda: (toys.ToyModel(), Talkative(), toys.toy_inputs()))
    with pytest.raises(ValueError, match="32 results at most"):
        graph_of_a_loop(training)
