"""Where it stands what a model takes: in its file or run; for older runs, in their recorded configuration."""

import tokenize
from pathlib import Path
from typing import Any

from vatt import config
from vatt.convert import safetensors_model
from vatt.convert.keras_file import input_facts_of
from vatt.convert.released_inputs import clip_of_tables
from vatt.convert.run_directory import run_of
from vatt.data.description import read_inputs
from vatt.json_file import JsonError, read_object
from vatt.models.vatt import VATT
from vatt.spec import TEXT, ClipSpec
from vatt.train.context import INPUTS_FILE

_WAY_OUT = "Say it: `clip=vatt.spec.ClipSpec(…)` and `vocabulary_file='WORDS.txt'`."


def described_inputs(path, model) -> tuple[ClipSpec | None, Any, tuple[str, ...]]:
    """The clip, the tokenizer and the classes of a model; None, None and () where nothing is known.

    Args:
        path: as in `vatt.load`.
        model: what was loaded from there.
    """
    path = Path(path).expanduser()
    if path.suffix == ".keras":
        facts = input_facts_of(path)
        return (None, None, ()) if facts is None else read_inputs(facts, source=path)
    if safetensors_model.is_model(path):
        facts = safetensors_model.input_facts_of(path)
        return (None, None, ()) if facts is None else read_inputs(facts, source=path)
    run = run_of(path)
    if run is None:
        return clip_of_tables(model), None, ()
    return described_run(run[0], model)


def described_run(directory: Path, model) -> tuple[ClipSpec | None, Any, tuple[str, ...]]:
    """The same of a run directory; of one from before `inputs.json`, by its `config.gin`."""
    described = directory / INPUTS_FILE
    if described.exists():
        try:
            facts = read_object(described)
        except JsonError as error:
            raise ValueError(
                f"{INPUTS_FILE} must be JSON. Received: {described} ({error.problem}). Copy the run again."
            ) from error
        return read_inputs(facts, source=described)
    if not isinstance(model, VATT) or not (directory / "config.gin").is_file():
        return None, None, ()
    return _by_configuration(directory, model)


def _by_configuration(directory, model):
    """Bindings of `ClipSpec` in a recorded configuration, and the vocabulary next to it."""
    source = directory / "config.gin"
    try:
        bindings = config.as_written(source.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError, tokenize.TokenError) as error:
        raise ValueError(
            f"A recorded configuration must be readable. Received: {source} ({error})."
        ) from error
    scoped = [key for key in bindings if "/ClipSpec." in key]
    tokenizers = [key for key in bindings if key.endswith("PreparedClips.tokenizer")]
    if scoped or tokenizers:
        raise ValueError(
            f"A run without {INPUTS_FILE} must have one kind of clip, and words of a plain list. Received: "
            f"{source}, which binds {', '.join(scoped + tokenizers)}. {_WAY_OUT}"
        )
    fields: dict[str, Any] = {
        key.removeprefix("ClipSpec."): _value(value, bindings)
        for key, value in bindings.items()
        if key.startswith("ClipSpec.")
    }
    try:
        clip = ClipSpec(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error} {_WAY_OUT}") from error
    for modality, tower in model.towers.items():
        grid = tower.tokenizer.grid_of(clip.sizes(modality))
        if modality != TEXT and grid != tower.tokenizer.grid:
            raise ValueError(
                f"The clip of a recorded configuration must fill the model's tables. Received: {source}, "
                f"whose {modality} clips give {grid}, for tables of {tower.tokenizer.grid}. {_WAY_OUT}"
            )
    words, tokenizer = directory / "vocabulary.txt", None
    if words.is_file():
        from vatt.data.vocabulary import Vocabulary  # imports TensorFlow

        release = any(
            key.endswith("PreparedClips.release_tokenizer") and _value(value, bindings) is True
            for key, value in bindings.items()
        )
        tokenizer = Vocabulary(path=words, release=release)
    return clip, tokenizer, ()


def _value(value, bindings):
    """The value behind a macro ("%NAME")."""
    seen = set()
    while isinstance(value, str) and value.startswith("%") and value not in seen:
        seen.add(value)
        value = bindings.get(value[1:], value)
    return value
