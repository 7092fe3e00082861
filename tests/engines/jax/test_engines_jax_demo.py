"""Twenty steps of the main job's demo in float32 are the same on either engine."""

import numpy as np
import pytest

from tests.engines.jax.processes import Process


def steps_on(backend, folder, precision="float32", steps=20):
    out = folder / f"{backend}_{precision}_{steps}.npz"
    arguments = (out, folder / "initial.npz", folder, steps, precision)
    with Process(
        "tests.engines.jax.demo_steps", *arguments, environment={"KERAS_BACKEND": backend}
    ) as process:
        process.finish()
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of the corpus, the initial weights and what processes leave."""
    return tmp_path_factory.mktemp("demo")


@pytest.mark.slow
def test_steps_of_mixed_precision_stay_close_to_those_of_tensorflow(folder):
    """JAX computes in float32 then, but for the factors of linear maps."""
    ours, theirs, exact = (
        steps_on(*each, steps=6)["losses"]
        for each in (
            ("jax", folder, "mixed_bfloat16"),
            ("tensorflow", folder, "mixed_bfloat16"),
            ("tensorflow", folder, "float32"),
        )
    )
    np.testing.assert_allclose(ours, exact, rtol=1e-2)
    assert np.abs(ours - exact).mean() <= np.abs(theirs - exact).mean(), "with fewer roundings"


@pytest.mark.slow
def test_twenty_steps_of_the_demo_are_those_of_tensorflow(folder):
    ours, theirs = (steps_on(backend, folder) for backend in ("jax", "tensorflow"))
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose(ours.pop("losses"), theirs.pop("losses"), rtol=1e-4)
    for each in (ours, theirs):
        each.pop("seconds")  # more than TensorFlow's, see benchmarks/RESULTS.md
    # Of all together: what no loss sees, such as the bias of a key, moves by the rounding of its gradients.
    apart = sum(np.square(ours[path] - value).sum() for path, value in theirs.items())
    assert apart <= 1e-6 * sum(np.square(value).sum() for value in theirs.values())
