"""Features of clips laid out in a plane, coloured by class (paper Figure 2)."""

import logging

import gin
import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score

from vatt import spec
from vatt.analyses.plane import PERPLEXITY, coordinates, plane
from vatt.evals import labels
from vatt.evals.base import EvaluatorBase
from vatt.evals.features import features
from vatt.metrics.neighbours import nearest
from vatt.protocols import Dataset, Model
from vatt.unit_rows import unit_rows

_log = logging.getLogger(__name__)

NEIGHBOURS = 10  # looked at for purity and trustworthiness


@gin.register
class FeatureMap(EvaluatorBase):
    """t-SNE of the pooled features of a backbone, and how far they keep the classes apart.

    The paper compares a network fine-tuned from VATT with one trained from scratch, and the modality-specific
    with the modality-agnostic: one run of this analysis each. Features are compared by direction, as
    everywhere. Metrics are computed from the features themselves, not from the layout.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches`, with labels of one class for each clip.
        batch_size: rows per call of the model.
        modality: whose pooled features, "video" or "audio".
        classes: drawn at random; all where there are no more. The paper: 100.
        clips: of these classes, drawn at random; all where there are no more. Time and memory grow with N².
        perplexity: of t-SNE, see `plane`.
        cache_dir: where features are kept, see `features`; None: not.
        seed: of the choice of classes and of the layout.
    """

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 16,
        modality: str = spec.VIDEO,
        classes: int = 100,
        clips: int = 5000,
        perplexity: float = PERPLEXITY,
        cache_dir: str | None = None,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size)
        if modality not in (spec.VIDEO, spec.AUDIO):
            raise ValueError(f"`modality` must be 'video' or 'audio'. Received: modality={modality!r}.")
        if classes < 2:
            raise ValueError(f"`classes` must be at least 2. Received: classes={classes}.")
        if clips < 5:
            raise ValueError(f"`clips` must be at least 5. Received: clips={clips}.")
        self.output = f"{modality}/pooled"
        self.classes = classes
        self.clips = clips
        self.perplexity = perplexity
        self.cache_dir = cache_dir
        self.seed = seed

    def check(self, model: Model) -> None:
        """Raises unless the clips have labels."""
        labels.label_names(self.dataset)

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name: `NAME/clips`, `NAME/classes`; `NAME/silhouette` in [−1, 1], how much nearer a clip
        is to its class than to the next one (mean over clips, cosine distance), if a class has two clips;
        `NAME/neighbour_purity`, the share of a clip's 10 nearest that are of its class, and
        `NAME/chance_neighbour_purity`, the share of all other clips that are; `NAME/trustworthiness` in
        [0, 1] of the layout: how rarely false neighbours appear.
        """
        self.check(model)
        found = features(
            model,
            self.dataset,
            output=self.output,
            batch_size=self.batch_size,
            cache_dir=self.cache_dir,
            encode=self._encoder(model, [self.output]),
        )
        names = labels.label_names(self.dataset)
        numbers = labels.class_numbers(found.labels, found.clip_ids)
        chosen = self._chosen(np.unique(numbers))
        kept = np.flatnonzero(np.isin(numbers, chosen))
        if len(kept) > self.clips:
            drawn = np.random.default_rng(self.seed).choice(len(kept), self.clips, replace=False)
            kept = kept[np.sort(drawn)]
        numbers, vectors = numbers[kept], unit_rows(found.mean(found.rows)[kept], self.output)
        points = plane(vectors, seed=self.seed, perplexity=self.perplexity)
        figures = _figures(vectors, numbers, points)
        counted = {"clips": len(kept), "classes": len(chosen), "left_out": found.left_out}
        settings = {
            "output": self.output,
            "views": found.views,
            "classes_wanted": self.classes,
            "clips_wanted": self.clips,
            "neighbours": min(NEIGHBOURS, len(kept) - 1),
            "perplexity": self.perplexity,
            "seed": self.seed,
        }
        self._artifact = {
            "kind": "feature_map",
            **counted,
            "classes_in_set": len(names),
            "figures": figures,
            "class_names": [names[each] for each in chosen],
            "points": coordinates(points),
            "point_classes": np.searchsorted(chosen, numbers).tolist(),
            "protocol": self._card(model, settings),
        }
        return self._named(figures | counted)

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        figures = artifact["figures"]
        purity = f"{100 * figures['neighbour_purity']:.1f} ({100 * figures['chance_neighbour_purity']:.1f})"
        return (
            f"{self.name}: {self.output} of {artifact['clips']} clips of {artifact['classes']} classes, "
            "chance in brackets",
            ["", "silhouette", "neighbour purity %", "trustworthiness"],
            [
                [
                    self.name,
                    f"{figures['silhouette']:.3f}" if "silhouette" in figures else "–",
                    purity,
                    f"{figures['trustworthiness']:.3f}",
                ]
            ],
        )

    def _chosen(self, present: np.ndarray) -> np.ndarray:
        """Numbers of the classes to show, rising."""
        if len(present) < 2:
            raise ValueError(
                f"Classes can be compared if there are at least two. Received: clips of {len(present)} "
                f"classes "
                f"in dataset {self.dataset.info.name!r}. Look at `PreparedClips.labels`."
            )
        if len(present) <= self.classes:
            if len(present) < self.classes:
                _log.info("%d classes asked for; clips have %d: all.", self.classes, len(present))
            return present
        drawn = np.random.default_rng(self.seed).choice(len(present), self.classes, replace=False)
        return present[np.sort(drawn)]


def _figures(vectors: np.ndarray, numbers: np.ndarray, points: np.ndarray) -> dict[str, float]:
    """See `FeatureMap.evaluate`."""
    neighbours = min(NEIGHBOURS, len(vectors) - 1)
    # Its own nearest neighbour is the clip itself, unless another is equal to it: it is taken out by number.
    ranked = nearest(vectors, vectors, neighbours + 1)
    itself = ranked == np.arange(len(ranked))[:, None]
    itself[~itself.any(axis=1), -1] = True
    others = ranked[~itself].reshape(len(ranked), neighbours)
    counts = np.bincount(numbers)[numbers] - 1
    figures = {
        "neighbour_purity": float(np.mean(numbers[others] == numbers[:, None])),
        "chance_neighbour_purity": float(np.mean(counts / (len(numbers) - 1))),
        "trustworthiness": float(
            trustworthiness(
                vectors, points, n_neighbors=min(NEIGHBOURS, max(1, len(vectors) // 2 - 1)), metric="cosine"
            )
        ),
    }
    if 2 <= len(np.unique(numbers)) < len(numbers):  # else no class has an inside, or an outside
        figures["silhouette"] = float(silhouette_score(vectors, numbers, metric="cosine"))
    return figures
