"""What every test finds and leaves: precision, configuration, logging, devices; and models without values."""

import gc
import logging
import os
import re
import sys

import pytest

from tests.hub_server import hub  # noqa: F401 (fixture)
from tests.object_stores import bad_network, bucket, s3_port  # noqa: F401 (fixtures)
from tests.other_stores import any_store, azure_container, azure_port, google_bucket, google_port  # noqa: F401

LOGICAL_DEVICES = 4
# A regular expression of the reasons for which no test may be skipped: `.ci/run` installs what they miss.
MUST_RUN = os.environ.get("VATT_MUST_RUN")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that is skipped where it must run has failed."""
    report = (yield).get_result()
    if MUST_RUN and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if re.search(MUST_RUN, reason):
            report.outcome, report.longrepr = "failed", f"VATT_MUST_RUN: must not be skipped here: {reason}"


def pytest_collection_modifyitems(items):
    """Names of tests are the same in every process: workers of pytest-xdist compare them."""
    addresses = [item.nodeid for item in items if " at 0x" in item.nodeid]
    assert not addresses, f"give these `ids`: {addresses}"


def pytest_collection_finish(session):
    """Gives one process four CPU devices, so that it can train and score on one replica, on two and on four.

    TensorFlow fixes its devices when it first computes; that must not be while tests are collected.
    """
    # Modules and tests stay to the end. Without them a pass of the garbage collector, of which every traced
    # graph causes some, takes milliseconds instead of half a second.
    gc.collect()
    gc.freeze()
    tf = sys.modules.get("tensorflow")  # not imported where no test needs it
    if tf is None or len(tf.config.list_physical_devices("CPU")) != 1:
        return
    try:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * LOGICAL_DEVICES,
        )
    except RuntimeError as error:
        raise pytest.UsageError(
            "Tests on several replicas need TensorFlow to start after they are collected. Received: a test "
            "module that makes a tensor or a variable when it is imported. Make it in a fixture."
        ) from error


@pytest.fixture(autouse=True)
def as_in_a_new_process():
    """Each test begins without a configuration, and leaves no precision and no log of its run to the next."""
    gin = sys.modules.get("gin")
    if gin is not None:
        gin.clear_config()
    yield
    gin, keras = sys.modules.get("gin"), sys.modules.get("keras")
    if gin is not None:
        gin.clear_config()
    if keras is not None:
        keras.config.set_dtype_policy("float32")
    logger = logging.getLogger("vatt")
    logger.handlers.clear()
    logger.propagate = True


@pytest.fixture(autouse=True, scope="module")
def graphs_end_with_their_module():
    """TensorFlow keeps the graph of every custom gradient, JAX what it compiled: gigabytes in a worker."""
    yield
    if "tensorflow" in sys.modules:
        from vatt.engines.tensorflow.graphs import release_graphs

        release_graphs()
    jax = sys.modules.get("jax")
    if jax is not None:
        jax.clear_caches()
    gc.collect()


@pytest.fixture
def without_weights():
    """Models built here have shapes and paths, but no values: the largest would take gigabytes."""
    import keras

    with keras.StatelessScope(initialize_variables=False):
        yield
    # Or the next scope would fill the variables after all. Without values, they take no memory to free.
    keras.backend.clear_session(free_memory=False)
