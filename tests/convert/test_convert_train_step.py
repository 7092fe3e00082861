"""One training step from a released checkpoint, with its optimizer state: losses, gradients and every new
value.
"""

import keras
import numpy as np
import tensorflow as tf

from tests import goldens
from tests.goldens import GOLDEN, assert_near
from vatt.convert.checkpoint import SLOT, Checkpoint
from vatt.convert.released import convert_released
from vatt.convert.released_names import released_names
from vatt.losses.contrastive import ContrastiveLoss


def without_randomness(model):
    """Dropout and DropToken off, batch normalisation on: training as the golden did it."""
    for layer in model._flatten_layers():
        if hasattr(layer, "rate"):
            layer.rate = 0.0


def test_one_adam_step():
    golden = goldens.arrays("train_step_tiny")
    model, _ = convert_released(GOLDEN / "tx_fac_tiny", head_width=goldens.HEAD_WIDTH)
    without_randomness(model)
    names = released_names(model)
    weights = {name: weight for name, weight in names.items() if weight.trainable}
    before = {name: np.array(weight) for name, weight in names.items()}
    checkpoint = Checkpoint(GOLDEN / "tx_fac_tiny")

    optimizer = keras.optimizers.Adam(learning_rate=float(golden["lr"]))
    optimizer.build(list(weights.values()))
    optimizer.iterations.assign(checkpoint.read("optimizer/iter"))
    for name, mean, variance in zip(weights, optimizer._momentums, optimizer._velocities, strict=True):
        mean.assign(checkpoint.read(f"{name}{SLOT}optimizer/m"))
        variance.assign(checkpoint.read(f"{name}{SLOT}optimizer/v"))

    with tf.GradientTape() as tape:
        outputs = model(goldens.inputs("tx_fac_tiny"), training=True)
        losses = ContrastiveLoss(form="released")(outputs, goldens.loss_batch("tx_fac_tiny"))
    gradients = tape.gradient(losses["loss"], [weight.value for weight in weights.values()])
    optimizer.apply(gradients, list(weights.values()))

    assert_near(losses["loss"], golden["loss/total_loss"], 1e-5)
    for ours, theirs in (("video/video_audio", "video/toaud"), ("text/video_text", "text/tovid")):
        assert_near(outputs[ours], golden[f"out/{theirs}"], 1e-4)
    np.testing.assert_allclose(tf.linalg.global_norm(gradients), golden["grad_global_norm"], rtol=1e-3)
    after = {key.removeprefix("after/"): value for key, value in golden.items() if key.startswith("after/")}
    assert len(after) > 50
    for name, value in after.items():
        moving = "moving_" in name
        assert_near(names[name], value, 1e-4 if moving else 1e-6)
    # The step is 1e-7, of the size of float32's rounding of the weights: compare its norm, not its digits.
    updates = goldens.facts("train_step_tiny_updates")
    assert set(updates) == set(names)
    for name, (norm, _) in updates.items():
        change = np.asarray(names[name], "float64") - before[name]
        np.testing.assert_allclose(np.linalg.norm(change), norm, rtol=0.1, atol=1e-7, err_msg=name)
