"""The same outputs, draws and gradients on Keras' other backends, wherever they are installed; no TensorFlow
there.
"""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tests.models import forward_parity, gradient_parity

ROOT = Path(__file__).parents[2]
BACKENDS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            importlib.util.find_spec(name) is None,
            reason=f"{name} is not installed: `pip install {name}` to check the models on it",
        ),
    )
    for name in ("jax", "torch")
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights and outputs of the tiny models on this backend."""
    arrays = {}
    for name, model in forward_parity.models():  # the released ones, with the draws of training
        released, _ = goldens.model_and_report(name)
        values = {weight.path: weight for weight in released.weights}
        for weight in model.weights:
            weight.assign(values[weight.path])
        arrays |= {f"{name}/{weight.path}": np.asarray(weight) for weight in model.weights}
        inputs = goldens.inputs(name)
        outputs = model(inputs)
        arrays |= {f"outputs/{name}/{key}": np.asarray(value) for key, value in outputs.items()}
        outputs = model({**inputs, "draw_key": tf.constant(forward_parity.DRAW_KEY)}, training=True)
        arrays |= {f"trained/{name}/{key}": np.asarray(value) for key, value in outputs.items()}
    path = tmp_path_factory.mktemp("parity") / "weights.npz"
    np.savez(path, **arrays)
    return path


def run_without_tensorflow(script, backend, folder, *arguments):
    """Runs a script of this folder on another backend; a `tensorflow` that cannot be imported stands in front
    of the installed one.
    """
    (folder / "tensorflow.py").write_text("raise ModuleNotFoundError('no TensorFlow here')\n")
    path = os.pathsep.join([str(folder), str(ROOT)])
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": path}
    command = [sys.executable, script.__file__, *map(str, arguments)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_parity(backend, weights, tmp_path):
    run_without_tensorflow(forward_parity, backend, tmp_path, goldens.GOLDEN, weights)


@pytest.fixture(scope="module")
def gradients(tmp_path_factory):
    """One training step's gradients on this backend."""
    path = tmp_path_factory.mktemp("parity") / "gradients.npz"
    np.savez(path, **gradient_parity.gradients())
    return path


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_parity(backend, gradients, tmp_path):
    run_without_tensorflow(gradient_parity, backend, tmp_path, gradients)


def test_layers_models_and_losses_name_no_tensorflow():
    for folder in ("layers", "models", "losses"):
        for path in (ROOT / "vatt" / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not any(name.split(".")[0] == "tensorflow" for name in names), path
