"""Several workers refuse a run directory that they cannot share."""

from types import SimpleNamespace

import pytest

from vatt import run
from vatt.engines.workers import Workers
from vatt.errors import RunError


def test_divided_weights_refuse_an_object_store(tmp_path):
    context = SimpleNamespace(engine=SimpleNamespace(divides_state=True), model_dir=tmp_path, dry_run=True)
    with pytest.raises(RunError, match="Received: s3://bucket/run. Choose a folder .* run.strategy='data'"):
        run._agree(Workers(0, ["a:1", "b:1"]), context, "s3://bucket/run")
