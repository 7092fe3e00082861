"""Mixed precision against float32, and the memory that a full-size video Transformer takes."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.goldens import rnd
from tests.small_models import small_vatt
from vatt.layers.architecture import Size
from vatt.layers.transformer_encoder import PROBABILITIES
from vatt.spec import ClipSpec

ROOT = Path(__file__).parents[2]
CLIP = ClipSpec(frames=8, frame_size=64, audio_seconds=3840 / 48_000)
SIZE = Size(depth=3, width=64, hidden_width=256, heads=4, head_width=16)


@pytest.fixture
def mixed_bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(
    "build",
    [
        lambda: small_vatt(SIZE, clip=CLIP, vocabulary_size=50),
        lambda: small_vatt(SIZE, agnostic=True, clip=CLIP, vocabulary_size=50, table_width=30),
    ],
    ids=["specific", "agnostic"],
)
def test_mixed_bfloat16_is_close_and_stays_bfloat16(build, mixed_bfloat16):
    low = build()
    keras.config.set_dtype_policy("float32")
    full = build()
    full.set_weights(low.get_weights())
    inputs = {
        "video": rnd(1, (2, 8, 64, 64, 3)),
        "audio": rnd(2, (2, 3840)),
        "text": np.array([[3, 7, 9, 0, 0, 0], [4, 5, 6, 7, 8, 9]], "int32"),
    }
    ours, wanted = low(inputs), full(inputs)
    for key, value in ours.items():
        in_space = key.endswith(("video_audio", "video_text"))
        assert value.dtype == ("float32" if in_space else "bfloat16"), key
    for modality in inputs:
        pooled, reference = (
            np.asarray(outputs[f"{modality}/pooled"], "float32") for outputs in (ours, wanted)
        )
        error = np.linalg.norm(pooled - reference, axis=-1) / np.linalg.norm(reference, axis=-1)
        assert error.max() < 2e-2, modality
    assert all(weight.dtype == "float32" for weight in low.trainable_weights)
    collect = {PROBABILITIES: lambda probabilities: probabilities.dtype}
    _, dtypes = low.video.encoder(keras.ops.ones((1, 3, 64), "bfloat16"), collect=collect)
    assert all(dtype == "bfloat16" for dtype in dtypes[PROBABILITIES])


@pytest.mark.slow
def test_a_full_size_forward_pass_in_three_gibibytes():
    code = (
        "import numpy as np\n"
        "from vatt import resident_memory\n"
        "from vatt.models.paper import video_classifier\n"
        "model = video_classifier(classes=400)\n"
        "clip = np.zeros((1, 32, 224, 224, 3), 'float32')\n"
        "assert model({'video': clip})['logits'].shape == (1, 400)\n"
        "print(resident_memory.peak())\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    gibibytes = int(finished.stdout.split()[-1]) / 2**30
    assert gibibytes <= 3, f"{gibibytes:.2f} GiB"
