"""Trackers: what they receive, with libraries that only remember it."""

import sys
import types

import pytest

from vatt.errors import RunError
from vatt.train.journal import Journal
from vatt.train.trackers import MLflow, WeightsAndBiases


class Library(types.ModuleType):
    """Remembers every call, whatever its name."""

    def __init__(self, name):
        super().__init__(name)
        self.calls = []
        self.info = types.SimpleNamespace(run_id="abc")

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            return self

        return call


@pytest.fixture
def run_directory(tmp_path):
    directory = tmp_path / "first"
    directory.mkdir()
    (directory / "config.gin").write_text("A = 1\n")
    return directory


def names(library):
    return [name for name, _, _ in library.calls]


def test_weights_and_biases_gets_every_number(run_directory, monkeypatch):
    library = Library("wandb")
    monkeypatch.setitem(sys.modules, "wandb", library)
    journal = Journal(run_directory, 0, [WeightsAndBiases(project="p", mode="offline")])
    journal.write({"step": 3, "loss": 0.5, "alarms": ["one"]})
    journal.write_evaluation(3, {"toys/recall": 0.25})
    journal.close()
    assert names(library) == ["init", "log", "log", "finish"]
    assert library.calls[0][2]["config"] == {"config": "A = 1\n"}
    assert library.calls[1][1:] == (({"loss": 0.5},), {"step": 3})


def test_mlflow_goes_on_in_its_run(run_directory, monkeypatch):
    library = Library("mlflow")
    monkeypatch.setitem(sys.modules, "mlflow", library)
    for last_step, run_id in ((0, None), (3, "abc")):
        library.calls.clear()
        journal = Journal(run_directory, last_step, [MLflow(tracking_uri="file:elsewhere")])
        journal.write({"step": last_step + 3, "loss/a→b": 0.5})
        journal.close()
        calls = {name: (arguments, options) for name, arguments, options in library.calls}
        assert calls["start_run"][1] == {"run_id": run_id, "run_name": "first"}
        assert calls["log_metrics"][0] == ({"loss/a→b".replace("→", "_"): 0.5},)
    assert names(library)[-1] == "end_run"


def test_a_tracker_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(RunError, match="pip install wandb"):
        WeightsAndBiases()
