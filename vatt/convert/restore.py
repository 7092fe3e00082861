"""A classifier on the tower of a pre-trained model, for clips of any size (paper A.2.5).

Position tables of another size than the pre-trained ones are interpolated once, here, and train on from
there.
"""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gin

from vatt.convert import safetensors_model
from vatt.convert.input_facts import trained_rates
from vatt.convert.loading import copied, fill, match, require_complete, resized
from vatt.convert.report import ConversionError, LoadReport
from vatt.convert.run_directory import load_run, run_of
from vatt.layers.configured import remade
from vatt.models.classifier import IMAGE, Classifier
from vatt.models.conv_tower import ConvTower
from vatt.models.loading import load_model, register_models
from vatt.models.tokenizer_for import read_sizes
from vatt.models.tower import Tower
from vatt.spec import VIDEO
from vatt.train.context import MODEL_FILE

_log = logging.getLogger(__name__)

HEAD = "head"

register_models()  # now: when a run opens a file, gin is locked and takes no further classes


@gin.register
def pretrained_model(*, path: str | Path, random_weights: bool = False) -> Any:
    """The model of a file, a run or a released checkpoint, as it is: for measuring it.

    Args:
        path: a `.keras` file of ours, or a directory of our `model.safetensors`; a run directory, which means
            its newest checkpoint, or one of the checkpoints in it (RUN/checkpoints/ckpt-500); or prefix or
            directory of a released checkpoint.
        random_weights: the same architecture with new weights instead, as a control.

    Returns: `VATT` or `Classifier`.
    """
    model = _open(path)
    if random_weights:
        return remade(model)
    model.trained_rates = trained_rates(path, model)  # evaluators compare them with their clips'
    return model


@gin.register
def pretrained_classifier(
    *,
    path: str | Path,
    classes: int,
    modality: str = VIDEO,
    sizes: Sequence[int] | None = None,
    interpolation: str = "natural_cubic",
    drop_token: Any = None,
    dropout_rate: float = 0.1,
    head_dropout_rate: float = 0.0,
    views: int = 1,
    random_weights: bool = False,
) -> Classifier:
    """A `Classifier` with the weights of a file; only its head is new. The load report goes to the log.

    Args:
        path: see `pretrained_model`.
        classes, modality, sizes, drop_token, dropout_rate, head_dropout_rate, views: see `classifier_like`.
        interpolation: see `interpolation_matrix`.
        random_weights: see `pretrained_model`.
    """
    model, report = restore_classifier(
        pretrained_model(path=path, random_weights=random_weights),
        interpolation=interpolation,
        classes=classes,
        modality=modality,
        sizes=sizes,
        drop_token=drop_token,
        dropout_rate=dropout_rate,
        head_dropout_rate=head_dropout_rate,
        views=views,
    )
    _log.info("Restored from %s.\n%s", path, report.summary())
    return model


def restore_classifier(
    source: Any, *, interpolation: str = "natural_cubic", **options: Any
) -> tuple[Classifier, LoadReport]:
    """A classifier with the tower of another model, of which it takes all that a signal and weights imply.

    Returns:
        the classifier and the load report, in which the head alone is missing.
    """
    model = classifier_like(source, **options)
    tower = tower_of(source, model.modality)
    weights = _weights_by_place(tower)
    names = _weights_by_place(model.tower)
    names |= {f"{HEAD}/{variable.name}": variable for variable in model.head.weights}
    tables = _tables(tower, model.tower)
    recipes = [
        resized(place, variable, *tables[place], method=interpolation)
        if place in tables
        else copied(place, variable)
        for place, variable in names.items()
    ]
    shapes = {place: tuple(variable.shape) for place, variable in weights.items()}
    made_for = f"grid {model.tower.tokenizer.grid}, " if isinstance(model.tower, Tower) else ""
    report = match(
        recipes,
        shapes,
        source=f"{tower.path} of {type(source).__name__}",
        target=f"Classifier ({model.modality}, {made_for}{model.classes} classes)",
    )
    require_complete(report, allow_missing=(f"{model.head.path}/*",))
    fill(report, recipes, lambda place: weights[place].numpy())
    return model, report


