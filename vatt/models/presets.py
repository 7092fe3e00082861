"""Transformer sizes of the paper by name (A.2.2)."""

import difflib

from vatt.layers.architecture import Size

SIZES = {
    "small": Size(depth=6, width=512, hidden_width=2048, heads=8),
    "base": Size(depth=12, width=768, hidden_width=3072, heads=12),
    "medium": Size(depth=12, width=1024, hidden_width=4096, heads=16),
    "large": Size(depth=24, width=1024, hidden_width=4096, heads=16),
}


def size_of(size) -> Size:
    """The `Size` meant by a preset's name, a `Size`, or a dict of its fields (as Keras hands it back)."""
    if isinstance(size, Size):
        return size
    if isinstance(size, dict):
        return Size(**size)
    if size in SIZES:
        return SIZES[size]
    closest = difflib.get_close_matches(str(size), SIZES, n=3)
    hint = f" Did you mean {' or '.join(map(repr, closest))}?" if closest else ""
    raise ValueError(
        f"A size must be one of {tuple(SIZES)} or a `Size(depth=…, width=…, hidden_width=…, heads=…)`. "
        f"Received: {size!r}.{hint}"
    )
