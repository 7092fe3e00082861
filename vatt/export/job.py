"""The job `Export`: writes a trained model as an experiment says, into a run directory of its own."""

import dataclasses
import logging
from collections.abc import Sequence

import gin

from vatt.embed.loading import open_trained
from vatt.export.asked import DEFAULT_FORMATS, Naming
from vatt.export.exporting import export_model, require_free
from vatt.spec import ClipSpec
from vatt.train.context import Job, RunContext

FOLDER = "export"

_log = logging.getLogger(__name__)


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Export(Job):
    """Writes one export, which must not be there yet.

    Args:
        path: what to export, as in `vatt.load`.
        formats, modalities, several_labels: see `export_model`.
        clip, vocabulary_file: see `vatt.embed.loading.load`.
        name, publisher, version, licence: see `Naming`.
    """

    path: str
    formats: Sequence[str] = DEFAULT_FORMATS
    modalities: Sequence[str] | None = None
    clip: ClipSpec | None = None
    vocabulary_file: str | None = None
    name: str = Naming.name
    publisher: str = Naming.publisher
    version: int = Naming.version
    licence: str = Naming.licence
    several_labels: bool | None = None

    def run(self, run: RunContext) -> int:
        """Exports; returns the exit status."""
        output = run.model_dir / FOLDER
        require_free(output)
        trained = open_trained(self.path, clip=self.clip, vocabulary_file=self.vocabulary_file)
        if run.dry_run:
            _log.info("Would export %s of %s.", type(trained.model).__name__, self.path)
            return 0
        card = export_model(
            trained,
            output,
            formats=self.formats,
            modalities=self.modalities,
            naming=Naming.of(self),
            several_labels=self.several_labels,
        )
        for line in card.checks:
            _log.info("%s", line)
        _log.info("Exported: %s", output)
        return 0
