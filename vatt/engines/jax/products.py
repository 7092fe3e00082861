"""Products of float32 arrays whose factors are rounded to bfloat16 and whose sums are float32, on a CPU.

XLA has fast ones for processors that multiply bfloat16 in hardware, and for them alone: from bfloat16 to
float32, of factors that lie in memory as the product reads them. What is to be read the other way must
therefore be written anew, which takes a layout that XLA may not choose: it would leave the array and turn the
product. From bfloat16 to bfloat16, or turned, they are as slow as those of float32, or are not there at all.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
from jax.experimental.layout import Layout, with_layout_constraint

_PROCESSOR = Path("/proc/cpuinfo")


def are_fast() -> bool:
    """Whether this processor multiplies bfloat16 in hardware."""
    return _PROCESSOR.exists() and "avx512_bf16" in _PROCESSOR.read_text(encoding="utf-8")


def rounded_product(rows: Any, kernel: Any) -> Any:
    """Rows float32 [..., D] times a kernel [D, F], an array or a Keras variable: float32 [..., F]."""
    return _product(rows, keras.ops.convert_to_tensor(kernel))


@jax.custom_vjp
def _product(rows, kernel):
    return _forward(rows, kernel)[0]


def _forward(rows, kernel):
    factors = rows.astype(jnp.bfloat16).reshape(-1, kernel.shape[0]), kernel.astype(jnp.bfloat16)
    return _times(*factors).reshape(*rows.shape[:-1], kernel.shape[1]), factors


def _backward(factors, upstream):
    rows, kernel = factors
    upward = upstream.astype(jnp.bfloat16).reshape(-1, kernel.shape[1])
    of_rows = _times(upward, _as_read(kernel.T)).reshape(*upstream.shape[:-1], kernel.shape[0])
    return of_rows, _times(_as_read(rows.T), upward)


_product.defvjp(_forward, _backward)


def _times(left, right):
    return _as_read(jnp.matmul(left, right, preferred_element_type=jnp.float32))


def _as_read(matrix):
    """A matrix [R, C] with its rows one after the other in memory."""
    return with_layout_constraint(matrix, Layout((0, 1)))
