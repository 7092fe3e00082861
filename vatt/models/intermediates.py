"""Intermediate outputs of a model: what its encoders are given, what their layers do, where they attend.

Each function takes a model and inputs as the model's call does, and gives outputs by name for the modalities
that are there, so that they go wherever a model's own outputs go. ConvNets have none of them.
"""

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from vatt.layers.transformer_encoder import PROBABILITIES, TRANSFORMED
from vatt.models.tower import Tower
from vatt.protocols import Batch, Tensor
from vatt.spec import MODALITIES

INPUT = "input"  # mean of the tokens that enter the encoder, [B, D]
ACTIVATIONS = "activations"  # mean of the feed-forward networks' outputs, [B, layers, D]
ROLL_OUT = "roll_out"  # attention of AGG to each token, [B, N]


def towers_of(model: Any) -> dict:
    """Tower by modality of a `VATT` or a `Classifier`, in the order of `MODALITIES`; empty for others."""
    towers = getattr(model, "towers", {})
    return {modality: towers[modality] for modality in MODALITIES if modality in towers}


def transformers_of(model: Any) -> dict[str, Tower]:
    """Those of `towers_of` with tokens and attention, the Transformers; a ConvNet has neither."""
    return {modality: tower for modality, tower in towers_of(model).items() if isinstance(tower, Tower)}


def token_grid(model: Any, modality: str, signal_shape: Sequence[int]) -> tuple[int, ...]:
    """Tokens along each axis of a signal [B, *sizes(, channels)]: (time, row, column), (sample,), (time,
    frequency); (words,) for text.
    """
    tokenizer = transformers_of(model)[modality].tokenizer
    axes = len(getattr(tokenizer, "sizes", (0,)))
    return tokenizer.grid_of(tuple(signal_shape[1 : 1 + axes]))


def mean_inputs(model: Any, inputs: Batch) -> dict:
    """ "<modality>/input": float32 [B, D], the mean over the tokens that enter the encoder, with their
    positions; without AGG, which is the same for all inputs, and without padding.
    """
    outputs = {}
    for modality, tower in _present(model, inputs):
        tokens, words = tower.tokenizer(inputs[modality])
        if tower.tokenizer.aggregates:
            tokens, words = tokens[:, 1:], None if words is None else words[:, 1:]
        outputs[f"{modality}/{INPUT}"] = _mean(tokens, words)
    return outputs


def mean_activations(model: Any, inputs: Batch) -> dict:
    """ "<modality>/activations": float32 [B, layers, D], the outputs of the feed-forward networks before the
    residual addition, averaged over the tokens, AGG among them, without padding (paper Figure 4).
    """
    outputs = {}
    for modality, tower in _present(model, inputs):
        tokens, words = tower.tokenizer(inputs[modality])
        mean = {TRANSFORMED: lambda values, words=words: _mean(values, words)}
        _, collected = tower.encoder(tokens, words=words, collect=mean)
        outputs[f"{modality}/{ACTIVATIONS}"] = ops.stack(collected[TRANSFORMED], axis=1)
    return outputs


def roll_outs(model: Any, inputs: Batch) -> dict:
    """ "<modality>/roll_out": float32 [B, N], where the pooled output comes from by attention roll-out: the
    shares of the N tokens, AGG's own left out, which sum to 1.
    """
    outputs = {}
    for modality, tower in _present(model, inputs):
        tokens, words = tower.tokenizer(inputs[modality])
        _, collected = tower.encoder(tokens, words=words, collect={PROBABILITIES: _mean_of_heads})
        flow = roll_out(collected[PROBABILITIES])
        if tower.tokenizer.aggregates:
            shares = flow[:, 0, 1:]
        else:  # the pooled output is the mean over the words
            kept = ops.cast(words, "float32")
            shares = ops.einsum("bn,bnm->bm", kept, flow)
        places = math.prod(token_grid(model, modality, inputs[modality].shape))
        if shares.shape[1] != places:
            raise ValueError(
                f"Attention is followed to every token of a clip. Received: {modality} of {places} tokens, "
                f"of which {shares.shape[1]} are kept. Set `SalientDropToken.in_evaluation = False`."
            )
        outputs[f"{modality}/{ROLL_OUT}"] = shares / ops.maximum(ops.sum(shares, axis=1, keepdims=True), 1e-9)
    return outputs


def roll_out(probabilities: Sequence) -> Tensor:
    """How much of each input token reaches each output token (Abnar and Zuidema 2020, attention roll-out).

    The residual connection is as much as all of a block's attention: A = (W + I) / 2. The matrices of all
    blocks are multiplied.

    Args:
        probabilities: attention of each block from the first to the last, averaged over its heads,
            float32 [B, N, N] (query, key); the rows sum to 1.

    Returns:
        float32 [B, N, N], (output, input); each row sums to 1.
    """
    product = None
    for mean in probabilities:
        passed = (mean + ops.eye(mean.shape[-1], dtype="float32")) / 2
        product = passed if product is None else ops.matmul(passed, product)
    return product


def _mean_of_heads(probabilities):
    """float32 [B, N, N] of [B, H, N, N]; rounded probabilities of half precision do not sum to 1."""
    mean = ops.mean(ops.cast(probabilities, "float32"), axis=1)
    return mean / ops.sum(mean, axis=-1, keepdims=True)


def _present(model, inputs):
    return [(name, tower) for name, tower in transformers_of(model).items() if inputs.get(name) is not None]


def _mean(tokens, words):
    """float32 [B, D] of tokens [B, N, D], over those that are no padding."""
    tokens = ops.cast(tokens, "float32")
    if words is None:
        return ops.mean(tokens, axis=1)
    kept = ops.cast(words, "float32")[:, :, None]
    return ops.sum(tokens * kept, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1)
