"""What every test leaves as it found it."""

import sys

import pytest


@pytest.fixture(autouse=True)
def float32_afterwards():
    """A run sets the precision of the whole process; the next test must not compute in 16 bits."""
    yield
    keras = sys.modules.get("keras")  # not imported for tests that need none
    if keras is not None:
        keras.config.set_dtype_policy("float32")
