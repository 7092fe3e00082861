"""What holds of a source as a whole, where only its pieces are known.

A video is cut into records, and a stretch of silence or a minute without a word is no defect of it: it counts
what the best of its records has.
"""

import numpy as np

ABSENT, USELESS, USEFUL = 0, 1, 2  # what a record has of audio, or of captions


def best_of_sources(records: np.ndarray, field: str) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each source of `shard.RECORD_HASHES`, and the highest value that its records have of a
    field with `ABSENT`, `USELESS` and `USEFUL`. A record whose source is not known is one by itself.
    """
    known = records["source"] != 0
    sources = np.where(known, records["source"], np.arange(1, len(records) + 1).astype("<u8"))
    _, first, number = np.unique(sources, return_index=True, return_inverse=True)
    best = np.zeros(len(first), np.uint8)
    np.maximum.at(best, number, records[field])
    return first, best
