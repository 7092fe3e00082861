"""Two tiny models and a small set with all modalities, built once for all analyses."""

import keras
import pytest

from tests.analyses.small_clips import SmallClips, small_model


@pytest.fixture(scope="session")
def specific():
    keras.utils.set_random_seed(0)
    return small_model("specific")


@pytest.fixture(scope="session")
def agnostic():
    keras.utils.set_random_seed(0)
    return small_model("agnostic")


@pytest.fixture(scope="session")
def clips():
    return SmallClips()
