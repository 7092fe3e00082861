"""An encoder that reads a signal or words itself: the base of ConvNets and of the linear text branch."""

from collections.abc import Callable, Mapping

import keras

from vatt.layers.configured import Configured
from vatt.layers.transformer_encoder import TOKENS


class StageEncoder(Configured, keras.layers.Layer):
    """What ConvNets and `LinearText` share: they have stages where a Transformer has blocks.

    A subclass has `width`, the features of its outputs.
    """

    width: int

    @property
    def summary(self) -> str:
        """Its kind and the features of its outputs, in a few characters."""
        return f"{type(self).__name__} {self.width}"

    def check_collect(self, collect: Mapping[str, Callable] | None) -> None:
        """Raises ValueError where intermediates are asked for that only a Transformer has."""
        unknown = sorted(set(collect or ()) - {TOKENS})
        if unknown:
            raise ValueError(
                f"A {type(self).__name__} has no {', '.join(unknown)}: it has neither attention nor "
                f"feed-forward networks. Ask for {TOKENS!r}, or for a Transformer's."
            )
