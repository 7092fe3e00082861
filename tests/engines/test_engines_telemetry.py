"""Telemetry: operations counted by hand, memory that is there, TensorBoard's images and histograms."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import toys
from tests.engines.training import toy_batch
from vatt import resident_memory
from vatt.engines.protocol import Task
from vatt.engines.tensorflow import peak
from vatt.engines.tensorflow.peak import measured_peak
from vatt.engines.tensorflow.telemetry import Telemetry, count_flops, memory
from vatt.train.batch_summary import similarities, summarize
from vatt.train.events import Events


def flops(function, *shapes):
    kinds = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return count_flops(tf.function(function).get_concrete_function(*kinds).graph)


@pytest.mark.parametrize(
    ("function", "shapes", "expected"),
    [
        (tf.matmul, [(3, 4), (4, 5)], 2 * 3 * 4 * 5),
        (lambda a, b: tf.matmul(a, b, transpose_a=True), [(4, 3), (4, 5)], 2 * 3 * 4 * 5),
        (lambda a, b: tf.matmul(a, b, transpose_b=True), [(2, 3, 4), (2, 5, 4)], 2 * 2 * 3 * 4 * 5),
        (lambda a, b: tf.einsum("abc,cde->abde", a, b), [(2, 3, 4), (4, 5, 6)], 2 * 2 * 3 * 4 * 5 * 6),
        (lambda a: keras.ops.softmax(a) + 1.0, [(3, 4)], 0),
        (tf.function(lambda a, b: tf.matmul(a, b)), [(3, 4), (4, 5)], 2 * 3 * 4 * 5),
        (
            lambda a, b: tf.nn.conv3d(a, b, [1, 2, 2, 2, 1], "VALID"),
            [(1, 4, 4, 4, 3), (2, 2, 2, 3, 8)],
            2 * (2 * 2 * 2 * 8) * (2 * 2 * 2 * 3),
        ),
    ],
)
def test_products_are_counted(function, shapes, expected):
    assert flops(function, *shapes) == expected


def test_rates_of_a_toy():
    model, inputs, batch = toys.ToyModel(), toys.toy_inputs(), toy_batch(0, rows=2)
    model(inputs(batch, training=False))
    task = Task(model=model, loss=None, device_inputs=inputs)
    telemetry = Telemetry(task=task, rows=batch, replicas=2, peak_flops=1e6)
    forward = 2 * 8 * (toys.FRAMES * toys.SIZE**2 * 3 + toys.SAMPLES)  # two dense layers of width 8
    assert telemetry.clip_flops == 3 * forward
    numbers = telemetry.numbers(clips_per_second=10.0)
    assert numbers["flops_per_second"] == 30 * forward
    assert numbers["mfu"] == pytest.approx(30 * forward / 2e6)
    assert "tokens_per_second" not in numbers  # these towers have none


def test_the_measured_peak_is_one_that_a_product_reaches(monkeypatch):
    monkeypatch.setattr(peak, "_SIZES", {"CPU": 256, "GPU": 256})
    found = measured_peak("float32") * len(tf.config.list_logical_devices("CPU"))
    assert 1e7 < found < 1e15
    monkeypatch.setattr(peak.time, "perf_counter", iter(np.arange(100) * 0.5).__next__)  # every call 0.5 s
    shared = 2 * 256**3 * 4 / 0.5 / len(tf.config.list_logical_devices("CPU"))
    assert measured_peak("bfloat16") == pytest.approx(shared)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not let a peak be forgotten")
def test_memory_is_the_peak_of_this_process():
    resident_memory.forget_peak()
    before = memory()["memory_gib"]
    block = np.ones(1 << 28, np.uint8)  # 0.25 GiB
    del block
    assert 0.2 < memory()["memory_gib"] - before < 0.35


def test_similarities_by_hand():
    left = np.array([[2.0, 0.0], [0.0, 3.0]])
    right = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 5.0], [-1.0, 0.0]])  # two candidates each
    own, others = similarities(left, right)
    np.testing.assert_allclose(own, [1, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(others, [0, -1, 0, 1], atol=1e-6)


def test_a_summary_leaves_frames_histograms_and_the_configuration(tmp_path):
    (tmp_path / "config.gin").write_text("A = 1\n")
    events = Events(tmp_path / "events")
    events.start(model_dir=tmp_path, step=0)
    model, inputs = toys.ToyModel(), toys.toy_inputs()
    task = Task(model=model, loss=None, device_inputs=inputs)
    summarize(toy_batch(0), task=task, events=events, step=5)
    events.close()
    found, summaries = (
        EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
        for folder in (tmp_path / "events", tmp_path / "events" / "summaries")
    )
    wanted = {"batch/video", "similarity/video_audio/own", "similarity/video_audio/others"}
    assert wanted <= set(summaries.Tags()["tensors"])
    assert b"A = 1" in found.Tensors("config")[0].tensor_proto.string_val[0]
    assert summaries.Tensors("batch/video")[0].step == 5


def test_a_run_that_goes_back_leaves_no_summary_of_later_steps(tmp_path):
    events = Events(tmp_path / "events")
    for step in (8, 16):
        with events.summary(step):
            events.write_histogram("numbers", np.ones(3))
    events.start(model_dir=tmp_path, step=8)
    events.close()
    summaries = EventAccumulator(
        str(tmp_path / "events" / "summaries"), size_guidance={"tensors": 0}
    ).Reload()
    assert [event.step for event in summaries.Tensors("numbers")] == [8]
