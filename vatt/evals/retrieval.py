"""Zero-shot retrieval between video, audio and text, in all six directions.

Every metric is compared with exact chance; a tie counts against the model; a correct answer is any clip of
the query's group, and instance-level metrics (exact match) are reported too.
"""

from collections.abc import Sequence

import gin
import numpy as np

from vatt import spec
from vatt.evals import examples
from vatt.evals.base import EvaluatorBase
from vatt.evals.directions import DIRECTIONS, RankedDirection, directions_of, rank_direction
from vatt.evals.embedding import AVERAGE_CHOICES, CAPTION_CHOICES, EmbeddedClips, embed_clips
from vatt.evals.protocol_card import TIE_RULE
from vatt.protocols import Dataset, Model

_COUNTED = {spec.VIDEO: "video", spec.AUDIO: "audio", spec.TEXT: "captions"}  # keys of `clips_with`
SHOWN_DIRECTIONS = ("text_to_video", "audio_to_video")  # the ones whose answers a person can see


@gin.register
class Retrieval(EvaluatorBase):
    """Recall at k, median and mean rank of cross-modal retrieval by cosine similarity.

    Clips without one of a direction's two modalities take no part in it, on neither side, and are counted.
    With `captions="first"` each clip has one caption, its first, as query of text → … and as item of … →
    text; with "all" each of its up to K captions is one, and any caption of a right clip is a right answer.

    Where the dataset shows several views of a clip (the paper: 4), one embedding stands for them.

    Args:
        name: prefix of the metrics, name of the file in the report: "retrieval_demo".
        dataset: gives `eval_batches`.
        batch_size: clips per call of the model; changes memory and speed, not the figures.
        ranks: the k of recall at k.
        captions: "first" or "all".
        average: what is averaged over the views of a clip: "embedding", the raw embeddings, which are
            compared by cosine then; or "cosine", the cosines of all pairs of views (the release has both).
        directions: names of those to rank, ("text_to_video",), each of which must be possible; None: all
            that are.
        gallery_queries: examples kept for the report, shared between text → video and audio → video, about
            half of them right; 0 for none.
        permutations: random permutations of the groups behind a 99 % interval of each recall (the negative
            control: what a model without any correspondence may reach); 0 disables.
        seed: of the choice of examples and of the permutations.
    """

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 16,
        ranks: Sequence[int] = (1, 5, 10),
        captions: str = "first",
        average: str = "embedding",
        directions: Sequence[str] | None = None,
        gallery_queries: int = 12,
        permutations: int = 0,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size)
        if not ranks or any(not isinstance(k, int) or k < 1 for k in ranks):
            raise ValueError(f"`ranks` must be whole numbers from 1 on. Received: ranks={tuple(ranks)}.")
        if captions not in CAPTION_CHOICES:
            raise ValueError(f"`captions` must be one of {CAPTION_CHOICES}. Received: captions={captions!r}.")
        if average not in AVERAGE_CHOICES:
            raise ValueError(f"`average` must be one of {AVERAGE_CHOICES}. Received: average={average!r}.")
        known = [direction.name for direction in DIRECTIONS]
        if directions is not None and (not directions or set(directions) - set(known)):
            raise ValueError(
                f"`directions` must be some of {', '.join(known)}. Received: directions={directions}."
            )
        self.ranks = tuple(sorted(set(ranks)))
        self.captions = captions
        self.average = average
        self.required = directions is not None
        self.directions = tuple(
            direction for direction in DIRECTIONS if directions is None or direction.name in directions
        )
        self.gallery_queries = gallery_queries
        self.permutations = permutations
        self.seed = seed

    def check(self, model: Model) -> None:
        """Raises if the dataset's description shows that a direction asked for has nothing to compare."""
        clip, facts = self.dataset.info.clip, self.dataset.info.eval_facts or {}
        shown = set(clip.modalities) if clip is not None else set(spec.MODALITIES)
        counted = facts.get("clips_with") or {}
        absent = {each for each in spec.MODALITIES if each not in shown}
        absent |= {each for each in spec.MODALITIES if counted.get(_COUNTED[each]) == 0}
        impossible = [each for each in self.directions if {each.query, each.gallery} & absent]
        if impossible and (self.required or len(impossible) == len(self.directions)):
            needed = sorted(absent & {side for each in impossible for side in (each.query, each.gallery)})
            raise ValueError(
                f"Retrieval {impossible[0].label} needs clips with both. Received: dataset "
                f"{self.dataset.info.name!r}, whose evaluation clips have no {' and no '.join(needed)}. "
                "Prepare it with captions or audio, show them (`ClipSpec.modalities`), or leave the "
                "direction out."
            )

    def evaluate(self, model: Model) -> dict[str, float]:
        """Fractions in [0, 1] and ranks from 1, by name.

        Names are `NAME/text_to_video/recall_at_5` and `NAME/text_to_video/chance_recall_at_5`, likewise for
        median_rank and mean_rank; `NAME/exact_clip/text_to_video/…` where only the exact match counts;
        `NAME/text_to_video/queries` and `NAME/clips`.
        """
        self.check(model)
        previews = examples.ClipPreviews()
        outputs = sorted({name for direction in self.directions for name in direction.outputs})
        embedded = embed_clips(
            self._encoder(model, outputs),
            self.dataset,
            batch_size=self.batch_size,
            captions=self.captions,
            average=self.average,
            watch=previews if self.gallery_queries else None,
        )
        asked = {each.name for each in self.directions}
        directions = [each for each in directions_of(model) if each.name in asked]
        ranked = [done for each in directions if (done := rank_direction(each, embedded))]
        if not ranked or (self.required and len(ranked) < len(self.directions)):
            held = {modality: len(np.unique(owners)) for modality, owners in embedded.owners.items()}
            raise ValueError(
                f"Retrieval needs clips with at least two modalities, for "
                f"{', '.join(each.label for each in self.directions)}. Received: "
                f"{len(embedded.clip_ids)} clips of dataset {self.dataset.info.name!r}, by modality "
                f"{held}, and model outputs {sorted(embedded.vectors)}. Evaluate on a set with captions or "
                "audio."
            )
        described = [self._describe(one) for one in ranked]
        queries = self._examples(ranked, embedded, previews)
        self._artifact = {
            "kind": "retrieval",
            "clips": len(embedded.clip_ids),
            "captions": self.captions,
            "views": embedded.views,
            "protocol": self._card(
                model,
                {
                    "views": embedded.views,
                    "averaged": self.average,
                    "captions": self.captions,
                    "right": "any clip of the query's group" if _grouped(embedded) else "exact match",
                    "ties": TIE_RULE,
                },
            ),
            "grouped": _grouped(embedded),
            "ranks": list(self.ranks),
            "directions": described,
            "queries": queries,
            "shown_clips": examples.describe_clips(queries, embedded=embedded, previews=previews),
        }
        return {f"{self.name}/clips": float(len(embedded.clip_ids))} | self._flat(described)

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        rows = []
        for one in artifact["directions"]:
            figures = one["figures"]
            recalls = [
                f"{100 * figures[f'recall_at_{k}']:.1f} ({100 * figures[f'chance_recall_at_{k}']:.1f})"
                for k in self.ranks
            ]
            median = f"{figures['median_rank']:g} ({figures['chance_median_rank']:g})"
            label = one["label"] + (" *" if one["derived"] else "")
            rows.append([label, str(one["queries"]), *recalls, median])
        answer = "any clip of the query's group" if artifact["grouped"] else "exact match"
        title = f"{self.name}: {artifact['clips']} clips, right = {answer}, chance in brackets"
        if any(one["derived"] for one in artifact["directions"]):
            title += ", * = derived, never trained directly"
        return title, ["direction", "queries", *(f"R@{k} %" for k in self.ranks), "median rank"], rows

    def _describe(self, ranked: RankedDirection) -> dict:
        figures, exact = ranked.figures(self.ranks, permutations=self.permutations, seed=self.seed)
        direction = ranked.direction
        return {
            "name": direction.name,
            "label": direction.label,
            "space": direction.space,
            "derived": direction.derived,
            "queries": len(ranked.ranks),
            "items": len(ranked.gallery.owners),
            "clips": ranked.clips,
            "left_out": ranked.left_out,
            "figures": figures,
            "exact_clip": exact,
            # Query by query, in the order of the set, so that two runs can be compared on the same queries.
            "query_ranks": ranked.ranks.tolist(),
            "exact_clip_query_ranks": ranked.exact_ranks.tolist(),
        }

    def _flat(self, directions: list[dict]) -> dict[str, float]:
        flat = {}
        for one in directions:
            flat[f"{self.name}/{one['name']}/queries"] = float(one["queries"])
            for key, value in one["figures"].items():
                flat[f"{self.name}/{one['name']}/{key}"] = value
            for key, value in one["exact_clip"].items():
                flat[f"{self.name}/exact_clip/{one['name']}/{key}"] = value
        return flat

    def _examples(
        self, ranked: list[RankedDirection], embedded: EmbeddedClips, previews: examples.ClipPreviews
    ) -> list[dict]:
        shown = [one for one in ranked if one.direction.name in SHOWN_DIRECTIONS]
        described = []
        for place, one in enumerate(shown if self.gallery_queries else ()):
            share = (self.gallery_queries + place) // len(shown)
            rows = examples.pick_queries(one.ranks, one.queries.owners, share, self.seed)
            described += examples.describe_queries(rows, ranked=one, embedded=embedded, previews=previews)
        return described


def _grouped(embedded: EmbeddedClips) -> bool:
    return any(embedded.groups)
