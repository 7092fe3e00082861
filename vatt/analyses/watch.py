"""A model together with outputs that show its inside, for the evaluators that look there."""

from collections.abc import Callable, Sequence

from vatt.analyses.sample import SampledEvaluator
from vatt.evals.encoder import compiled_encoder
from vatt.models import intermediates
from vatt.protocols import Batch, Model, Outputs

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
            self._model, self._encode = model, compiled_encoder(watched, outputs)
        return self._encode


def modalities_read(model: Model) -> tuple[str, ...]:
    """Those whose encoder can be looked into, at least one."""
    found = tuple(intermediates.towers_of(model))
    if not found:
        raise ValueError(
            "This analysis looks into a model with towers for video, audio or text. Received: "
            f"{type(model).__name__}, which has none. Give a run directory or a file of a `VATT`, "
            "or of a `Classifier` for video or audio."
        )
    return found
