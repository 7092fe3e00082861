"""From a raw signal to the sequence that an encoder reads: patches, positions, DropToken, AGG (paper 3.1).

A tokenizer owns all that is specific to a modality; what follows it, the encoder, knows none. That is why the
modality-agnostic model is nothing but three tokenizers in front of one encoder (paper 3).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from vatt.layers.aggregate import AggregateToken
from vatt.layers.configured import Configured
from vatt.layers.drop_token import DropToken, take_tokens, tokens_kept
from vatt.layers.dropout import Dropout
from vatt.layers.feed_forward import ACTIVATIONS
from vatt.layers.patches import PatchEmbedding
from vatt.layers.positions import FactorisedPositions
from vatt.spec import PatchesRead, patch_grid


class SignalTokenizer(Configured, keras.layers.Layer):
    """Patches of a signal as a sequence: patch map → (projection) → positions → DropToken → AGG.

    The base of the tokenizers of voxels, waveforms and spectrograms, which say what the axes of the signal
    are.

    Args:
        sizes: size of the signal along each axis, for which there are positions; None: the paper's. A
            signal of another size meets interpolated ones.
        patch: size of a patch along each axis; None: the paper's.
        edge: "pad" or "drop", see `PatchEmbedding`.
        projection: whether a dense layer D → D with exact gelu follows the patch map (modality-agnostic
            release).
        energy_share: share of the features that are log energies in quadrature, see `PatchEmbedding`. Our
            addition, for waveforms: a linear map does not tell a tone from its phase.
        patch_initializer: Keras initializer of the patch map, e.g. `CosineBasis`; None: Glorot's. It is not
            part of the configuration.
        positions: `FactorisedPositions`; None: the default ones.
        dropout_rate: dropout on tokens after their positions were added.
        drop_token: `DropToken` in training; None keeps all tokens.

    Input: [B, *sizes, channels] or, for one channel, [B, *sizes]; or patches that the host chose, [B, N,
    values of a patch], and their places `kept`, int32 [B, N]. Output: the tokens [B, 1 + N, D], AGG first,
    and None, as no token is padding.

    `build(width)` makes the weights for D features of a token.
    """

    axes: tuple[str, ...]
    channels: int
    paper_sizes: tuple[int, ...]
    paper_patch: tuple[int, ...]

    aggregates = True  # AGG stands in front

    not_in_config = ("patch_initializer",)

    def __init__(
        self,
        *,
        sizes: Sequence[int] | None = None,
        patch: Sequence[int] | int | None = None,
        edge: str = "pad",
        projection: bool = False,
        energy_share: float = 0.0,
        patch_initializer: Callable | None = None,
        positions: FactorisedPositions | None = None,
        dropout_rate: float = 0.1,
        drop_token: DropToken | None = None,
        name: str = "tokenizer",
        dtype: Any = None,
    ) -> None:
        # The signal is cast when its patches are cut: a waveform in bfloat16 would spoil a spectrogram.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.sizes = tuple(sizes or self.paper_sizes)
        self.patch = (patch,) if isinstance(patch, int) else tuple(patch or self.paper_patch)
        self.edge = edge
        self.projection = projection
        self.energy_share = energy_share
        self._patch_initializer = patch_initializer
        self.positions = positions or FactorisedPositions(dtype=dtype)
        self.dropout_rate = dropout_rate
        self.drop_token = drop_token
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    def build(self, width: int) -> None:
        self.patches = PatchEmbedding(
            patch=self.patch,
            channels=self.channels,
            width=width,
            edge=self.edge,
            energies=round(self.energy_share * width),
            initializer=self._patch_initializer,
            name="patches",
            dtype=self.dtype_policy,
        )
        self.agg = AggregateToken(width=width, name="aggregate", dtype=self.dtype_policy)
        self.project = None
        if self.projection:
            self.project = keras.layers.Dense(width, name="projection", dtype=self.dtype_policy)
            self.project.build((None, None, width))
        self.positions.build(grid=self.grid, axes=self.axes, width=width)
        for layer in (self.patches, self.dropout, self.drop_token, self.agg):
            if layer is not None:
                layer.build()

    @property
    def grid(self) -> tuple[int, ...]:
        """Positions along each axis."""
        return self.grid_of(self.sizes)

    def grid_of(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Tokens along each axis of a signal of these sizes, whatever it has positions for."""
        return patch_grid(self.patched_sizes(sizes), self.patch, self.edge)

    def patched_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Size along each axis of what patches are cut from, for a signal of these sizes."""
        return tuple(sizes)

    def prepare(self, signal: Any) -> Any:
        """The signal [B, *sizes, channels] that patches are cut from."""
        return signal[..., None] if len(signal.shape) == len(self.sizes) + 1 else signal

    def call(self, signal: Any, training: bool = False, kept: Any = None) -> tuple[Any, None]:
        signal = ops.cast(self.prepare(signal) if kept is None else signal, self.compute_dtype)
        tokens = self.tokens(signal, training=training, kept=kept)
        return self.agg(self.dropout(tokens, training=training)), None

    def tokens(self, signal: Any, training: bool = False, kept: Any = None) -> Any:
        """Tokens with their positions, without AGG: all of them, in training those that DropToken keeps."""
        if kept is not None:
            patches, positions = signal, self.positions(grid=self.grid)
        else:
            patches, grid = self.cut(signal)
            positions = self.positions(grid=grid)
            if self.drop_token is not None:
                kept = self.drop_token.kept_indices(patches, self.patch[0], training=training)
            if kept is not None:
                # A token is made from its patch and its position alone, so a dropped one need not be made.
                patches = take_tokens(patches, kept)
        if kept is not None:
            positions = ops.take(positions, kept, axis=0)
        tokens = self.patches(patches)
        if self.project is not None:
            tokens = ACTIVATIONS["gelu"][0](self.project(tokens))
        return tokens + positions

    def cut(self, signal: Any) -> tuple[Any, tuple[int, ...]]:
        """The patches of a prepared signal, [B, N, values of a patch], and their grid."""
        patches = self.patches.cut(signal)
        grid = tuple(patches.shape[1:-1])
        return ops.reshape(patches, (-1, math.prod(grid), patches.shape[-1])), grid

    @property
    def patches_read(self) -> PatchesRead | None:
        """What training reads of a signal, for a host to send nothing else; None where it must send all, as
        where `prepare` makes another signal.
        """
        salt = None if self.drop_token is None else self.drop_token.clip_salt
        if not self.drop_rate or salt is None or type(self).prepare is not SignalTokenizer.prepare:
            return None
        return PatchesRead(
            sizes=self.sizes,
            patch=self.patch,
            edge=self.edge,
            count=self.kept_of(math.prod(self.grid)),
            values=math.prod(self.patch) * self.channels,
            salt=salt,
        )

    @property
    def drop_rate(self) -> float:
        """Share of the tokens that training drops."""
        return 0.0 if self.drop_token is None else self.drop_token.rate

    def kept_of(self, tokens: int, rate: float | None = None) -> int:
        """Tokens that training keeps of this number, at DropToken's rate or at another."""
        if self.drop_token is None or rate is not None:
            return tokens_kept(tokens, rate or 0.0)
        return tokens_kept(tokens, self.drop_token.rate, self.drop_token.round_to)
