"""Run by test_models_backends in a process of its own, under another Keras backend: the forward pass of both
models.

Usage: python forward_parity.py GOLDEN_DIRECTORY WEIGHTS.npz, where WEIGHTS holds "NAME/PATH" -> array and the
outputs of the TensorFlow backend as "outputs/NAME/KEY", those of a training step as "trained/NAME/KEY".
"""

import sys

import numpy as np

# In training, batch normalisation divides by deviations over three rows, which magnifies rounding.
TOLERANCES = {"outputs": 2e-5, "trained": 2e-4}
DRAW_KEY = np.array([[0, 1], [0, 2], [0, 3]], "int32")
RELEASED = {
    "audio_sizes": (640,),
    "vocabulary_size": 64,
    "table_width": 24,
    "train_table": False,
    "edge": "drop",
    "form": "released",
    "widths": (24, 16),
}


def models():
    """The architectures of the tiny goldens, without TensorFlow's checkpoint reader."""
    from tests.small_models import small_vatt
    from vatt.layers.architecture import Size
    from vatt.layers.salient_drop_token import SalientDropToken

    size = Size(depth=2, width=32, hidden_width=64, heads=4, head_width=8)
    yield "tx_fac_tiny", small_vatt(size, video_sizes=(8, 32, 48), **RELEASED)
    agnostic = {"video_sizes": (8, 24, 24), "video_patch": (4, 8, 8), "projection_width": 40}
    agnostic["make_drop_token"] = SalientDropToken
    yield "ut_fac_tiny", small_vatt(size, agnostic=True, **agnostic, **RELEASED)


def check(kind, name, outputs, stored):
    """Raises where an output differs from the stored one."""
    import keras

    for key, value in outputs.items():
        difference = np.abs(keras.ops.convert_to_numpy(value) - stored[f"{kind}/{name}/{key}"]).max()
        print(f"{keras.backend.backend()} {kind} {name} {key}: {difference:.1e}")
        assert difference <= TOLERANCES[kind], (kind, name, key, difference)


def main(golden, weights):
    """Exits with an error where an output differs."""
    import keras

    stored = dict(np.load(weights))
    for name, model in models():
        for weight in model.weights:
            weight.assign(stored[f"{name}/{weight.path}"])
        inputs = np.load(f"{golden}/{name}.npz")
        given = {key: inputs[f"in/{key}"] for key in ("video", "audio", "text")}
        given = {key: keras.ops.convert_to_tensor(value) for key, value in given.items()}
        check("outputs", name, model(given), stored)
        # DropToken and dropout draw alike on every backend.
        key = keras.ops.convert_to_tensor(DRAW_KEY)
        check("trained", name, model({**given, "draw_key": key}, training=True), stored)
    assert not hasattr(sys.modules.get("tensorflow"), "__version__"), "TensorFlow was imported"


if __name__ == "__main__":
    main(*sys.argv[1:])
