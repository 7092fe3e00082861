"""From a raw signal to the sequence that an encoder reads: patches, positions, DropToken, AGG (paper 3.1).

A tokenizer owns all that is specific to a modality; what follows it, the encoder, knows none. That is why the
modality-agnostic model is nothing but three tokenizers in front of one encoder (paper 3).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from vatt.layers import draws
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
        sizes: size of the signal along each axis, for which there are positions; None for the paper's. A
            signal of another size meets interpolated ones.
        patch: size of a patch along each axis; None for the paper's.
        edge: "pad" or "drop", see `PatchEmbedding`.
        projection: whether a dense layer D → D with exact gelu follows the patch map (modality-agnostic
            release).
        positions: `FactorisedPositions`; None for the default ones.
        dropout_rate: dropout on tokens after their positions were added.
        drop_token: `DropToken` in training; None keeps all tokens.

    Input: [B, *sizes, channels] or, for one channel, [B, *sizes]; or patches that the host has chosen,
    [B, K, values of a patch], and with them `kept`, their places, int32 [B, K]. Output: the tokens
    [B, 1 + N, D], AGG first, and None, as no token is padding.

    `build(width)` makes the weights for D features of a token.
    """

    axes: tuple[str, ...]
    channels: int
    paper_sizes: tuple[int, ...]
    paper_patch: tuple[int, ...]

    aggregates = True  # AGG stands in front

    def __init__(
        self,
        *,
        sizes: Sequence[int] | None = None,
        patch: Sequence[int] | int | None = None,
        edge: str = "pad",
        projection: bool = False,
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
        signal = signal if kept is not None else self.prepare(signal)
        tokens = self.tokens(ops.cast(signal, self.compute_dtype), training=training, kept=kept)
        return self.agg(self.dropout(tokens, training=training)), None

    def tokens(self, signal: Any, training: bool = False, kept: Any = None) -> Any:
        """Tokens with their positions, without AGG: all of them, in training those that DropToken keeps."""
        if kept is not None:
            return self._token(signal, ops.take(self._own_positions(signal), kept, axis=0))
        patches = self.patches.cut(signal)
        positions = self.positions(grid=tuple(patches.shape[1:-1]))
        patches = ops.reshape(patches, (-1, positions.shape[0], patches.shape[-1]))
        if self.drop_token is not None:
            kept = self.drop_token.kept_indices(ops.shape(patches)[0], positions.shape[0], training=training)
        if kept is not None:
            # Each token is made from its patch and its position alone, so a dropped one need not be made.
            patches, positions = take_tokens(patches, kept), ops.take(positions, kept, axis=0)
        return self._token(patches, positions)

    @property
    def drop_rate(self) -> float:
        """Share of the tokens that training drops."""
        return 0.0 if self.drop_token is None else self.drop_token.rate

    def patches_read(self, draw_key: Callable) -> PatchesRead | None:
        """What training reads of a signal, for a host that sends nothing else; None where that is all of it.

        Args:
            draw_key: function from a clip's draw key to that of this tokenizer's draws.
        """
        if not self.drop_rate:
            return None
        if self.drop_token.pattern != "per_sample":
            raise ValueError(
                "The host chooses the patches of one clip at a time. Received: DropToken.pattern="
                f"{self.drop_token.pattern!r}, which is one pattern for a batch. Use 'per_sample', or leave "
                "`host_drop_token` out."
            )
        tokens = math.prod(self.grid)

        def choose(key: Any) -> Any:
            with draws.keyed(draw_key(key)):
                return self.drop_token.kept_indices(1, tokens, training=True)[0]

        return PatchesRead(
            patch=self.patch,
            grid=self.grid,
            pads=self.edge == "pad",
            count=tokens_kept(tokens, self.drop_rate),
            choose=choose,
        )

    def _own_positions(self, patches):
        """All positions of the grid, for patches chosen by the host."""
        wanted = tokens_kept(math.prod(self.grid), self.drop_rate)
        values = math.prod(self.patch) * self.channels
        if tuple(patches.shape[1:]) != (wanted, values):
            raise ValueError(
                f"{self.path}: patches chosen by the host must be [B, {wanted}, {values}], what DropToken at "
                f"{self.drop_rate} keeps of {self.grid}. Received: shape {tuple(patches.shape)}."
            )
        return self.positions(grid=self.grid)

    def _token(self, patches, positions):
        tokens = self.patches(patches)
        if self.project is not None:
            tokens = ACTIVATIONS["gelu"][0](self.project(tokens))
        return tokens + positions
