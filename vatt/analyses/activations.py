"""Which nodes of which layers answer to which modality (paper Figure 4)."""

import gin
import numpy as np

from vatt import spec
from vatt.analyses.watch import CHECK_SPLIT, WatchingEvaluator, modalities_read
from vatt.evals.inference import encoded_batches
from vatt.models import intermediates
from vatt.protocols import Dataset, Model

_PAIRS = ((spec.VIDEO, spec.AUDIO), (spec.VIDEO, spec.TEXT), (spec.AUDIO, spec.TEXT))


@gin.register
class Activations(WatchingEvaluator):
    """Mean activation of each node at the output of the feed-forward network, before the residual addition,
    by layer and modality.

    Each clip is the mean over its tokens (AGG among them, padding not), each modality the mean over the clips
    that have it; of a clip's captions the first. Only sums stay in memory, whatever the number of clips. In a
    modality-agnostic model the nodes are the same for all modalities and are compared; in a modality-specific
    one node n of one encoder has nothing to do with node n of another, and only the maps are there.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches`.
        batch_size: clips per call of the model.
        clips: sampled at random; None: all. The paper: 100,000.
        seed: of the choice.
    """

    watches = (intermediates.mean_activations,)

    def __init__(
        self, *, name: str, dataset: Dataset, batch_size: int = 16, clips: int | None = None, seed: int = 0
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size, clips=clips, seed=seed)

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name: `NAME/clips`, `NAME/video/clips`; `NAME/video/magnitude`, the mean of the nodes'
        absolute means, and of one encoder for all, over nodes and layers, `NAME/video_audio/correlation` of
        the two modalities' means and `NAME/video/preferring`, the share of nodes whose mean is largest in
        absolute value for that modality.
        """
        self.check(model)
        read = modalities_read(model)
        names = [f"{each}/{intermediates.ACTIVATIONS}" for each in read]
        encode = self._encoder(model, names)
        sums: dict[str, np.ndarray] = {}
        counts = dict.fromkeys(read, 0)
        clips: set[int] = set()
        for one in encoded_batches(encode, self.dataset, batch_size=self.batch_size):
            clips.update(np.asarray(one.batch[spec.EXAMPLE_INDEX])[one.kept].tolist())
            for name, made in one.outputs.items():
                modality = name.split("/")[0]
                sums[modality] = sums.get(modality, 0.0) + made.astype(np.float64).sum(axis=0)
                counts[modality] += len(made)
        means = {each: sums[each] / counts[each] for each in read if counts[each]}
        if not means:
            rule = f"Activations need clips with {' or '.join(read)}."
            raise self._refused(rule, len(clips), None, CHECK_SPLIT)
        shared = getattr(model, "shares_encoder", False)
        figures = _figures(means, counts, shared)
        settings = {
            "averaged": "over the tokens of a clip, then over clips",
        }
        self._artifact = {
            "kind": "activations",
            "clips": len(clips),
            "one_encoder": shared,
            "modalities": {
                each: {
                    "clips": counts[each],
                    "layers": len(mean),
                    "means": [[float(f"{value:.4g}") for value in layer] for layer in mean],
                    "magnitudes": [float(f"{value:.4g}") for value in np.abs(mean).mean(axis=1)],
                }
                for each, mean in means.items()
            },
            "correlations": _correlations(means) if shared else {},
            "figures": figures,
            "protocol": self._card(model, settings),
        }
        return self._named(figures | {"clips": len(clips)})

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        held = artifact["modalities"]
        layers = max(each["layers"] for each in held.values())
        rows = [
            [modality, *(f"{value:.3g}" for value in each["magnitudes"])] for modality, each in held.items()
        ]
        rows += [
            [f"correlation {pair.replace('_', ' – ')}", *(f"{value:.2f}" for value in values)]
            for pair, values in artifact["correlations"].items()
        ]
        rows = [row + [""] * (layers + 1 - len(row)) for row in rows]
        kind = "one encoder" if artifact["one_encoder"] else "an encoder for each modality"
        return (
            f"{self.name}: mean size of the nodes' mean activations by layer, {artifact['clips']} clips, "
            f"{kind}",
            ["", *(f"{layer}" for layer in range(1, layers + 1))],
            rows,
        )


def _figures(means: dict[str, np.ndarray], counts: dict[str, int], shared: bool) -> dict[str, float]:
    figures = {f"{each}/clips": float(count) for each, count in counts.items()}
    figures |= {f"{each}/magnitude": float(np.abs(mean).mean()) for each, mean in means.items()}
    if shared and len(means) > 1:
        for left, right in _PAIRS:
            if left in means and right in means:
                both = np.corrcoef(means[left].ravel(), means[right].ravel())
                figures[f"{left}_{right}/correlation"] = float(both[0, 1])
        strongest = np.argmax([np.abs(mean) for mean in means.values()], axis=0)
        for place, each in enumerate(means):
            figures[f"{each}/preferring"] = float(np.mean(strongest == place))
    return figures


def _correlations(means: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Of the nodes of each layer, by pair of modalities."""
    return {
        f"{left}_{right}": [
            round(float(np.corrcoef(one, other)[0, 1]), 4)
            for one, other in zip(means[left], means[right], strict=True)
        ]
        for left, right in _PAIRS
        if left in means and right in means
    }
