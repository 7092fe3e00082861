"""Opens a trained model, from wherever it is kept, with what it needs to take raw media."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from vatt.convert.input_facts import input_facts
from vatt.convert.restore import pretrained_model
from vatt.data.description import read_inputs
from vatt.embed.embedder import Embedder
from vatt.files.mirror import here
from vatt.files.places import is_address, plain
from vatt.models.vatt import VATT
from vatt.spec import ClipSpec

AS_TRAINED = "as_trained"
PRECISIONS = ("float32", AS_TRAINED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained:
    """A model and what is known of its inputs."""

    model: Any  # `VATT` or `Classifier`
    clip: ClipSpec | None  # see `Embedder`; None where nobody knows
    tokenizer: Any
    label_names: tuple[str, ...]  # classes by index, of a classifier; () where nobody knows
    source: Path | str  # the path or address it came from

    @property
    def known_clip(self) -> ClipSpec:
        """The clip, for what cannot do without one."""
        if self.clip is None:
            raise ValueError(
                f"The clip of a model must be known. Received: {self.source}, which does not tell. "
                "Give `clip=vatt.spec.ClipSpec(…)`."
            )
        return self.clip


def load(
    path: str | Path,
    *,
    clip: ClipSpec | None = None,
    vocabulary_file: str | Path | None = None,
    release_tokenizer: bool | None = None,
    precision: str = "float32",
) -> Any:
    """A trained model, ready to call.

    Args:
        path: a `.keras` file of ours, or a directory of our `model.safetensors`, or an export that has one of
            them; a run directory, which means its newest checkpoint, or one of the checkpoints in it
            (RUN/checkpoints/ckpt-500); or prefix or directory of a released checkpoint. All but prefixes may
            be addresses of object stores.
        clip: `ClipSpec` of its inputs, where the path does not state it. Runs and files exported from them
            do; for a released checkpoint it is the clip that fills its tables at the paper's rates.
        vocabulary_file: word list of its sentences, see `Vocabulary`, where the path does not state it.
        release_tokenizer: whether that list is of the release's rule; None: for released checkpoints.
        precision: "float32", whatever it was trained in; or "as_trained".

    Returns:
        An `Embedder` for a `VATT` with common spaces; other models as they are.
    """
    opened = open_trained(
        path,
        clip=clip,
        vocabulary_file=vocabulary_file,
        release_tokenizer=release_tokenizer,
        precision=precision,
    )
    if not isinstance(opened.model, VATT) or opened.model.spaces is None:
        return opened.model
    return Embedder(opened.model, clip=opened.clip, tokenizer=opened.tokenizer, source=opened.source)


def open_trained(
    path: str | Path,
    *,
    clip: ClipSpec | None = None,
    vocabulary_file: str | Path | None = None,
    release_tokenizer: bool | None = None,
    precision: str = "float32",
) -> Trained:
    """As `load`, with what is known of the inputs of any kind of model."""
    with here(path, skips=("events/",)) as found:
        trained = _open_trained(found, clip, vocabulary_file, release_tokenizer, precision)
    place = plain(path)
    return dataclasses.replace(trained, source=place) if is_address(place) else trained


def _open_trained(
    path: Path,
    clip: ClipSpec | None,
    vocabulary_file: str | Path | None,
    release_tokenizer: bool | None,
    precision: str,
) -> Trained:
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {PRECISIONS}. Received: precision={precision!r}.")
    path = _inside_export(path.expanduser())
    model = pretrained_model(path=path)
    recorded, tokenizer, label_names = None, None, ()
    if (clip is None or vocabulary_file is None) and (facts := input_facts(path, model)) is not None:
        recorded, tokenizer, label_names = read_inputs(facts, source=path)
    if vocabulary_file is not None:
        from vatt.data.vocabulary import Vocabulary  # imports TensorFlow

        released = isinstance(model, VATT) and model.spaces is not None and model.spaces.form == "released"
        tokenizer = Vocabulary(
            path=vocabulary_file, release=released if release_tokenizer is None else release_tokenizer
        )
    text = getattr(model, "text", None)
    rows = None if text is None else text.vocabulary_size
    if tokenizer is not None and rows is not None and tokenizer.size > rows:
        raise ValueError(
            f"The model must have a row for every word. Received: {tokenizer.size} words of "
            f"{vocabulary_file or path}, for a table of {rows}. Give the word list that it was trained with."
        )
    if precision != AS_TRAINED:
        model = in_precision(model, precision)
    return Trained(
        model=model, clip=clip or recorded, tokenizer=tokenizer, label_names=label_names, source=path
    )


def _inside_export(path: Path) -> Path:
    """What can be opened of the directory that `vatt export` writes; any other path as it is."""
    if (path / "model_card.json").is_file():
        for name in ("model.keras", "safetensors"):
            if (path / name).exists():
                return path / name
    return path


def in_precision(model: Any, precision: str) -> Any:
    """The model computing in another precision, with the same weights; itself, if it does so already."""
    described = keras.saving.serialize_keras_object(model)
    changed = _with_policy(described, precision)
    if changed == described:
        return model
    again = keras.saving.deserialize_keras_object(changed)
    for variable, value in zip(again.weights, model.weights, strict=True):
        variable.assign(value)
    return again


def _with_policy(described: Any, precision: str) -> Any:
    """A serialised object in which every half-precision dtype policy is `precision`."""
    if isinstance(described, dict):
        if described.get("class_name") == "DTypePolicy":
            return described | {"config": {**described["config"], "name": precision}}
        return {
            key: precision if key == "dtype" and isinstance(value, str) else _with_policy(value, precision)
            for key, value in described.items()
        }
    if isinstance(described, list | tuple):
        return [_with_policy(each, precision) for each in described]
    return described
