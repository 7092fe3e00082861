"""Products of rows and kernels: engines offer a faster one, layers use it."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

from keras import ops

from vatt.protocols import Tensor

_made = contextvars.ContextVar("made", default=ops.matmul)


@contextlib.contextmanager
def made_by(function: Callable[[Tensor, Tensor], Tensor] | None) -> Iterator[None]:
    """Inside, `product` is this function of rows [..., D] and a kernel [D, F]; None changes nothing."""
    token = _made.set(function or _made.get())
    try:
        yield
    finally:
        _made.reset(token)


def product(rows: Tensor, kernel: Tensor) -> Tensor:
    """Rows [..., D] times a kernel [D, F]: [..., F], of the rows' dtype."""
    return _made.get()(rows, kernel)
