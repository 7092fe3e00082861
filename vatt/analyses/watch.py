"""A model together with outputs that show its inside, for the evaluators that look there."""

import logging
from collections.abc import Callable, Sequence

from vatt.analyses.sample import SampledEvaluator
from vatt.evals.encoder import compiled_encoder
from vatt.models import intermediates
from vatt.protocols import Batch, Model, Outputs

_log = logging.getLogger(__name__)

CHECK_SPLIT = "Check its evaluation split and `ClipSpec.modalities`."


def own_outputs(model: Model, inputs: Batch) -> Outputs:
    """What the model gives by itself."""
    return model(inputs, training=False)


class WatchingEvaluator(SampledEvaluator):
    """Base of evaluators that look inside: a subclass names in `watches` the functions, such as those of
    `vatt.models.intermediates`, whose outputs take the place of the model's.
    """

    watches: Sequence[Callable[[Model, Batch], Outputs]] = ()

    def check(self, model: Model) -> None:
        """Raises unless the model is one that can be looked into."""
        modalities_read(model)

    def _encoder(self, model: Model, outputs: Sequence[str]) -> Callable[[Batch], Batch]:
        def watched(inputs: Batch, training: bool = False) -> Outputs:
            return {name: made for watch in self.watches for name, made in watch(model, inputs).items()}

        if self._model is not model:
            self._model, self._encode = model, compiled_encoder(model, outputs, call=watched)
        return self._encode


def modalities_read(model: Model) -> tuple[str, ...]:
    """Those whose Transformer can be looked into, at least one; others are reported in the log."""
    found, towers = tuple(intermediates.transformers_of(model)), intermediates.towers_of(model)
    others = [modality for modality in towers if modality not in found]
    if not found:
        came = f"{type(model).__name__}, which has none"
        if others:
            came = f"ConvNets for {', '.join(others)}, which have neither tokens nor attention"
        raise ValueError(
            "This analysis looks into Transformers for video, audio or text. Received: "
            f"{came}. Give a run directory or a file of a `VATT` of Transformers, or of a `Classifier` for "
            "video or audio."
        )
    if others:
        _log.warning("Of Transformers alone; a ConvNet has no tokens: left out: %s.", ", ".join(others))
    return found
