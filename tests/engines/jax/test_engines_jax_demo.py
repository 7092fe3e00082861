"""Twenty steps of the main job's demo in float32 are the same on either engine."""

import numpy as np
import pytest

from tests.engines.jax.processes import Process


def steps_on(backend, folder, precision="float32", steps=20):
    out = folder / f"{backend}_{precision}.npz"
    arguments = (out, folder / "initial.npz", folder, steps, precision)
    with Process(
        "tests.engines.jax.demo_steps", *arguments, environment={"KERAS_BACKEND": backend}
    ) as process:
        process.finish()
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.mark.slow
def test_twenty_steps_of_the_demo_are_those_of_tensorflow(tmp_path):
    ours, theirs = (steps_on(backend, tmp_path) for backend in ("jax", "tensorflow"))
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose(ours.pop("losses"), theirs.pop("losses"), rtol=1e-4)
    for each in (ours, theirs):
        each.pop("seconds")  # more than TensorFlow's, see benchmarks/RESULTS.md
    # Of all together: what no loss sees, such as the bias of a key, moves by the rounding of its gradients.
    apart = sum(np.square(ours[path] - value).sum() for path, value in theirs.items())
    assert apart <= 1e-6 * sum(np.square(value).sum() for value in theirs.values())
