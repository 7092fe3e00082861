"""Where a dataset that drops tokens itself meets the model that it drops them for."""

from typing import Any


def connect(dataset: Any, model: Any, *, summary_every: int | None) -> None:
    """Tells the dataset which patches the model reads, if it wants to know (`host_drop_token`).

    All that the dataset needs (rate, patch, grid, draw) is the model's own, so the two can not disagree.

    Args:
        dataset, model: as in `vatt/protocols.py`.
        summary_every: of `Logging`.
    """
    if not getattr(dataset, "host_drop_token", False):
        return
    if summary_every is not None:
        raise ValueError(
            "`Logging.summary_every` shows whole clips. Received: summary_every="
            f"{summary_every} with `host_drop_token`, which leaves parts of them. Leave one of the two out."
        )
    if not hasattr(model, "patches_read"):
        raise ValueError(
            "`host_drop_token` needs a model that says which patches it reads (`patches_read`). Received: a "
            f"{type(model).__name__}. Leave it out: the model drops tokens itself."
        )
    dataset.send_patches(model.patches_read())
