"""The plan of ConvNets: operations against traced graphs, weights, and what a step of MMV costs."""

import math

import numpy as np
import tensorflow as tf

from tests.small_models import small_conv_vatt
from vatt.engines.tensorflow.telemetry import count_flops
from vatt.plan.configuration import Source, read
from vatt.plan.costs import clip_costs, streams_of, total
from vatt.plan.plan import Circumstances, make_plan
from vatt.plan.shapes import parts_of, weights_in
from vatt.spec import ClipSpec

ROWS = 2
CLIP = ClipSpec(frames=8, frame_size=32, sample_rate_hz=2000)


def graphs():
    """Of a forward pass, and of a forward and a backward one."""
    model = small_conv_vatt(clip=CLIP)
    kinds = {
        "video": tf.TensorSpec((ROWS, CLIP.frames, CLIP.frame_size, CLIP.frame_size, 3)),
        "audio": tf.TensorSpec((ROWS, CLIP.samples)),
        "text": tf.TensorSpec((ROWS * CLIP.candidates, CLIP.words), tf.int32),
    }
    return model, tf.function(lambda given: model(given)).get_concrete_function(kinds).graph


def test_products_of_a_forward_pass_are_those_of_its_graph():
    model, graph = graphs()
    counted = total(clip_costs(model, CLIP, training=True), ROWS)
    assert count_flops(graph) == counted.products
    stream = next(each for each in streams_of(model, CLIP) if each.name == "video")
    assert (stream.tokens, stream.kept, stream.recompute) == (
        math.prod(model.video.grid_of((8, 32, 32))),
    ) * 2 + (False,)


def test_what_is_kept_grows_with_the_clip_and_shrinks_with_the_precision():
    model, _ = graphs()
    kept = {}
    for size in (32, 64):
        stream = streams_of(model, ClipSpec(frames=8, frame_size=size, sample_rate_hz=2000))[0]
        kept[size] = stream.memory(4)[0]
        assert stream.memory(2)[0] < kept[size]
    np.testing.assert_allclose(kept[64] / kept[32], 4, rtol=0.1)


def test_weights_by_part():
    model, _ = graphs()
    parts = {name: weights_in(part.weights) for name, part in parts_of(model).items()}
    assert set(parts) == {"video/encoder", "audio/encoder", "text/encoder", "heads"}
    assert sum(parts.values()) == weights_in(model.weights)


def test_mmv_at_the_paper_s_size():
    files = ["experiments/pretrain.gin", *(f"experiments/overlay/{name}.gin" for name in ("paper", "mmv"))]
    bindings = ["HOWTO100M = 'a'", "AUDIOSET = 'b'"]
    made = make_plan(read(files, bindings), Source(), Circumstances(devices=64))
    parts = made["parameters"]["parts"]
    assert parts["video/encoder"] == 12_287_264 + 14_560 and parts["audio/encoder"] == 23_501_760 + 53_120
    # I3D is published with 108 thousand million multiplications with an addition, at 64 frames of 224².
    video = made["flops"]["forward"]["parts"]["video"]["true_flops"]
    assert 1.0 < video / 108e9 < 1.05  # two operations each, half the frames
    assert made["configuration"]["model"] == "VATT (video I3D 1024, audio ResNet 2048, text LinearText 2048)"
    assert all(way["cached_rows"] is None and not way["recompute"] for way in made["memory"]["ways"])
