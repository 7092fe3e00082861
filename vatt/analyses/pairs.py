"""Pairs of modalities, and the similarities of clips that belong together and of others."""

import dataclasses

import numpy as np

from vatt import spec
from vatt.evals.directions import Direction, directions_of
from vatt.evals.embedding import EmbeddedClips
from vatt.metrics.retrieval import relevance_ids
from vatt.protocols import Model
from vatt.unit_rows import unit_rows

_ASKING = ((spec.TEXT, spec.VIDEO), (spec.AUDIO, spec.VIDEO), (spec.TEXT, spec.AUDIO))


def pairs_in(model: Model) -> tuple[Direction, ...]:
    """text – video, audio – video and text – audio: each once, whichever asks."""
    return tuple(each for each in directions_of(model) if (each.query, each.gallery) in _ASKING)


def label_of(pair: Direction) -> str:
    """For people: "text – video"."""
    return f"{pair.query} – {pair.gallery}"


def key_of(pair: Direction) -> str:
    """As in the names of metrics: "text_video"."""
    return f"{pair.query}_{pair.gallery}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedVectors:
    """The clips that have both modalities of a pair, a row each on both sides."""

    left: np.ndarray  # float64 [N, D]
    right: np.ndarray  # float64 [N, D]
    groups: np.ndarray  # int64 [N], equal for clips that answer for each other
    clips: np.ndarray  # int64 [N], numbers of the clips

    def similarities(self) -> np.ndarray:
        """Cosines float64 [N, N], (left, right)."""
        return unit_rows(self.left) @ unit_rows(self.right).T

    def belong(self) -> np.ndarray:
        """bool [N, N]: clips that answer for each other, the diagonal among them."""
        return self.groups[:, None] == self.groups[None, :]


def paired(embedded: EmbeddedClips, left: str, right: str) -> PairedVectors | None:
    """The clips that have two outputs, "text/video_text" and "video/video_text"; None where there are none.

    Outputs of different widths, as the inputs of a modality-specific model may be, are filled up with zeros.
    """
    if left not in embedded.vectors or right not in embedded.vectors:
        return None
    owners = [embedded.owners[name.split("/")[0]] for name in (left, right)]
    both = np.intersect1d(owners[0], owners[1])
    if len(both) < 2:
        return None
    sides = [
        embedded.vectors[name][np.searchsorted(owner, both)]
        for name, owner in zip((left, right), owners, strict=True)
    ]
    width = max(side.shape[1] for side in sides)
    sides = [np.pad(side, ((0, 0), (0, width - side.shape[1]))) for side in sides]
    return PairedVectors(
        left=sides[0], right=sides[1], groups=relevance_ids(embedded.groups)[both], clips=both
    )
