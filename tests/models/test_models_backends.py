"""The same forward pass on Keras' other backends, wherever they are installed; no TensorFlow there."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import goldens

SCRIPT = Path(__file__).with_name("forward_parity.py")
ROOT = SCRIPT.parents[2]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights and outputs of the tiny models on this backend."""
    arrays = {}
    for name in ("tx_fac_tiny", "ut_fac_tiny"):
        model, _ = goldens.model_and_report(name)
        arrays |= {f"{name}/{weight.path}": np.asarray(weight) for weight in model.weights}
        outputs = model(goldens.inputs(name))
        arrays |= {f"outputs/{name}/{key}": np.asarray(value) for key, value in outputs.items()}
    path = tmp_path_factory.mktemp("parity") / "weights.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_forward_parity(backend, weights, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: `pip install {backend}` to check the models on it")
    # A `tensorflow` that cannot be imported stands in front of the installed one.
    (tmp_path / "tensorflow.py").write_text("raise ModuleNotFoundError('no TensorFlow here')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": path}
    command = [sys.executable, str(SCRIPT), str(goldens.GOLDEN), str(weights)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_layers_models_and_losses_name_no_tensorflow():
    for folder in ("layers", "models", "losses"):
        for path in (ROOT / "vatt" / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not any(name.split(".")[0] == "tensorflow" for name in names), path
