"""Modalities before and after the model: positions of clips, and similarities of pairs (paper
Figure 3).
"""

import gin
import numpy as np
from sklearn.metrics import roc_auc_score

from vatt import spec
from vatt.analyses.pairs import PairedVectors, key_of, label_of, paired, pairs_in
from vatt.analyses.plane import PERPLEXITY, coordinates, plane
from vatt.analyses.sample import held_by
from vatt.analyses.watch import WatchingEvaluator, modalities_read, own_outputs
from vatt.evals.directions import Direction
from vatt.evals.embedding import EmbeddedClips
from vatt.metrics.density import kernel_density, overlap, scott_bandwidth
from vatt.metrics.neighbours import nearest
from vatt.models import intermediates
from vatt.protocols import Dataset, Model
from vatt.unit_rows import unit_rows

# The space of the Transformers' inputs, and the two common ones with the modalities that can be sent there.
SPACES = {
    intermediates.INPUT: spec.MODALITIES,
    spec.VIDEO_TEXT: spec.MODALITIES,
    spec.VIDEO_AUDIO: (spec.VIDEO, spec.AUDIO),
}
NEIGHBOURS = 10  # looked at for how modalities mix
_POINTS = 161  # of a density curve
_LEAST_BANDWIDTH = 1e-3  # a cosine is not known better


