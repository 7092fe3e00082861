"""Masked latent prediction (data2vec, arXiv:2202.03555 and 2212.07525): from the tokens that DropToken keeps,
a small Transformer predicts what a teacher makes of those that it drops.

The teacher is the towers with a moving average of their weights and all tokens. Its weights follow in the
forward pass of a step, as moving statistics of batch normalisation do, so that every engine has it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.architecture import Size, size_of
from vatt.layers.configured import Configured
from vatt.layers.drop_token import take_tokens
from vatt.layers.positions import FactorisedPositions
from vatt.layers.transformer_encoder import TRANSFORMED, TransformerEncoder
from vatt.protocols import Batch, Outputs, Tensor
from vatt.spec import AUDIO, KEPT, VIDEO

_EPSILON = 1e-5


@gin.register
@keras.saving.register_keras_serializable("vatt")
class LatentPrediction(Configured, keras.layers.Layer):
    """Predicts the teacher's features of dropped tokens, in training alone: `VATT.prediction`.

    A target is the mean over the last blocks of what the teacher's feed-forward networks add, each
    normalised over its features.

    Args:
        size: of the Transformer that predicts, one for each modality with DropToken.
        decay: share d of the average that a step keeps; in the first min(d, n / (n + 10)), n the steps done.
        top_blocks: how many of the teacher's blocks a target is the mean of; all, where there are fewer.
    """

    def __init__(
        self,
        *,
        size: str | Size | dict,
        decay: float = 0.999,
        top_blocks: int = 8,
        name: str = "prediction",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        if not 0 <= decay < 1:
            raise ValueError(f"`decay` must be in [0, 1). Received: decay={decay}.")
        if top_blocks < 1:
            raise ValueError(f"`top_blocks` must be at least 1. Received: top_blocks={top_blocks}.")
        self.size = size_of(size)
        self.decay = decay
        self.top_blocks = top_blocks

    def build_for(self, towers: dict[str, Any]) -> None:
        """Builds it for a model's towers. Keras keeps what `build` is given, as parts of the layer."""
        self.modalities = tuple(each for each in (VIDEO, AUDIO) if each in towers and _drops(towers[each]))
        if not self.modalities:
            raise ValueError(
                "Latent prediction needs tokens that DropToken drops. Received: towers of "
                f"{', '.join(towers)}, none of which drops any. Set `DropToken.rate`, or leave out "
                "`VATT.prediction`."
            )
        read = {each: towers[each] for each in self.modalities}
        self.build(
            {
                modality: {
                    "grid": tower.tokenizer.grid,
                    "axes": tower.tokenizer.axes,
                    "inputs": tower.width,
                    "outputs": tower.encoder.size.width,
                }
                for modality, tower in read.items()
            },
            [tuple(variable.shape) for variable in self._students(towers)],
        )

    def build(self, predicted: dict[str, dict], shapes: Sequence[tuple]) -> None:
        self.predictors = {}
        for modality, sizes in predicted.items():
            predictor = Predictor(size=self.size, name=modality, dtype=self.dtype_policy)
            predictor.build(**sizes)
            self.predictors[modality] = predictor
        constant = {"initializer": "zeros", "trainable": False, "autocast": False}
        constant |= {"aggregation": "only_first_replica"}  # replicas have equal weights
        self.steps = self.add_weight(name="steps", shape=(), **constant)
        self.averages = [
            self.add_weight(name=f"average_{number}", shape=shape, **constant)
            for number, shape in enumerate(shapes)
        ]

    def _students(self, towers):
        """The trained variables of the towers, each once: towers may share an encoder."""
        variables = [each for modality in self.modalities for each in towers[modality].trainable_variables]
        return list({id(each): each for each in variables}.values())

    def cut(
        self, towers: dict[str, Any], inputs: Batch, key_of: Callable
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """By modality, all patches [B, N, values] of the signals among a model's inputs, and the places int32
        [B, K] of those that DropToken keeps; `key_of(modality)` keys its draws.
        """
        found = {}
        for modality in self.modalities:
            if inputs.get(modality) is None:
                continue
            tokenizer = towers[modality].tokenizer
            signal = ops.cast(tokenizer.prepare(inputs[modality]), tokenizer.compute_dtype)
            patches, grid = tokenizer.cut(signal)
            if grid != tokenizer.grid:
                raise ValueError(
                    f"Latent prediction has positions for a grid of {tokenizer.grid}. Received: {modality} "
                    f"of {grid}. Train on clips of the size that the tokenizer was made for."
                )
            with draws.keyed(key_of(modality)):
                kept = tokenizer.drop_token.kept_indices(patches, tokenizer.patch[0], training=True)
            found[modality] = patches, kept
        return found

    def kept_of(self, cut: dict[str, tuple[Tensor, Tensor]]) -> Batch:
        """What replaces the signals among a model's inputs: the patches that are kept, and their places."""
        patches = {modality: take_tokens(*both) for modality, both in cut.items()}
        return patches | {KEPT[modality]: kept for modality, (_, kept) in cut.items()}

    def predicted(
        self, towers: dict[str, Any], cut: dict[str, tuple[Tensor, Tensor]], features: Outputs
    ) -> Outputs:
        """Moves the teacher, and asks for what it makes of dropped tokens.

        Args:
            towers: by modality.
            cut: of `cut`.
            features: "MODALITY/tokens" [B, K, D] of the tokens that are kept.

        Returns:
            float32 "MODALITY/predicted" and "MODALITY/target" [B, N − K, D], D of the encoder.
        """
        teacher = self._follow(towers)
        outputs = {}
        for modality, (patches, kept) in cut.items():
            dropped = left_out(kept, patches.shape[1])
            target = self._taught(towers[modality], teacher, patches)
            outputs[f"{modality}/target"] = take_tokens(target, dropped)
            outputs[f"{modality}/predicted"] = ops.cast(
                self.predictors[modality](features[f"{modality}/tokens"], kept=kept, dropped=dropped),
                "float32",
            )
        return outputs

    def _follow(self, towers) -> dict[int, tuple]:
        """Moves the averages; by `id` of a variable that is trained, itself and its average."""
        steps = ops.convert_to_tensor(self.steps)
        keep = ops.minimum(self.decay, steps / (steps + 10))
        teacher = {}
        for average, variable in zip(self.averages, self._students(towers), strict=True):
            moved = keep * average + (1 - keep) * ops.stop_gradient(ops.cast(variable, "float32"))
            average.assign(moved)
            teacher[id(variable)] = variable, moved
        self.steps.assign(steps + 1)
        return teacher

    def _taught(self, tower, teacher, patches):
        """The targets of all tokens, float32 [B, N, D]."""
        frozen = [(each, ops.convert_to_tensor(each)) for each in tower.variables if id(each) not in teacher]
        length = patches.shape[1]
        every = ops.broadcast_to(ops.arange(length, dtype="int32"), (ops.shape(patches)[0], length))
        with keras.StatelessScope(state_mapping=[*teacher.values(), *frozen]):
            # Said, as Keras else takes what the model around was called with.
            tokens, _ = tower.tokenizer(patches, kept=every, training=False)
            collect = {TRANSFORMED: lambda values: _normalised(values[:, 1:])}
            _, found = tower.encoder(tokens, training=False, collect=collect)
        blocks = found[TRANSFORMED][-self.top_blocks :]
        return ops.stop_gradient(sum(blocks) / len(blocks))


@keras.saving.register_keras_serializable("vatt")
class Predictor(Configured, keras.layers.Layer):
    """A Transformer over the outputs of tokens that are kept, and a learned vector for each other place.

    Args:
        size: of the Transformer.

    Call: tokens [B, K, D], their places `kept` int32 [B, K] and other places `dropped` int32 [B, M] give
    [B, M, D'], D' being the features of the tower's encoder.
    """

    def __init__(self, *, size: Size, name: str = "predictor", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.size = size
        self.positions = FactorisedPositions(normalise=False, dtype=dtype)
        self.encoder = TransformerEncoder(size=size, dropout_rate=0.0, dtype=dtype)

    def build(self, grid: Sequence[int], axes: Sequence[str], inputs: int, outputs: int) -> None:
        width = self.size.width
        self.positions.build(grid=grid, axes=axes, width=width)
        initializer = keras.initializers.TruncatedNormal(stddev=width**-0.5)
        self.unknown = self.add_weight(name="unknown", shape=(width,), initializer=initializer)
        self.read = self._linear("read", inputs, width)
        self.encoder.build()
        self.write = self._linear("write", width, outputs)

    def _linear(self, name, inputs, outputs):
        layer = keras.layers.Dense(outputs, name=name, dtype=self.dtype_policy)
        layer.build((None, None, inputs))
        return layer

    def call(self, tokens: Tensor, kept: Tensor, dropped: Tensor) -> Tensor:
        positions = self.positions(grid=self.positions.grid)
        known = self.read(tokens) + ops.take(positions, kept, axis=0)
        asked = ops.cast(self.unknown, known.dtype) + ops.take(positions, dropped, axis=0)
        encoded = self.encoder(ops.concatenate([known, asked], axis=1), training=True)
        return self.write(encoded[:, kept.shape[1] :])


def _drops(tower):
    """Whether training leaves out any token; of a few, a low rate drops none."""
    if not tower.drop_rate:
        return False
    tokens = math.prod(tower.tokenizer.grid)
    return tower.tokenizer.kept_of(tokens) < tokens


def left_out(kept: Tensor, length: int) -> Tensor:
    """The places below `length` that are not among `kept` [B, K], int32 [B, length − K], rising."""
    places = ops.broadcast_to(ops.arange(length, dtype="int32"), (ops.shape(kept)[0], length))
    both = ops.sort(ops.concatenate([places, kept], axis=1), axis=1)  # of each that is kept there are two
    same = ops.equal(both[:, 1:], both[:, :-1])
    twice = ops.logical_or(ops.pad(same, [(0, 0), (1, 0)]), ops.pad(same, [(0, 0), (0, 1)]))
    return ops.sort(ops.where(twice, length, both), axis=1)[:, : length - kept.shape[1]]


def _normalised(values):
    """Over features, without gain and offset, float32."""
    values = ops.cast(values, "float32")
    centred = values - ops.mean(values, axis=-1, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + _EPSILON)
