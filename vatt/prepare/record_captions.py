"""Deals the captions of a clip out to its records, and says which of them lie within none."""

import heapq
import math
import unicodedata
from collections.abc import Sequence

from vatt.prepare.captions import Caption

# Captions kept on either side of a segment: the paper's five (A.2.1) nearest to any window of it are among
# those that overlap it, the five before and the five after.
_NEIGHBOURS = 5
MAX_RECORD_BYTES = 1 << 20  # of captions in one record: the words of a day
_CAPTION_BYTES = 16  # that each takes besides its text


class ClipCaptions:
    """The captions of one clip; `with_neighbours`: a record has those before and after it too."""

    def __init__(self, captions: Sequence[Caption], *, with_neighbours: bool):
        # A letter and its accent become one character: as two they would make another word, and TensorFlow's
        # string ops, which cut captions into words, can not join them.
        self._captions = [(start, end, unicodedata.normalize("NFC", text)) for start, end, text in captions]
        self._with_neighbours = with_neighbours
        self._dealt: set[int] = set()  # numbers of those that overlap some record
        self._cut = 0

    def within(self, start: float, end: float) -> tuple[list[Caption], tuple[str, ...]]:
        """(the captions of a record, texts of those within it), in order; times in seconds of the file."""
        # What describes the whole file describes each of its records from end to end.
        known = [(start, end, text) if math.isinf(to) else (at, to, text) for at, to, text in self._captions]
        numbers = [n for n, (at, to, _) in enumerate(known) if to >= start and at <= end]
        self._dealt.update(numbers)
        within = self._fitting([known[number] for number in numbers])
        if self._with_neighbours and len(within) == len(numbers):
            return with_neighbours(known, start, end), tuple(text for _, _, text in within)
        return within, tuple(text for _, _, text in within)

    def warnings(self, start: float, end: float | None) -> list[str]:
        """What was lost of the part of the file that is wanted, in words; when the last record has its
        captions.
        """
        lost = [
            at
            for number, (at, to, _) in enumerate(self._captions)
            if number not in self._dealt and to >= start and (end is None or at < end)
        ]
        warnings = []
        if lost:
            kept = "are in records as neighbours at most" if self._with_neighbours else "are in no record"
            warnings.append(
                f"{len(lost)} of {len(self._captions)} captions are where the file has no media, such as at "
                f"{min(lost):.1f} s, and {kept}"
            )
        if self._cut:
            warnings.append(
                f"{self._cut} times a caption was left out of a record that has more than "
                f"{MAX_RECORD_BYTES / 2**20:.0f} MiB of them"
            )
        return warnings

    def _fitting(self, captions: list[Caption]) -> list[Caption]:
        """As many of them, from the first on, as a record may have."""
        used = 0
        for number, (_, _, text) in enumerate(captions):
            used += _CAPTION_BYTES + len(text.encode())
            if used > MAX_RECORD_BYTES:
                self._cut += len(captions) - number
                return captions[:number]
        return captions


def with_neighbours(captions: Sequence[Caption], start: float, end: float) -> list[Caption]:
    """The captions that overlap [start, end], and the nearest before and after it by their midpoints.

    They keep their order, and of equally near ones the earlier in that order are taken, as the pipeline does
    when it looks for those nearest to a window.
    """

    def midpoint(number: int) -> float:
        return (captions[number][0] + captions[number][1]) / 2

    numbers = range(len(captions))
    overlapping = {n for n in numbers if captions[n][1] >= start and captions[n][0] <= end}
    before = (n for n in numbers if midpoint(n) < start)
    after = (n for n in numbers if midpoint(n) > end)
    chosen = overlapping.union(
        heapq.nsmallest(_NEIGHBOURS, before, key=lambda n: (-midpoint(n), n)),
        heapq.nsmallest(_NEIGHBOURS, after, key=lambda n: (midpoint(n), n)),
    )
    return [captions[n] for n in sorted(chosen)]
