"""Operations of a forward pass and of the backward pass after it, and those of the small parts that larger
ones are made of.

The true count is what TensorFlow's profiler counts: two operations for a multiplication with its addition in
a matrix product, one for each element that is added, multiplied or averaged, five for each entry of a
softmax; nothing for erf, for the comparisons of ReLU, or for moving data. The paper's count has the products
alone, of the two in attention only one, and the softmax.
"""

import dataclasses
from typing import Any

from vatt.layers.transformer_encoder import NORMS

OPERATIONS_OF_A_PRODUCT = 2  # a multiplication and an addition
# Per entry, as the profiler has it: subtract, exponentiate, sum, divide, and the maximum.
OPERATIONS_OF_SOFTMAX = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Count:
    """Numbers of operations; they add up, and multiply with a number of rows."""

    products: int = 0  # of matrix products
    mixing: int = 0  # of these, probabilities times values, which the paper leaves out
    # of the matrix products of the backward pass: as many again for the weights and for what came in, where
    # that has a gradient
    backward: int = 0
    # left out where the paper counts them: products of the maps of patches that DropToken drops, and in
    # training of the last block for all tokens but AGG, softmax included
    dropped: int = 0
    softmax: int = 0  # entries of softmaxes
    elementwise: int = 0  # of additions, multiplications and means
    transform: int = 0  # of Fourier transforms, which the profiler does not count

    def __add__(self, other: "Count") -> "Count":
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return Count(**dict(zip(_FIELDS, (a + b for a, b in zip(mine, others, strict=True)), strict=True)))

    def __mul__(self, rows: int) -> "Count":
        return Count(**{name: rows * getattr(self, name) for name in _FIELDS})

    __rmul__ = __mul__

    @property
    def true(self) -> int:
        """All operations of the forward pass."""
        return self.profiled + self.transform

    @property
    def profiled(self) -> int:
        """Those that TensorFlow's profiler counts."""
        return self.products + OPERATIONS_OF_SOFTMAX * self.softmax + self.elementwise

    @property
    def paper(self) -> int:
        """As the paper's tables count a forward pass."""
        return self.products + self.dropped - self.mixing + OPERATIONS_OF_SOFTMAX * self.softmax


_FIELDS = tuple(field.name for field in dataclasses.fields(Count))


def elements(number: int) -> Count:
    """Additions or multiplications of this number of elements."""
    return Count(elementwise=number)


def product(rows: int, contracted: int, columns: int, *, gradients: int = 2) -> Count:
    """[rows, contracted] times [contracted, columns].

    Args:
        gradients: how many of the two factors have one: 1 for a map of raw data, 0 for constants.
    """
    operations = OPERATIONS_OF_A_PRODUCT * rows * contracted * columns
    return Count(products=operations, backward=gradients * operations)


def dense(rows: int, inputs: int, outputs: int, *, use_bias: bool, gradients: int = 2) -> Count:
    """A linear map of `rows` vectors."""
    bias = rows * outputs if use_bias else 0
    return product(rows, inputs, outputs, gradients=gradients) + elements(bias)


def norm(layer: Any, rows: int, width: int) -> Count:
    """A normalisation over the last axis, as Keras computes it."""
    if isinstance(layer, NORMS["rms"]):  # square, mean, two factors
        return elements(rows * (4 * width + 2))
    return elements(rows * (8 * width + 3))  # mean, squares and their mean; gain, offset, x · a + b


# Elements that are added or multiplied for each feature, by the names of `ACTIVATIONS`.
_OF_ACTIVATIONS = {"gelu": 4, "relu": 0, "gated_gelu": 8}


def activation(name: str, features: int) -> Count:
    """One of `vatt.layers.feed_forward.ACTIVATIONS`, the product with the gate included."""
    return elements(_OF_ACTIVATIONS[name] * features)
