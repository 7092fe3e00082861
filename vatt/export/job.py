"""The job `export`: writes a trained model as an experiment says, into a run directory of its own."""

import logging
from collections.abc import Sequence

import gin

from vatt.embed.loading import open_trained
from vatt.export.card import Naming
from vatt.export.exporting import FORMATS, export_model, require_free
from vatt.spec import ClipSpec
from vatt.train.context import RunContext

FOLDER = "export"

_log = logging.getLogger(__name__)


@gin.register
def export(
    *,
    run: RunContext,
    path: str,
    formats: Sequence[str] = FORMATS,
    modalities: Sequence[str] | None = None,
    clip: ClipSpec | None = None,
    vocabulary_file: str | None = None,
    name: str = Naming.name,
    publisher: str = Naming.publisher,
    version: int = Naming.version,
    licence: str = Naming.licence,
    several_labels: bool | None = None,
) -> int:
    """Writes one export, which must not be there yet.

    Args:
        run: given by `vatt.run.run`, not by the configuration.
        path: what to export, as in `vatt.load`.
        formats, modalities, several_labels: see `export_model`.
        clip, vocabulary_file: see `vatt.embed.loading.load`.
        name, publisher, version, licence: see `Naming`.

    Returns:
        The exit status.
    """
    run.on_built()
    output = run.model_dir / FOLDER
    require_free(output)
    trained = open_trained(path, clip=clip, vocabulary_file=vocabulary_file)
    if run.dry_run:
        _log.info("Would export %s of %s.", type(trained.model).__name__, path)
        return 0
    naming = Naming(name=name, publisher=publisher, version=version, licence=licence)
    card = export_model(
        trained,
        output,
        formats=formats,
        modalities=modalities,
        naming=naming,
        several_labels=several_labels,
    )
    for written, gap in card.formats.items():
        _log.info("%-24s%s", written, "" if gap is None else f" differs from the model by at most {gap:.2g}")
    _log.info("Exported: %s", output)
    return 0
