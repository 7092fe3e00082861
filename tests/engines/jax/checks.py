"""What is measured of the JAX engine, in a process of its own, since Keras computes with one framework each:

    KERAS_BACKEND=jax python -m tests.engines.jax.checks FOLDER NAME...

writes FOLDER/results.json, name of a check -> what it measured. The tests next to it say what must hold.
"""

import dataclasses
import functools
import json
import logging
import math
import sys
import time
from pathlib import Path

import jax
import keras
import numpy as np

from tests import toys
from tests.engines.jax.training_on import Run, numbers
from tests.engines.training import clip_batch, kept_clip_batch, predicting_model, toy_batch, toy_model
from tests.evals.test_evals_replicas import Linear, embedded
from vatt.engines.execution import Accumulated, Cached, Execution
from vatt.engines.groups import Group
from vatt.engines.jax import products as rounded
from vatt.engines.jax.devices import Devices
from vatt.engines.jax.engine import JaxEngine
from vatt.engines.jax.gradients import trained_variables
from vatt.engines.jax.state import State
from vatt.engines.optimization import Optimization, WeightAverage
from vatt.engines.protocol import Task
from vatt.engines.workers import Workers
from vatt.errors import RunError
from vatt.evals.encoder import compiled_encoder
from vatt.layers.architecture import Size
from vatt.layers.pixels import DeviceInputs
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.models.classifier import Classifier
from vatt.models.tower import Tower
from vatt.optimizers.factories import adam, lamb, muon, sgd
from vatt.spec import ClipSpec
from vatt.train.context import RunContext
from vatt.train.model_evaluation import ModelEvaluation
from vatt.train.settings import Evaluation

CHECKS = {}


def check(function):
    """Makes a function one that the command line can name."""
    CHECKS[function.__name__] = function
    return function


def engine(strategy="one_device", count=4):
    """On the first `count` devices."""
    return JaxEngine(Devices(strategy, jax.devices()[:count]), Workers())


def toy_run(strategy="one_device", count=4, **options):
    return Run(engine(strategy, count), **{"make": toy_model, "batch_of": toy_batch} | options)


@functools.cache
def shared_toy(strategy, count):
    """One whose step is compiled once for several checks, each of which resumes from where it stands."""
    return toy_run(strategy, count, clip_global_norm=0.5, average=WeightAverage(decay=0.9))


def apart(one, other):
    """The norm of the difference of two sets of weights, by the norm of a variable: of the worst one."""
    return max(
        float(np.linalg.norm(value - other[path]) / np.linalg.norm(value))
        for path, value in one.items()
        if "moving" not in path  # they follow each part of a batch
    )


def trained(run, steps=3):
    """What some steps give: numbers of each, and the weights."""
    found = numbers(run.steps(0, steps))
    return found, run.weights()


def compared(runs, steps=3):
    """How far the losses, the norms and the weights of each run are from those of the first."""
    (of_first, weights), *others = [trained(run, steps) for run in runs]
    return [
        {
            "numbers": max(np.abs(1 - np.divide(found[name], of_first[name])).max() for name in found),
            "weights": apart(weights, ours),
        }
        for found, ours in others
    ]


@check
def clips(folder):
    """The real model, divided among four devices."""
    run = Run(engine("fsdp"), clip_global_norm=1.0)
    found, weights = trained(run)
    np.savez(folder / "clips.npz", **weights)
    held = [variable.value for variable in run.state.held]
    return {
        **found,
        "rows": len(clip_batch(0)["video"]),
        "rows_of_a_device": run.step.rows(clip_batch(0))["video"].addressable_shards[0].data.shape[0],
        "bytes": sum(value.nbytes for value in held),
        "bytes_of_a_device": sum(value.addressable_shards[0].data.nbytes for value in held),
    }


@check
def clip_devices(folder):
    """The real model on one device, divided among four, and on patches that the host chose."""

    def run(strategy, **options):
        # With a smaller epsilon Adam would make whole steps of rounding, as of a key's bias.
        optimizer = adam(learning_rate=1e-3, epsilon=1e-3)
        return Run(engine(strategy), optimizer=optimizer, clip_global_norm=1.0, **options)

    return compared([run("one_device"), run("fsdp"), run("fsdp", batch_of=kept_clip_batch)])


@check
def latent_prediction(folder):
    """Masked latent prediction on one device and divided among four."""

    def run(strategy):
        options = {"optimizer": sgd(learning_rate=0.1), "clip_global_norm": 1.0}
        return Run(engine(strategy), make=predicting_model, **options)

    found, weights = trained(run("one_device"))
    np.savez(folder / "latent_prediction.npz", **weights)
    return found | {"devices": compared([run("one_device"), run("fsdp")])}


@check
def toy_devices(folder):
    """The toy on one device, and on more, whole and divided."""
    names = [("one_device", 1), ("data", 2), ("data", 4), ("fsdp", 2), ("fsdp", 4)]
    return compared([shared_toy(*name) for name in names])


