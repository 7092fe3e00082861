"""The inference call of every evaluator: a batch as a dataset gives it, through a model, to named outputs."""

from collections.abc import Callable, Sequence

from keras import ops

from vatt import spec
from vatt.evals.replicas import on_replicas
from vatt.layers.pixels import normalised_pixels
from vatt.protocols import Batch, Model

IMAGE = "image"  # input of models of single images, in addition to the modalities


def compiled_encoder(
    model: Model, outputs: Sequence[str], call: Callable[..., Batch] | None = None
) -> Callable[[Batch], Batch]:
    """`encoder` as one compiled graph, on every device of the run, so keep it between evaluations. On PyTorch
    it stays eager.

    Args:
        model: whose weights are read.
        outputs: names of those wanted.
        call: what is called in place of the model; None: the model.
    """
    return on_replicas(encoder(call or model, outputs), model)


def encoder(model: Callable[..., Batch], outputs: Sequence[str]) -> Callable[[Batch], Batch]:
    """The inference call: uint8 video scaled to [-1, 1] on the device, of the outputs only the named ones.

    Video of a single frame is given as "image" [B, H, W, 3] as well, for models of images.
    """

    def encode(inputs: Batch) -> Batch:
        inputs = dict(inputs)
        if spec.VIDEO in inputs:
            video = normalised_pixels(inputs[spec.VIDEO])
            inputs[spec.VIDEO] = video
            if video.shape[1] == 1:
                inputs[IMAGE] = video[:, 0]
        made = model(inputs, training=False)
        return {name: ops.cast(made[name], "float32") for name in outputs if name in made}

    return encode
