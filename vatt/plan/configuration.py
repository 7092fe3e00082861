"""A configuration as the planner reads it: the objects that shapes depend on, and the numbers of the job.

Data, checkpoints and weights are not looked for. What a run would start from is described by its
run directory or its file, by other gin files, or taken to be the paper's pre-trained model.
"""

import dataclasses
import inspect
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras

from vatt import config
from vatt.config import Call, ConfigError
from vatt.convert.restore import classifier_like, pretrained_classifier, pretrained_model
from vatt.convert.run_directory import described, run_of
from vatt.models.bounds import check_description
from vatt.models.loading import read_description, register_models
from vatt.models.paper import paper_vatt
from vatt.plan.shapes import without_weights
from vatt.spec import ClipSpec
from vatt.train.context import MODEL_FILE

_PAPERS_VIDEO = "medium"  # VATT's defaults are the paper's MBS
_FILE_ARGUMENTS = ("path", "random_weights", "interpolation")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """What one job is made of, as gin files say it."""

    job: Call  # the call of `Trainer`, or of `ModelEvaluation`
    clip: ClipSpec  # the clips of its data
    precision: str  # the dtype policy

    @property
    def trains(self) -> bool:
        """Whether the job has steps."""
        return "optimizer" in _parameters(self.job)

    @property
    def model_call(self) -> Call:
        """What makes the model."""
        calls = self.job.calls("model")
        if len(calls) != 1:
            raise ConfigError(
                "A plan needs the one model of a configuration. Received: "
                f"{self.job.function.__name__}.model bound to {len(calls)} objects. Bind it to one `@NAME()`."
            )
        return calls[0]

    @property
    def starts_from(self) -> str | None:
        """The checkpoint that a run would start from, "" where it is left open; None if there is none."""
        if self.model_call.function in (pretrained_classifier, pretrained_model):
            return self.model_call.argument("path", "")
        return None

    def numbers(self) -> dict[str, Any]:
        """Of the job, see `vatt.config.numbers_of`."""
        return config.numbers_of(self.job)

    @property
    def has_average(self) -> bool:
        """Whether the weights are averaged."""
        return any(call.calls("average") for call in self.job.calls("optimization"))

    @property
    def host_drops_tokens(self) -> bool:
        """Whether the host chooses the patches that DropToken keeps."""
        return any(call.argument("host_drop_token", False) for call in self.job.calls("execution"))

    def model(self, source: "Source") -> Any:
        """Builds the model; inside `without_weights`, it has none."""
        call = self.model_call
        if call.function is pretrained_model:
            return source.model(call.argument("path", ""))
        if call.function is pretrained_classifier:
            names = [name for name in _parameters(call) if name not in _FILE_ARGUMENTS]
            given = {name: call.argument(name) for name in names}
            given = {name: value for name, value in given.items() if value is not None}
            if "classes" not in given:
                raise ConfigError(
                    "A classifier must have a number of classes. Received: none. Add --gin.CLASSES=…"
                )
            return classifier_like(source.model(call.argument("path", "")), **given)
        return call.make()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What a run starts from, where its own configuration leaves the checkpoint open or it is not there."""

    name: str = ""  # in words
    description: dict | None = None  # the model of other gin files, as Keras describes it; None disables
    # of the video Transformer of the paper's pre-trained model, instead of its Medium
    size: str | None = None

    def named(self, path: str) -> str:
        """In words, for a run that would start from `path`."""
        if self.description is not None:
            return self.name
        if self.size is None and path and _described_at(path):
            return str(path)
        size = self.size or _PAPERS_VIDEO
        reason = f"{path} is not here: " if path and self.size is None else ""
        return f"{reason}the paper's pre-trained VATT, video {size}"

    def model(self, path: str) -> Any:
        """The model that a run from `path` would start from; inside `without_weights` it has none."""
        register_models()
        if self.description is not None:
            return keras.saving.deserialize_keras_object(self.description)
        if self.size is None and path and (file := _described_at(path)):
            return described(file) if file.suffix == ".json" else _of_file(file)
        return paper_vatt(video=self.size or _PAPERS_VIDEO)


def read_source(gin_files: Iterable[str], bindings: Iterable[str] = ()) -> Source:
    """What gin files pre-train, as a source; read before the configuration that starts from it."""
    configuration = read(gin_files, bindings)
    with without_weights():
        description = keras.saving.serialize_keras_object(configuration.model(Source()))
    return Source(name=" + ".join(gin_files), description=description)


def read(gin_files: Iterable[str], bindings: Iterable[str] = ()) -> Configuration:
    """Reads gin files as `vatt.main` does, but asks for nothing that shapes do not depend on."""
    import vatt.run  # noqa: F401 (registers the root)

    config.load(gin_files, bindings, complete=False)
    root = config.root_call()
    calls = root.calls("job")
    if calls and "trainer" in _parameters(calls[0]):  # of checkpoints: what that run trains
        calls = calls[0].calls("trainer")
    if not calls or "model" not in _parameters(calls[0]):
        raise ConfigError(
            "A plan needs a job that has a model, such as `run.job = @Trainer`. Received: "
            f"{calls[0].function.__name__ if calls else 'no job'}. Give a runnable gin file. "
            f"{config.listing()}"
        )
    job = calls[0]
    return Configuration(job=job, clip=_clip_of(job), precision=root.argument("precision", "float32"))


def _clip_of(job: Call) -> ClipSpec:
    """Of the data; of the model, where the data have none to look at."""
    pending = [call for name in ("dataset", "model") for call in job.calls(name)]
    pending += [call for each in job.calls("evaluation") for call in each.calls("evaluators")]
    while pending:
        call = pending.pop(0)
        clip = call.argument("clip") if "clip" in _parameters(call) else None
        if isinstance(clip, ClipSpec):
            return clip
        inner = [each for name in ("datasets", "dataset", "evaluator") for each in call.calls(name)]
        pending = inner + pending
    return ClipSpec()


def _parameters(call: Call):
    return inspect.signature(call.function).parameters


def _described_at(path) -> Path | None:
    """The file that says what the model at `path` is."""
    if (run := run_of(path)) is not None:
        return run[0] / MODEL_FILE
    file = Path(path).expanduser()
    return file if file.suffix == ".keras" and zipfile.is_zipfile(file) else None


def _of_file(path: Path):
    description = read_description(path)
    check_description(description, source=path, weights=None)
    return keras.saving.deserialize_keras_object(description)