@check
def donated(folder):
    """What is left of a state's arrays once a step has taken them, and where the new ones are."""

    def places(arrays):
        return {shard.data.unsafe_buffer_pointer() for each in arrays for shard in each.addressable_shards}

    found = {}
    for name in ("one_device", 1), ("fsdp", 4):
        run = shared_toy(*name)
        run.steps(0, 1)
        before = run.step.values()
        places_before, bytes_before = places(before), sum(each.nbytes for each in jax.live_arrays())
        run.steps(1, 1)
        found[name[0]] = {
            "arrays": len(before),
            "deleted": sum(each.is_deleted() for each in before),
            "elsewhere": len(places(run.step.values()) - places_before),
            "bytes": [bytes_before, sum(each.nbytes for each in jax.live_arrays())],
        }
    return found


@check
def products(folder):
    """How far products of rounded factors, and their gradients, are from the exact ones; None: no such."""
    if not rounded.are_fast():
        return None

    @jax.jit
    def run(rows, kernel, upstream):
        made, gradients = jax.vjp(rounded.rounded_product, rows, kernel)
        return made, *gradients(upstream)

    found, draw = [], np.random.default_rng(0)
    for *sizes, width, made in (7, 3, 5), (2, 3, 128, 64):
        rows, kernel = (draw.normal(size=size).astype("float32") for size in ((*sizes, width), (width, made)))
        upstream = draw.normal(size=(*sizes, made)).astype("float32")
        of_kernel = np.tensordot(rows, upstream, (range(len(sizes)),) * 2)
        exact = rows @ kernel, upstream @ kernel.T, of_kernel
        for ours, theirs in zip(run(rows, kernel, upstream), exact, strict=True):
            assert ours.shape == theirs.shape
            found.append(float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)))
    return found


@check
def accumulated(folder):
    """Parts of the batch against the whole of it, for rows that do not see each other."""
    whole = {"make": lambda: (toys.ToyModel(), alone, toys.toy_inputs())}
    parts = whole | {"execution": Execution(gradients=Accumulated(parts=2))}
    return compared([toy_run(**whole), toy_run(**parts), toy_run("fsdp", **parts)], steps=2)


@check
def without_effect(folder):
    """What is said of settings that this engine has no use for."""
    told, log = [], logging.getLogger("vatt.engines.jax.engine")
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    log.addHandler(handler)
    toy_run(execution=Execution(deterministic=True, jit_compile=False))
    log.removeHandler(handler)
    return [each for each in told if "no effect on JAX" in each]


def alone(outputs, batch, gather):
    """A loss of each row by itself."""
    parts = [keras.ops.mean(keras.ops.square(value)) for value in outputs.values()]
    return {"loss": sum(parts)}


@check
def cached(folder):
    """Cached features against the whole batch, on one device and on two."""
    by_two = {"execution": Execution(gradients=Cached(rows=2))}

    def run(engine, **options):  # Adam would make a step of what is rounding alone
        return Run(engine, optimizer=sgd(learning_rate=1.0), clip_global_norm=1.0, **options)

    return compared([run(engine()), run(engine(), **by_two), run(engine("data", 2), **by_two)], steps=2)


@check
def optimizers(folder):
    """Losses and weights of each optimizer, with decay, groups and clipping by group."""
    made = {"adam": adam, "lamb": lamb, "muon": muon, "sgd": sgd}
    group = Group(paths=["audio"], learning_rate_factor=0.5, clip_global_norm=0.1)
    found = {}
    for name, make in made.items():
        found[name], weights = trained(toy_run(optimizer=make(learning_rate=0.05), groups=[group]))
        np.savez(folder / f"{name}.npz", **weights)
    return found


@check
def bad_steps(folder):
    """A step that is not finite, in the middle of a call, and what comes after it."""
    run = shared_toy("one_device", 1)
    run.batch_of = lambda number: toy_batch(number, poisoned_step=2)
    run.steps(0, 2)
    before = [np.array(variable.value) for variable in run.state.held]
    (stopped,) = run.steps(2, 2, at_once=2)
    after = [np.asarray(variable.value) for variable in run.state.held]
    run.step.clear_stop()
    (further,) = run.steps(3, 2, at_once=2)
    run.batch_of = toy_batch
    return {
        "unchanged": all(np.array_equal(*pair) for pair in zip(before, after, strict=True)),
        "stopped": [bool(stopped["finite"]), int(stopped["steps"]), bool(np.isfinite(stopped["loss"]))],
        "further": [bool(further["finite"]), int(further["steps"])],
    }