@gin.register
class SpaceMap(WatchingEvaluator):
    """t-SNE of input and output spaces by modality, and kernel densities of similarities in both.

    Input space: the mean of the tokens that enter a clip's Transformer, after tokenization and with
    positions. In a modality-specific model each modality has axes of its own there, so a cosine between two
    of them is the paper's comparison and means nothing by itself; narrower ones are filled up with zeros.
    A ConvNet has no tokens and is not in the input space.
    Output space: the common spaces, where the loss is computed. A positive pair is one clip's; negative is
    every pair of two clips that do not answer for each other; two different clips of one group are neither.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches` and `eval_size`.
        batch_size: clips per call of the model.
        clips: drawn at random; all where there are no more. The paper: 1,000.
        perplexity: of t-SNE, see `plane`.
        seed: of the choice and of the layouts.
    """

    watches = (own_outputs, intermediates.mean_inputs)

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 16,
        clips: int = 1000,
        perplexity: float = PERPLEXITY,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size, clips=clips, seed=seed)
        self.perplexity = perplexity

    def check(self, model: Model) -> None:
        """Raises unless the model has towers; a ConvNet's are compared in the common spaces alone."""
        if not intermediates.towers_of(model):
            modalities_read(model)

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name. Of a space: `NAME/input/mixing`, the share of other modalities among a point's 10
        nearest, as a share of what even mixing would give: 0 apart, 1 mixed. Of a pair in a space:
        `NAME/input/text_video/auc`, the chance that a positive pair is more alike than a negative one, and
        `…/positive_mean`, `…/negative_mean` of the cosine, `…/overlap` of the two densities in [0, 1].
        """
        names = [f"{each}/{space}" for space, read in SPACES.items() for each in read]
        embedded = self._embedded(model, names)
        maps = [made for space in SPACES if (made := self._map(space, embedded))]
        pairs = pairs_in(model)
        densities = [made for space in SPACES for pair in pairs if (made := _density(space, pair, embedded))]
        if not densities:
            rule = "Spaces are compared by clips with at least two modalities, two of them in two groups."
            way_out = "Use a set with captions or audio, or more clips."
            raise self._refused(rule, len(embedded.clip_ids), held_by(embedded), way_out)
        shared = getattr(model, "shares_encoder", False)
        settings = {
            "perplexity": self.perplexity,
            "views": embedded.views,
            "input_space": "mean over the tokens that enter the encoder, without AGG and padding",
            "positive": "one clip's",
            "negative": "two clips of different groups",
        }
        self._artifact = {
            "kind": "space_map",
            "clips": len(embedded.clip_ids),
            "clips_wanted": self.clips,
            "modalities": list(modalities_read(model)),
            "one_encoder": shared,
            "maps": maps,
            "densities": densities,
            "protocol": self._card(model, settings),
        }
        figures: dict[str, float] = {"clips": len(embedded.clip_ids)}
        figures |= {f"{each['space']}/mixing": each["mixing"] for each in maps if "mixing" in each}
        for each in densities:
            start = f"{each['space']}/{each['pair']}"
            figures |= {f"{start}/{key}": value for key, value in each["figures"].items()}
        return self._named(figures)

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        rows = [
            [
                f"{each['space']}: {each['label']}" + (" *" if each["derived"] else ""),
                *(
                    f"{each['figures'][key]:.3f}"
                    for key in ("auc", "positive_mean", "negative_mean", "overlap")
                ),
            ]
            for each in artifact["densities"]
        ]
        return (
            f"{self.name}: similarities of {artifact['clips']} clips; * never trained directly",
            ["space: pair", "AUC", "positive", "negative", "overlap"],
            rows,
        )

    def _map(self, space: str, embedded: EmbeddedClips) -> dict | None:
        """The clips of all modalities in one layout; None where fewer than two modalities are there."""
        present = [each for each in SPACES[space] if f"{each}/{space}" in embedded.vectors]
        present = [each for each in present if len(embedded.owners[each])]
        if len(present) < 2:
            return None
        sides = [unit_rows(embedded.vectors[f"{each}/{space}"], f"{each}/{space}") for each in present]
        width = max(side.shape[1] for side in sides)
        vectors = np.concatenate([np.pad(side, ((0, 0), (0, width - side.shape[1]))) for side in sides])
        modality = np.repeat(np.arange(len(present)), [len(side) for side in sides])
        points = plane(vectors, seed=self.seed, perplexity=self.perplexity)
        return {
            "space": space,
            "modalities": present,
            "points": coordinates(points),
            "point_modalities": modality.tolist(),
            "point_clips": np.concatenate([embedded.owners[each] for each in present]).tolist(),
            "mixing": _mixing(vectors, modality),
        }


def _mixing(vectors: np.ndarray, modality: np.ndarray) -> float:
    """Share of other modalities among the nearest points, over what it would be if all were mixed."""
    count = min(NEIGHBOURS, len(vectors) - 1)
    ranked = nearest(vectors, vectors, count + 1)
    itself = ranked == np.arange(len(ranked))[:, None]
    itself[~itself.any(axis=1), -1] = True
    others = modality[ranked[~itself].reshape(len(ranked), count)] != modality[:, None]
    even = 1 - (np.bincount(modality)[modality] - 1) / (len(modality) - 1)
    return float(others.mean() / even.mean())


def _density(space: str, pair: Direction, embedded: EmbeddedClips) -> dict | None:
    """Similarities of one pair of modalities in one space; None where they do not meet there."""
    if space not in (intermediates.INPUT, pair.space):
        return None
    both = paired(embedded, *(f"{each}/{space}" for each in (pair.query, pair.gallery)))
    if both is None or both.belong().all():
        return None
    positive, negative = _similarities(both)
    everything = np.concatenate([positive, negative])
    widths = [max(scott_bandwidth(each), _LEAST_BANDWIDTH) for each in (positive, negative)]
    room = 3 * max(widths)
    points = np.linspace(everything.min() - room, everything.max() + room, _POINTS)
    curves = [
        kernel_density(each, points, bandwidth=width)
        for each, width in zip((positive, negative), widths, strict=True)
    ]
    outcomes = np.repeat([1, 0], [len(positive), len(negative)])
    return {
        "space": space,
        "pair": key_of(pair),
        "label": label_of(pair),
        "derived": pair.derived,
        "clips": len(both.clips),
        "negatives": len(negative),
        "at": [round(float(x), 5) for x in points],
        "positive": [round(float(y), 5) for y in curves[0]],
        "negative": [round(float(y), 5) for y in curves[1]],
        "figures": {
            "auc": float(roc_auc_score(outcomes, everything)),
            "positive_mean": float(positive.mean()),
            "negative_mean": float(negative.mean()),
            "overlap": overlap(curves[0], curves[1], points),
        },
    }


def _similarities(both: PairedVectors) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of one clip's pairs, [N], and of pairs of clips of different groups."""
    cosines = both.similarities()
    return np.diagonal(cosines).copy(), cosines[~both.belong()]