def classifier_like(
    source: Any,
    *,
    classes: int,
    modality: str = VIDEO,
    sizes: Sequence[int] | None = None,
    drop_token: Any = None,
    dropout_rate: float = 0.1,
    head_dropout_rate: float = 0.0,
    views: int = 1,
) -> Classifier:
    """The classifier of `restore_classifier` with new weights, or in a scope without weights.

    Args:
        source: see `restore_classifier`.
        classes, modality, head_dropout_rate, views: see `Classifier`.
        sizes: size of the clips along each axis (`signal_sizes`); None keeps the source's position tables. A
            ConvNet takes clips of any size.
        drop_token: `DropToken` or None. The paper fine-tunes on all tokens, the release on half.
        dropout_rate: of the tokenizer and the encoder; a ConvNet has none.
    """
    tower = tower_of(source, modality)
    new_tower = (
        _conv_tower_like(tower, drop_token)
        if isinstance(tower, ConvTower)
        else _tower_like(tower, modality, sizes, drop_token, dropout_rate)
    )
    return Classifier(
        tower=new_tower, classes=classes, modality=modality, head_dropout_rate=head_dropout_rate, views=views
    )


def _conv_tower_like(tower, drop_token):
    if drop_token is not None and drop_token.rate:
        raise ConversionError(
            f"DropToken drops tokens, which a ConvNet has not. Received: a rate of {drop_token.rate} for a "
            f"tower with {type(tower.encoder).__name__}. Set `DropToken.rate = 0.0`."
        )
    return remade(tower)


def _tower_like(tower, modality, sizes, drop_token, dropout_rate):
    encoder, tokenizer = tower.encoder, tower.tokenizer
    sizes = read_sizes(modality, tuple(sizes or tokenizer.sizes), tokenizer.patch)
    return Tower(
        tokenizer=remade(tokenizer, sizes=sizes, drop_token=drop_token, dropout_rate=dropout_rate),
        encoder=remade(
            encoder, size=dataclasses.replace(encoder.size, recompute=False), dropout_rate=dropout_rate
        ),
        projection_width=tower.projection_width,
    )


def _open(path):
    if Path(path).suffix == ".keras":
        return load_model(path)
    if run_of(path) is not None:
        return load_run(path)
    if safetensors_model.is_model(path):
        return safetensors_model.read_model(path)
    path = Path(path).expanduser()
    if (path / "command.txt").is_file():
        raise ConversionError(
            f"A run must have begun to train before its model can be used. Received: {path}, which has no "
            f"{MODEL_FILE}. Run its command again: command.txt in there has it."
        )
    if not path.exists() and not Path(f"{path}.index").is_file() and path.suffix != ".index":
        raise ConversionError(
            "A trained model must be a run directory, a .keras file, an export, or a released checkpoint "
            f"(its prefix …/ckpt-7, or its directory). Received: {path}, which is not there."
        )
    from vatt.convert.released import load_released  # imports TensorFlow

    return load_released(path)[0]


def tower_of(source: Any, modality: str) -> Tower | ConvTower:
    """The tower for a modality of a `VATT` or a `Classifier`; images go through that for video."""
    towers = source.towers
    wanted = VIDEO if modality == IMAGE else modality
    if wanted not in towers:
        raise ConversionError(
            f"The model must have a tower for {modality!r}. Received: {type(source).__name__} for "
            f"{', '.join(towers)}."
        )
    return towers[wanted]


def _tables(tower: Any, new_tower: Any) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Place inside the tower of each position table -> sizes of its axes, in the source and in ours."""
    if isinstance(tower, ConvTower):
        return {}
    positions, new_positions = tower.tokenizer.positions, new_tower.tokenizer.positions
    return {
        f"tokenizer/positions/{table.name}": (
            tuple(positions.grid[axis] for axis in tabled),
            tuple(new_positions.grid[axis] for axis in tabled),
        )
        for table, tabled in zip(new_positions.tables, new_positions.tabled_axes)
    }


def _weights_by_place(tower) -> dict:
    """Place inside the tower -> variable; the place does not depend on where the model keeps its encoder."""
    places = {}
    for part, layer in tower.parts.items():
        for variable in layer.weights:
            places[part + variable.path.removeprefix(layer.path)] = variable
    return places
