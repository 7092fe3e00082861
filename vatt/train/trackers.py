"""Trackers of experiments as metric writers: Weights & Biases, MLflow. Each is imported only where a run asks
for it (`Logging.writers = [@WeightsAndBiases()]`). Tried with wandb 0.31.0 and mlflow 3.17.2.

A resumed run continues the tracker's run of the same name; a tracker keeps what it once got, so steps
after the checkpoint may stand there twice. The journal is the truth.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import gin

from vatt.errors import RunError
from vatt.files.whole_file import write_text


@gin.register
class WeightsAndBiases:
    """Sends every number to Weights & Biases.

    Args:
        project: its name there.
        mode: "online" or "offline", which keeps the files in the run directory, a folder for every start;
            `wandb sync` sends them on later, in order.
    """

    def __init__(self, *, project: str = "vatt", mode: str = "online"):
        self._library = _import("wandb", "wandb")
        self._project = project
        self._mode = mode
        self._run: Any = None

    def start(self, *, model_dir: Path, step: int) -> None:
        self._run = self._library.init(
            project=self._project,
            name=model_dir.name,
            id=model_dir.name,
            dir=str(model_dir),
            mode=self._mode,
            resume="allow" if step else None,
            config={"config": (model_dir / "config.gin").read_text(encoding="utf-8")},
        )

    def write(self, step: int, numbers: dict[str, float]) -> None:
        self._run.log(numbers, step=step)

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()


@gin.register
class MLflow:
    """Sends every number to MLflow.

    Args:
        experiment: its name there.
        tracking_uri: of the server, or of a file such as "sqlite:////home/me/mlflow.db" (MLflow 3
            refuses folders of files, and keeps the artifacts of such a file in `mlruns`); None for what
            MLFLOW_TRACKING_URI says.
    """

    def __init__(self, *, experiment: str = "vatt", tracking_uri: str | None = None):
        self._library = _import("mlflow", "mlflow")
        self._experiment = experiment
        self._tracking_uri = tracking_uri

    def start(self, *, model_dir: Path, step: int) -> None:
        if self._tracking_uri is not None:
            self._library.set_tracking_uri(self._tracking_uri)
        self._library.set_experiment(self._experiment)
        self._library.start_run(run_id=self._known_run(model_dir, step), run_name=model_dir.name)
        write_text(model_dir / _MLFLOW_RUN, self._library.active_run().info.run_id)
        self._library.log_artifact(str(model_dir / "config.gin"))

    def write(self, step: int, numbers: dict[str, float]) -> None:
        # MLflow refuses names with characters that ours may have, such as the ">" of a direction.
        plain = {
            "".join(c if c.isalnum() or c in "/_-. " else "_" for c in name): v for name, v in numbers.items()
        }
        self._library.log_metrics(plain, step=step)

    def close(self) -> None:
        self._library.end_run()

    def _known_run(self, model_dir: Path, step: int) -> str | None:
        """The run that an earlier start of this one made there."""
        path = model_dir / _MLFLOW_RUN
        return path.read_text(encoding="utf-8").strip() if step and path.is_file() else None


_MLFLOW_RUN = "mlflow_run.txt"


def _import(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RunError(
            f"`Logging.writers` names a tracker that must be installed. Received: no module {module!r}. "
            f"Run `pip install {package}`, or take it out of `Logging.writers`."
        ) from error
