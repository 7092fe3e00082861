"""The six directions of cross-modal retrieval: the space each is compared in, and one of them ranked.

Video and audio meet in the video-audio space, video and text in the video-text space (Eq. 3). Audio and text
never meet in the paper's training; the hierarchy of Eq. 3 still allows to compare them, by sending the
audio's video-audio embedding through g_v→vt. Those two directions are marked as derived wherever they are
shown, unless the model has a map of the audio's own into the video-text space (`CommonSpaces.all_pairs`).
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from vatt import spec
from vatt.evals.embedding import EmbeddedClips
from vatt.metrics import chance, retrieval
from vatt.protocols import Model


@dataclasses.dataclass(frozen=True)
class Direction:
    """Which modality asks, which one answers, and where the two are compared.

    Args:
        query: modality of the queries.
        gallery: modality of what is searched.
        space: "video_audio" or "video_text".
        derived: the pair is never trained directly.
    """

    query: str
    gallery: str
    space: str
    derived: bool = False

    @property
    def name(self) -> str:
        """As in the names of metrics: "text_to_video"."""
        return f"{self.query}_to_{self.gallery}"

    @property
    def label(self) -> str:
        """For people: "text → video"."""
        return f"{self.query} → {self.gallery}"

    @property
    def outputs(self) -> tuple[str, str]:
        """Model outputs of the queries and of the gallery."""
        return f"{self.query}/{self.space}", f"{self.gallery}/{self.space}"


DIRECTIONS = (
    Direction(spec.TEXT, spec.VIDEO, spec.VIDEO_TEXT),
    Direction(spec.VIDEO, spec.TEXT, spec.VIDEO_TEXT),
    Direction(spec.AUDIO, spec.VIDEO, spec.VIDEO_AUDIO),
    Direction(spec.VIDEO, spec.AUDIO, spec.VIDEO_AUDIO),
    Direction(spec.TEXT, spec.AUDIO, spec.VIDEO_TEXT, derived=True),
    Direction(spec.AUDIO, spec.TEXT, spec.VIDEO_TEXT, derived=True),
)


def directions_of(model: Model) -> tuple[Direction, ...]:
    """`DIRECTIONS`; of a model that was made for all pairs, none is derived."""
    if not getattr(getattr(model, "spaces", None), "all_pairs", False):
        return DIRECTIONS
    return tuple(dataclasses.replace(each, derived=False) for each in DIRECTIONS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Side:
    """Queries or gallery of one direction: M embeddings and the clips they belong to.

    Args:
        vectors: float64 [M, D].
        owners: int64 [M], numbers of clips.
    """

    vectors: np.ndarray
    owners: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankedDirection:
    """One direction, ranked with a whole group as the answer.

    Args:
        direction: which.
        queries: the asking side.
        gallery: the searched side.
        clips: clips that have both modalities; only they take part, on either side.
        left_out: clips that lack one of them.
        group_ids: int64 [N], equal for clips that answer for each other, over all clips of the set.
        ranks: int64 [Q], rank of the first right item of each query.
        normalise: whether similarity is the cosine, or the plain product (`EmbeddedClips.average`).
    """

    direction: Direction
    queries: Side
    gallery: Side
    clips: int
    left_out: int
    group_ids: np.ndarray
    ranks: np.ndarray
    normalise: bool

    @functools.cached_property
    def exact_ranks(self) -> np.ndarray:
        """int64 [Q], rank of the first item of each query's own clip."""
        return retrieval.ranks_from_embeddings(
            self.queries.vectors,
            self.gallery.vectors,
            self.queries.owners,
            self.gallery.owners,
            normalise=self.normalise,
        )

    def figures(self, ranks_of_recall: Sequence[int], *, permutations: int, seed: int) -> tuple[dict, dict]:
        """Numbers by name (recall_at_1, chance_recall_at_1, …): by group, and by exact clip."""
        query_groups, gallery_groups = (
            self.group_ids[self.queries.owners],
            self.group_ids[self.gallery.owners],
        )
        by_group = _figures(self.ranks, query_groups, gallery_groups, ranks_of_recall)
        for k in ranks_of_recall if permutations else ():
            low, high = chance.permutation_interval(
                self.queries.vectors,
                self.gallery.vectors,
                query_groups,
                gallery_groups,
                k=k,
                permutations=permutations,
                seed=seed,
                normalise=self.normalise,
            )
            by_group |= {f"permuted_low_recall_at_{k}": low, f"permuted_high_recall_at_{k}": high}
        exact = _figures(self.exact_ranks, self.queries.owners, self.gallery.owners, ranks_of_recall)
        return by_group, exact


def rank_direction(direction: Direction, embedded: EmbeddedClips) -> RankedDirection | None:
    """Ranks a direction over the clips that have both of its modalities; None where there is no such clip."""
    names = direction.outputs
    if any(name not in embedded.vectors for name in names):
        return None
    both = np.intersect1d(embedded.owners[direction.query], embedded.owners[direction.gallery])
    if not both.size:
        return None
    queries, gallery = (_side(embedded, name, both) for name in names)
    group_ids = retrieval.relevance_ids(embedded.groups)
    normalise = embedded.average == "embedding"
    ranks = retrieval.ranks_from_embeddings(
        queries.vectors,
        gallery.vectors,
        group_ids[queries.owners],
        group_ids[gallery.owners],
        normalise=normalise,
    )
    return RankedDirection(
        direction=direction,
        queries=queries,
        gallery=gallery,
        clips=both.size,
        left_out=len(embedded.clip_ids) - both.size,
        group_ids=group_ids,
        ranks=ranks,
        normalise=normalise,
    )


def _side(embedded: EmbeddedClips, name: str, clips: np.ndarray) -> Side:
    owners = embedded.owners[name.split("/")[0]]
    taken = np.isin(owners, clips)
    return Side(vectors=embedded.vectors[name][taken], owners=owners[taken])


def _figures(ranks, query_ids, gallery_ids, ranks_of_recall) -> dict[str, float]:
    relevant, size = retrieval.relevant_counts(query_ids, gallery_ids), len(gallery_ids)
    figures = {}
    for k in ranks_of_recall:
        figures[f"recall_at_{k}"] = retrieval.recall_at_k(ranks, k)
        figures[f"chance_recall_at_{k}"] = chance.chance_recall_at_k(relevant, size, k)
    return figures | {
        "median_rank": retrieval.median_rank(ranks),
        "chance_median_rank": chance.chance_median_rank(relevant, size),
        "mean_rank": retrieval.mean_rank(ranks),
        "chance_mean_rank": chance.chance_mean_rank(relevant, size),
    }
