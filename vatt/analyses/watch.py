"""A model together with outputs that show its inside, for the evaluators that look there."""

from collections.abc import Callable, Sequence

from vatt.evals.base import EvaluatorBase
from vatt.evals.encoder import compiled_encoder
from vatt.models import intermediates
from vatt.protocols import Batch, Model, Outputs


def own_outputs(model: Model, inputs: Batch) -> Outputs:
    """What the model gives by itself."""
    return model(inputs, training=False)


class Watched:
    """A model whose outputs are those of functions of `vatt.models.intermediates`.

    Args:
        model: one of ours.
        functions: each of model and inputs, giving outputs by name.
    """

    def __init__(self, model: Model, functions: Sequence[Callable[[Model, Batch], Outputs]]):
        self._model = model
        self._functions = tuple(functions)

    def __call__(self, inputs: Batch, training: bool = False) -> Outputs:
        outputs = {}
        for function in self._functions:
            outputs |= function(self._model, inputs)
        return outputs


class WatchingEvaluator(EvaluatorBase):
    """Base of evaluators that look inside; a subclass names the functions in `watches`."""

    watches: Sequence[Callable[[Model, Batch], Outputs]] = ()

    def check(self, model: Model) -> None:
        """Raises unless the model is one that can be looked into."""
        modalities_read(model)

    def _encoder(self, model: Model, outputs: Sequence[str]):
        if self._model is not model:
            self._model, self._encode = model, compiled_encoder(Watched(model, self.watches), outputs)
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
