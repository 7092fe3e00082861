"""The nearest clips of some clips, from each modality to each other, to look at side by side."""

import base64

import gin
import numpy as np

from vatt import spec
from vatt.analyses.pairs import PairedVectors, paired
from vatt.analyses.sample import SampledEvaluator, held_by
from vatt.evals.directions import Direction, directions_of
from vatt.evals.embedding import EmbeddedClips
from vatt.evals.examples import ClipPreviews
from vatt.metrics.neighbours import mutual_neighbours, nearest
from vatt.protocols import Dataset, Model
from vatt.unit_rows import unit_rows


@gin.register
class NearestNeighbours(SampledEvaluator):
    """For a few clips, what each modality of theirs finds among each other modality of all clips.

    Retrieval's gallery shows questions and answers of two directions; here one clip's neighbours by video,
    audio and text are side by side, so that one sees which properties of a clip each modality captures.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches`, and `eval_size` if clips are drawn.
        batch_size: clips per call of the model.
        clips: sampled at random, as gallery and for the metrics; None: all.
        shown: clips whose neighbours are kept for the report.
        neighbours: k; fewer where there are fewer clips.
        seed: of the choices.
    """

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 16,
        clips: int | None = None,
        shown: int = 4,
        neighbours: int = 5,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size, clips=clips, seed=seed)
        if shown < 0 or neighbours < 1:
            raise ValueError(
                "`shown` must be at least 0 and `neighbours` at least 1. Received: "
                f"shown={shown}, neighbours={neighbours}."
            )
        self.shown = shown
        self.neighbours = neighbours

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name: `NAME/text_to_video/group_share`, the share of the k nearest that answer for the
        query, and `…/chance_group_share`, of all clips; and `NAME/video/text_audio/mutual`, the share of the
        video's clips that text and audio of one clip both find among their k nearest.
        """
        previews = ClipPreviews()
        self._directions = directions_of(model)
        outputs = [output for each in self._directions for output in each.outputs]
        embedded = self._embedded(model, outputs, watch=previews)
        found = {each: made for each in self._directions if (made := paired(embedded, *each.outputs))}
        if not found:
            rule = "Neighbours are looked for from one modality in another."
            way_out = "Use a set with captions or audio."
            raise self._refused(rule, len(embedded.clip_ids), held_by(embedded), way_out)
        lists = {each: self._nearest(both) for each, both in found.items()}
        figures = self._figures(found, lists)
        settings = {
            "neighbours": self.neighbours,
            "views": embedded.views,
        }
        queries = self._queries(found)
        shown = [self._describe(clip, found, lists) for clip in queries]
        self._artifact = {
            "kind": "nearest_neighbours",
            "clips": len(embedded.clip_ids),
            "grouped": any(embedded.groups),
            "neighbours": self.neighbours,
            "figures": figures,
            "queries": shown,
            "shown_clips": _clips(shown, embedded, previews),
            "protocol": self._card(model, settings),
        }
        return self._named(figures | {"clips": len(embedded.clip_ids)})

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        figures, rows = artifact["figures"], []
        for each in self._directions:
            if f"{each.name}/group_share" in figures:
                share, chance = (
                    figures[f"{each.name}/{key}"] for key in ("group_share", "chance_group_share")
                )
                rows.append(
                    [each.label + (" *" if each.derived else ""), f"{100 * share:.1f} ({100 * chance:.1f})"]
                )
        for key, value in figures.items():
            if key.endswith("/mutual"):
                rows.append([key, f"{100 * value:.1f}"])
        return (
            f"{self.name}: of the {self.neighbours} nearest among {artifact['clips']} clips, chance in "
            "brackets; * never trained directly",
            ["", "right %"],
            rows,
        )

    def _nearest(self, both: PairedVectors) -> np.ndarray:
        return nearest(both.left, both.right, min(self.neighbours, len(both.left)))

    def _figures(self, found: dict, lists: dict) -> dict[str, float]:
        figures = {}
        for each, both in found.items():
            hits = both.groups[lists[each]] == both.groups[:, None]
            figures[f"{each.name}/group_share"] = float(hits.mean())
            shares = np.unique(both.groups, return_counts=True)[1] / len(both.groups)
            figures[f"{each.name}/chance_group_share"] = float(np.sum(shares**2))
        for gallery in spec.MODALITIES:
            asking = [each for each in found if each.gallery == gallery]
            if len(asking) == 2 and np.array_equal(*(found[each].clips for each in asking)):
                key = f"{gallery}/{asking[0].query}_{asking[1].query}/mutual"
                figures[key] = mutual_neighbours(*(lists[each] for each in asking))
        return figures

    def _queries(self, found: dict[Direction, PairedVectors]) -> list[int]:
        """Clips drawn among those that have the most modalities, in the order of the set."""
        clips, times = np.unique(np.concatenate([both.clips for both in found.values()]), return_counts=True)
        fullest = clips[times == times.max()]
        drawn = np.random.default_rng(self.seed).permutation(fullest)[: self.shown]
        return np.sort(drawn).tolist()

    @staticmethod
    def _describe(clip: int, found: dict, lists: dict) -> dict:
        directions = []
        for each, both in found.items():
            (row,) = np.flatnonzero(both.clips == clip)
            items = lists[each][row]
            asking, answering = unit_rows(both.left[row : row + 1]), unit_rows(both.right[items])
            directions.append(
                {
                    "direction": each.name,
                    "label": each.label,
                    "derived": each.derived,
                    "retrieved": [
                        {
                            "clip": int(both.clips[item]),
                            "score": round(float(score), 4),
                            "hit": bool(both.groups[item] == both.groups[row]),
                        }
                        for item, score in zip(items, (asking @ answering.T)[0], strict=True)
                    ],
                }
            )
        return {"clip": clip, "directions": directions}


def _clips(queries: list[dict], embedded: EmbeddedClips, previews: ClipPreviews) -> dict[str, dict]:
    """Id, group, caption, strip and waveform of every clip that is shown, by its number."""
    numbers = {query["clip"] for query in queries}
    numbers |= {
        item["clip"] for query in queries for each in query["directions"] for item in each["retrieved"]
    }
    return {
        str(clip): {
            "id": embedded.clip_ids[clip],
            "group": embedded.groups[clip],
            "caption": embedded.captions[clip],
            "envelope": [round(float(peak), 3) for peak in previews.envelopes[clip]],
            "jpeg_base64": base64.b64encode(previews.strips[clip]).decode("ascii"),
        }
        for clip in sorted(numbers)
    }
