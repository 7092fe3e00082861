"""Geometry of the modalities in the common spaces: gap, alignment, uniformity, hubs."""

import gin
import numpy as np

from vatt.analyses.pairs import PairedVectors, key_of, label_of, paired, pairs_in
from vatt.analyses.sample import SampledEvaluator, held_by
from vatt.evals.directions import Direction
from vatt.metrics.density import kernel_density, scott_bandwidth
from vatt.metrics.geometry import alignment, modality_gap, uniformity
from vatt.metrics.neighbours import hubness, nearest, occurrences
from vatt.protocols import Dataset, Model
from vatt.unit_rows import unit_rows

_CURVE_POINTS = 121
_SHUFFLES = 20  # behind the gap that chance gives


@gin.register
class SpaceGeometry(SampledEvaluator):
    """Modality gap, alignment, uniformity and hubness of each pair of modalities in its common space.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches`, and `eval_size` if clips are drawn.
        batch_size: clips per call of the model.
        clips: sampled at random; None: all.
        neighbours: k of hubness; fewer where there are fewer clips.
        seed: of the choice, and of the shuffles behind chance.
    """

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 16,
        clips: int | None = None,
        neighbours: int = 10,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size, clips=clips, seed=seed)
        if neighbours < 1:
            raise ValueError(f"`neighbours` must be at least 1. Received: neighbours={neighbours}.")
        self.neighbours = neighbours

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name, of each pair: `NAME/text_video/gap` and `…/chance_gap`, that of as many vectors
        whose modality was drawn at random; `…/alignment`; `…/uniformity_text`, `…/uniformity_video`; and of
        the clips of the second modality as neighbours of the first's, `…/text_to_video/skewness`,
        `…/antihubs`, `…/largest_hub`, `…/robin_hood`, and the other way round.
        """
        pairs = pairs_in(model)
        embedded = self._embedded(model, (output for pair in pairs for output in pair.outputs))
        described = []
        for pair in pairs:
            both = paired(embedded, *pair.outputs)
            if both is not None:
                described.append(self._describe(pair, both))
        if not described:
            rule = "A space is measured by at least two clips with two modalities."
            way_out = "Use a set with captions or audio, or more clips."
            raise self._refused(rule, len(embedded.clip_ids), held_by(embedded), way_out)
        settings = {
            "neighbours": self.neighbours,
            "views": embedded.views,
            "uniformity_scale": 2.0,
        }
        self._artifact = {
            "kind": "space_geometry",
            "clips": len(embedded.clip_ids),
            "pairs": described,
            "protocol": self._card(model, settings),
        }
        figures: dict[str, float] = {
            f"{one['pair']}/{key}": value for one in described for key, value in one["figures"].items()
        }
        return self._named(figures | {"clips": len(embedded.clip_ids)})

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        rows = []
        for one in artifact["pairs"]:
            figures, (left, right) = one["figures"], one["modalities"]
            rows.append(
                [
                    one["label"] + (" *" if one["derived"] else ""),
                    f"{figures['gap']:.3f} ({figures['chance_gap']:.3f})",
                    f"{figures['alignment']:.3f}",
                    f"{figures[f'uniformity_{left}']:.2f}, {figures[f'uniformity_{right}']:.2f}",
                    f"{figures[f'{left}_to_{right}/skewness']:.2f}, "
                    f"{figures[f'{right}_to_{left}/skewness']:.2f}",
                ]
            )
        return (
            f"{self.name}: {artifact['clips']} clips, chance in brackets; * never trained directly",
            ["pair", "gap", "alignment", "uniformity", f"skewness of N{self.neighbours}"],
            rows,
        )

    def _describe(self, pair: Direction, both: PairedVectors) -> dict:
        left, right = unit_rows(both.left, pair.query), unit_rows(both.right, pair.gallery)
        k = min(self.neighbours, len(left))
        figures = {
            "gap": modality_gap(left, right),
            "chance_gap": self._chance_gap(left, right),
            "alignment": alignment(left, right),
            f"uniformity_{pair.query}": uniformity(left),
            f"uniformity_{pair.gallery}": uniformity(right),
        }
        counts = {}
        for name, asking, answering in (
            (f"{pair.query}_to_{pair.gallery}", left, right),
            (f"{pair.gallery}_to_{pair.query}", right, left),
        ):
            found = occurrences(nearest(asking, answering, k), len(answering))
            counts[name] = np.sort(found)[::-1].tolist()
            figures |= {f"{name}/{key}": value for key, value in hubness(found).items()}
        return {
            "pair": key_of(pair),
            "label": label_of(pair),
            "space": pair.space,
            "modalities": [pair.query, pair.gallery],
            "derived": pair.derived,
            "clips": len(left),
            "neighbours": k,
            "figures": figures,
            "counts": counts,
            "along_gap": _along_gap(left, right),
        }

    def _chance_gap(self, left: np.ndarray, right: np.ndarray) -> float:
        random = np.random.default_rng(self.seed)
        everything = np.concatenate([left, right])
        gaps = []
        for _ in range(_SHUFFLES):
            order = random.permutation(len(everything))
            gaps.append(modality_gap(everything[order[: len(left)]], everything[order[len(left) :]]))
        return float(np.mean(gaps))


def _along_gap(left: np.ndarray, right: np.ndarray) -> dict:
    """Densities of both modalities along the line through their centres, 0 half-way."""
    centres = left.mean(axis=0), right.mean(axis=0)
    line = centres[1] - centres[0]
    line = line / (np.linalg.norm(line) or 1.0)
    places = [(side - (centres[0] + centres[1]) / 2) @ line for side in (left, right)]
    width = max(*(scott_bandwidth(each) for each in places), 1e-3)
    low, high = (end(each.min() if end is min else each.max() for each in places) for end in (min, max))
    points = np.linspace(low - 3 * width, high + 3 * width, _CURVE_POINTS)
    return {
        "at": np.round(points, 5).tolist(),
        "densities": [np.round(kernel_density(each, points, bandwidth=width), 5).tolist() for each in places],
    }
