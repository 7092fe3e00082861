"""Outputs that show the inside of a model: what its Transformers are given, what their layers do, where they
look.

Each function takes a model and inputs as the model's call does, and gives outputs by name for the modalities
that came, so that they go wherever a model's own outputs go.
"""

from keras import ops

from vatt.layers.trace import roll_out, trace_blocks
from vatt.spec import AUDIO, MODALITIES

INPUT = "input"  # mean of the tokens that enter the encoder, [B, D]
ACTIVATIONS = "activations"  # mean of the feed-forward networks' outputs, [B, layers, D]
ROLL_OUT = "roll_out"  # attention of AGG to each token, [B, N]


def backbone_for(model, modality):
    """The `Backbone` that reads a modality in any of our models; None where there is none."""
    if hasattr(model, "backbone"):
        return model.backbone if model.modality == modality else None
    return getattr(model, modality, None)


def modalities_of(model) -> tuple[str, ...]:
    """Those of `MODALITIES` that a model reads."""
    return tuple(each for each in MODALITIES if backbone_for(model, each) is not None)


def shares_encoder(model) -> bool:
    """Whether one encoder reads all modalities, so that its nodes can be compared (paper 3)."""
    encoders = {id(backbone_for(model, each).encoder) for each in modalities_of(model)}
    return len(encoders) == 1


def token_grid(model, modality, signal_shape) -> tuple[int, ...]:
    """Tokens along each axis of a signal [B, *sizes(, channels)]: (time, row, column), (sample,), (time,
    frequency); (words,) for text.
    """
    embedder = backbone_for(model, modality).embedder
    if not hasattr(embedder, "patches"):
        return (signal_shape[1],)
    spectrogram = _spectrogram(model, modality)
    sizes = spectrogram.sizes(signal_shape[1]) if spectrogram else signal_shape[1 : 1 + len(embedder.patch)]
    return tuple(embedder.patches.grid(tuple(sizes)))


def mean_inputs(model, inputs) -> dict:
    """ "<modality>/input": float32 [B, D], the mean over the tokens that enter the encoder, with their
    positions; without AGG, which is the same for all inputs, and without padding.
    """
    outputs = {}
    for modality, signal in _present(model, inputs):
        tokens, words = _embedded(model, modality, signal)
        if _aggregates(model, modality):
            tokens, words = tokens[:, 1:], None if words is None else words[:, 1:]
        outputs[f"{modality}/{INPUT}"] = _mean(tokens, words)
    return outputs


def mean_activations(model, inputs) -> dict:
    """ "<modality>/activations": float32 [B, layers, D], the outputs of the feed-forward networks before the
    residual addition, averaged over the tokens, AGG among them, without padding (paper Figure 4).
    """
    outputs = {}
    for modality, signal in _present(model, inputs):
        tokens, words = _embedded(model, modality, signal)
        encoder = backbone_for(model, modality).encoder
        layers = [_mean(block.transformed, words) for block in trace_blocks(encoder, tokens, words)]
        outputs[f"{modality}/{ACTIVATIONS}"] = ops.stack(layers, axis=1)
    return outputs


def roll_outs(model, inputs) -> dict:
    """ "<modality>/roll_out": float32 [B, N], where the pooled output comes from by attention roll-out: the
    shares of the N tokens, AGG's own left out, which sum to 1.
    """
    outputs = {}
    for modality, signal in _present(model, inputs):
        tokens, words = _embedded(model, modality, signal)
        encoder = backbone_for(model, modality).encoder
        flow = roll_out(block.probabilities for block in trace_blocks(encoder, tokens, words))
        if _aggregates(model, modality):
            shares = flow[:, 0, 1:]
        else:  # the pooled output is the mean over the words
            kept = ops.cast(words, "float32")
            shares = ops.einsum("bn,bnm->bm", kept, flow)
        outputs[f"{modality}/{ROLL_OUT}"] = shares / ops.maximum(ops.sum(shares, axis=1, keepdims=True), 1e-9)
    return outputs


def _present(model, inputs):
    return [(each, inputs[each]) for each in modalities_of(model) if inputs.get(each) is not None]


def _embedded(model, modality, signal):
    """(tokens [B, N, D] as the encoder gets them, words [B, N] or None)."""
    spectrogram = _spectrogram(model, modality)
    if spectrogram is not None:
        signal = spectrogram(signal)
    embedded = backbone_for(model, modality).embedder(signal)
    return embedded if isinstance(embedded, tuple) else (embedded, None)


def _spectrogram(model, modality):
    return getattr(model, "spectrogram", None) if modality == AUDIO else None


def _aggregates(model, modality) -> bool:
    return bool(getattr(backbone_for(model, modality).embedder, "aggregate", None))


def _mean(tokens, words):
    """float32 [B, D] of tokens [B, N, D], over those that are no padding."""
    tokens = ops.cast(tokens, "float32")
    if words is None:
        return ops.mean(tokens, axis=1)
    kept = ops.cast(words, "float32")[:, :, None]
    return ops.sum(tokens * kept, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1)
