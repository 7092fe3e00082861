"""Clips that are there twice, above all once for training and once for testing.

Hashes of all records are compared at once, a few dozen bytes each. Clips that only look alike (encoded again,
cut a little otherwise) are proposed by fingerprints of their frames and confirmed by reading them again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from vatt.prepare.doctor.clip_record import ClipRecord
from vatt.prepare.doctor.findings import ERROR, WARNING, Check, Findings, Place
from vatt.prepare.doctor.frames import JpegError, read_jpeg

DUPLICATE = Check(
    name="duplicate",
    severity=WARNING,
    rule="No two clips of a split may have the same frames and audio.",
    way_out="Leave one of them out: training sees it more often, and a test counts it twice.",
)
LEAKAGE = Check(
    name="leakage",
    severity=ERROR,
    rule="No clip for training may be in another split.",
    way_out="Remove it from one of the splits: results on such a test mean nothing.",
)
LOOK_ALIKE = Check(
    name="leakage-look-alike",
    severity=WARNING,
    rule="No clip for training may look like one of another split.",
    way_out="Compare both. The same video at another size or quality belongs into one split.",
)
SOURCE = Check(
    name="leakage-source",
    severity=WARNING,
    rule="Clips of one source must be in one split.",
    way_out="Split by source (video, speaker, place), not by clip: pieces of one video resemble each other.",
)

_ODD = np.uint64(0x9E3779B97F4A7C15)  # makes one hash of two, in which their order counts
_MOST_CANDIDATES = 1000  # pairs that are read again
_MATCHES_COMPARED = 8  # training rows with half a fingerprint in common, for each other row
_LEAST_BITS = 4  # of 32: half a fingerprint with fewer edges is shared by too many frames
_MOST_BITS_APART = 24  # of 192
_SMALL_SIZE = (24, 24)
_MOST_DIFFERENCE = 8.0  # grey levels of 255, on average over a frame: more is another frame


def compare(
    hashes: np.ndarray,
    split_of_shard: Sequence[str],
    training: str,
    read: Callable[[np.void], tuple[ClipRecord, Place]],
    findings: Findings,
) -> None:
    """Finds clips that are there more than once.

    Args:
        hashes: `shard.RECORD_HASHES` of all records.
        split_of_shard: by number of the shard.
        training: name of the training split.
        read: the clip of a row of `hashes`, and where it is.
        findings: where to put what is found.
    """
    split_of = np.array(split_of_shard)[hashes["shard"]]
    is_training = split_of == training
    leaked = set()  # rows of other splits: each is reported once, by the check that is most certain

    def report(check: Check, what: str, row: int, first: int) -> None:
        if findings.takes_places(check):
            findings.add(check, f"{what} as {read(hashes[first])[1]}", read(hashes[row])[1])
        else:
            findings.add(check, what)

    def leak(check: Check, what: str, rows: np.ndarray) -> None:
        ours, theirs = rows[is_training[rows]], rows[~is_training[rows]]
        for row in theirs if len(ours) else ():
            if row not in leaked:
                leaked.add(int(row))
                report(check, what, row, ours[0])

    has_fingerprint = hashes["fingerprints"].any(axis=1)  # all black or all white frames are no duplicates
    content = hashes["frames"] * _ODD + hashes["audio"]
    for rows in _groups(content, has_fingerprint | (hashes["audio"] != 0)):
        leak(LEAKAGE, "the same frames and audio", rows)
        for split in np.unique(split_of[rows]):
            first, *others = rows[split_of[rows] == split]
            for row in others:
                report(DUPLICATE, "the same frames and audio", row, first)
    for rows in _groups(hashes["frames"], has_fingerprint):
        leak(LEAKAGE, "the same video, with other audio,", rows)
    for ours, theirs in _look_alikes(hashes["fingerprints"], is_training):
        if theirs not in leaked and _is_alike(read(hashes[ours])[0], read(hashes[theirs])[0]):
            leak(LOOK_ALIKE, "looks the same", np.array([ours, theirs]))
    for rows in _groups(hashes["source"], hashes["source"] != 0):
        leak(SOURCE, "the same source", rows)


def _groups(keys: np.ndarray, is_valid: Any) -> Iterator[np.ndarray]:
    """Rows of equal keys, where there are several; in the order of their first rows."""
    valid = np.flatnonzero(is_valid)
    _, number, counts = np.unique(keys[valid], return_inverse=True, return_counts=True)
    repeated = valid[counts[number] > 1]
    by_key = np.argsort(number[counts[number] > 1], kind="stable")
    bounds = np.flatnonzero(np.diff(number[counts[number] > 1][by_key])) + 1
    groups = [group for group in np.split(repeated[by_key], bounds) if len(group)]
    yield from sorted(groups, key=lambda group: group[0])


def _look_alikes(fingerprints: np.ndarray, is_training: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of a training row and another that may look alike; a bounded number of them.

    Encoding a frame again turns a few of its fingerprint's bits. So rows are compared that share half a
    frame's fingerprint, and proposed if few of all bits differ.
    """
    halves = np.ascontiguousarray(fingerprints).view("<u4")  # [rows, 6]
    ours, theirs = np.flatnonzero(is_training), np.flatnonzero(~is_training)
    found = set()
    for place in range(halves.shape[1]):
        ranked = ours[np.argsort(halves[ours, place], kind="stable")]
        values = halves[ranked, place]
        first = np.searchsorted(values, halves[theirs, place], "left")
        behind = np.searchsorted(values, halves[theirs, place], "right")
        is_distinct = (np.bitwise_count(halves[theirs, place]) >= _LEAST_BITS) & (behind > first)
        for number in np.flatnonzero(is_distinct):
            row, end = theirs[number], min(behind[number], first[number] + _MATCHES_COMPARED)
            for match in ranked[first[number] : end]:
                if np.bitwise_count(fingerprints[row] ^ fingerprints[match]).sum() <= _MOST_BITS_APART:
                    found.add((int(match), int(row)))
            if len(found) >= _MOST_CANDIDATES:
                break
    yield from sorted(found, key=lambda pair: pair[::-1])


def _is_alike(left: ClipRecord, right: ClipRecord) -> bool:
    """Whether two clips show the same at a quarter, half and three quarters of their lengths."""
    if not left.jpegs or not right.jpegs:
        return False
    for share in (0.25, 0.5, 0.75):
        try:
            shown = [_small(clip.jpegs[int(share * len(clip.jpegs))]) for clip in (left, right)]
        except JpegError:
            return False
        if np.abs(shown[0] - shown[1]).mean() > _MOST_DIFFERENCE:
            return False
    return True


def _small(jpeg: bytes) -> np.ndarray:
    """float32 [24, 24, 3] in [0, 255]."""
    _, frame = read_jpeg(jpeg, "RGB")
    return np.asarray(frame.resize(_SMALL_SIZE, Image.Resampling.BOX), np.float32)
