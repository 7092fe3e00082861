"""What every test leaves as it found it, and models that are too large to be made."""

import sys

import pytest


@pytest.fixture(autouse=True)
def float32_afterwards():
    """A run sets the precision of the whole process; the next test must not compute in 16 bits."""
    yield
    keras = sys.modules.get("keras")  # not imported for tests that need none
    if keras is not None:
        keras.config.set_dtype_policy("float32")


@pytest.fixture
def without_weights():
    """Models built here have shapes and paths, but no values: the largest would take gigabytes."""
    import keras

    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.backend.clear_session()  # or the next scope would fill the variables after all