@check
def loss_scale(folder):
    """float16: an overflow halves the scale and changes nothing else; a loss that is not finite stops."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        run = toy_run(optimizer=sgd(learning_rate=0.05))
        run.state.loss_scale.value.assign(2.0**30)
        before, results = run.weights(), run.steps(0, 1)
        return {
            "finite": bool(results[0]["finite"]),
            "unchanged": apart(before, run.weights()) == 0,
            "scales": [float(results[0]["loss_scale"]), float(run.state.loss_scale.value)],
        }
    finally:
        keras.config.set_dtype_policy("float32")


@check
def resumed(folder):
    """A run that is written while it goes on, and read again, on the same devices and on others."""
    whole = shared_toy("fsdp", 4)
    whole.steps(0, 2)
    snapshot = whole.state.snapshot()
    whole.steps(2, 2)
    weights = whole.weights()
    snapshot.write(str(folder / "ckpt-2"))
    found = {}
    for name, place in {"same": ("fsdp", 4), "one": ("one_device", 1), "two": ("data", 2)}.items():
        again = shared_toy(*place)
        again.state.read(str(folder / "ckpt-2"))
        again.steps(2, 2)
        found[name] = apart(weights, again.weights())
    with again.state.averaged():
        found["averaged"] = apart(weights, again.weights())
    without_average = dataclasses.replace(again.state, averages=())
    without_average.read(str(folder / "ckpt-2"), partly=True)
    for name, read in {"unlike": without_average.read, "missing": again.state.read}.items():
        try:
            read(str(folder / ("ckpt-2" if name == "unlike" else "ckpt-3")))
        except RunError as error:
            found[name] = str(error)
    return found


@check
def evaluated(folder):
    """Embeddings of clips by one device and by four, in batches of three, and of eight rows a device's."""
    found = {}
    for name, place in {"one": ("one_device", 1), "whole": ("data", 4), "divided": ("fsdp", 4)}.items():
        model, weight = Linear(), np.linspace(-1, 1, 3 * 8).reshape(3, 8)
        for each in model.maps.values():
            each.kernel.assign(weight)
        (folder / name).mkdir()
        context = RunContext(model_dir=folder / name, seed=0, engine=engine(*place))
        evaluation = Evaluation(evaluators=[embedding := Embedding()], report=None)
        ModelEvaluation(model=model, evaluation=evaluation).run(context)
        found[name], found[f"{name}_rows"] = embedding.vectors, embedding.rows
    return found


class Embedding:
    """An evaluator that keeps what it makes."""

    name = "embedding"

    def evaluate(self, model):
        vectors = embedded(model, batch_size=3).vectors
        self.vectors = {output: vectors[output].tolist() for output in sorted(vectors)}
        encode = compiled_encoder(model, ["audio/video_audio"])
        (rows,) = encode({"audio": np.zeros((8, 3), "float32")}).values()
        self.rows = rows.addressable_shards[0].data.shape[0]
        return {}


@check
def giant(folder):
    """A step of ViT-g's size (Zhai et al. 2022: 40 blocks), recomputed, traced for eight devices without
    making a weight.
    """
    size = Size(depth=40, width=1408, hidden_width=6144, heads=16, head_width=88, recompute=True)
    clip = ClipSpec()
    eight = engine("fsdp", 8)
    optimizer = adam(learning_rate=1e-4)
    with keras.StatelessScope(initialize_variables=False):
        tower = Tower(
            tokenizer=VoxelTokenizer(sizes=clip.sizes("video")), encoder=TransformerEncoder(size=size)
        )
        task = Task(
            model=Classifier(tower=tower, classes=400), loss=logits_alone, device_inputs=DeviceInputs()
        )
        shape = (clip.frames, clip.frame_size, clip.frame_size, 3)
        eight.build(task, {"video": np.zeros((2, *shape), "uint8"), "example_index": np.zeros(2, "int32")})
        optimizer.build(trained_variables(task))
    state = State(model=task.model, devices=eight.devices, optimizer=optimizer)
    made = eight.make_step(
        task, state, optimization=Optimization(clip_global_norm=1.0), execution=Execution(), seed=0
    )
    places = [eight.devices.of_weight(each.shape) for each in made.held]
    values = [
        jax.ShapeDtypeStruct(each.shape, each.dtype, sharding=place)
        for each, place in zip(made.held, places, strict=True)
    ]
    rows = {
        "video": jax.ShapeDtypeStruct((16, *shape), "uint8"),
        "example_index": jax.ShapeDtypeStruct((16,), "int32"),
    }
    lowered = made.compiled.lower(values, rows)
    sizes = [math.prod(each.shape) * each.dtype.itemsize for each in values]
    parts = [
        math.prod(place.shard_shape(each.shape)) * each.dtype.itemsize
        for each, place in zip(values, places, strict=True)
    ]
    return {
        "weights": sum(math.prod(each.shape) for each in state.variables),
        "bytes": sum(sizes),
        "bytes_of_a_device": sum(parts),
        "outputs": len(jax.tree.leaves(lowered.out_info)),
    }


def logits_alone(outputs, batch, gather):
    return {"loss": keras.ops.mean(keras.ops.square(outputs["logits"]))}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    results = {"seconds": {}}
    for name in sys.argv[2:]:
        began = time.process_time()
        results[name] = CHECKS[name](folder)
        results["seconds"][name] = round(time.process_time() - began, 1)  # for those who make them faster
    (folder / "results.json").write_text(json.dumps(results, default=float), encoding="utf-8")
