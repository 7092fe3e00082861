"""Elementwise functions of large arrays as one pass over memory: engines offer a compiler, layers use it."""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator

from vatt.protocols import Tensor

_compiler: contextvars.ContextVar[Callable[[Callable], Callable] | None] = contextvars.ContextVar(
    "compiler", default=None
)
# From as many numbers on one pass in place of several is worth compiling it.
WORTH_COMPILING = 2**18


@contextlib.contextmanager
def compiling(compiler: Callable[[Callable], Callable]) -> Iterator[None]:
    """Inside, elementwise functions of large arrays are made one pass over memory by `compiler`, which gives
    the same compiled function whenever it is given the same one.
    """
    token = _compiler.set(compiler)
    try:
        yield
    finally:
        _compiler.reset(token)


def compiler_for(x: Tensor) -> Callable[[Callable], Callable] | None:
    """The compiler of the `compiling` block around the caller; None without one, and for a small array or
    one of unknown size."""
    if None in x.shape or math.prod(x.shape) < WORTH_COMPILING:
        return None
    return _compiler.get()
