"""The fraction of examples that are neither masked nor constant: it detects dead data (every text masked,
constant audio) apart from a hard task.

Computed inside the compiled step, since the host never holds a batch.
"""

from typing import Any

from keras import ops

from vatt import spec
from vatt.engines.protocol import LIVE_DATA
from vatt.protocols import Batch


def live_shares(batch: Batch, replicas: int) -> dict[str, Any]:
    """This replica's part of each modality's live share: the parts of all replicas add up to it.

    Args:
        batch: a replica's rows, feature name -> `[B / replicas, ...]`.
        replicas: among which the global batch is split.

    Returns:
        "data/video", "data/audio", "data/text", as far as the batch has them: float32 scalars in [0, 1], the
        share of clips whose mask is set (for text: any) and whose values differ among themselves.
    """
    shares = {}
    for modality, mask in spec.MASKS.items():
        if modality not in batch:
            continue
        values = ops.reshape(batch[modality], (batch[modality].shape[0], -1))
        live = ops.max(values, axis=1) > ops.min(values, axis=1)
        if mask in batch:
            masks = ops.reshape(batch[mask], (values.shape[0], -1))
            live &= ops.max(masks, axis=1) > 0
        shares[LIVE_DATA + modality] = ops.mean(ops.cast(live, "float32")) / replicas
    return shares
