"""What was counted on the way: the facts of a set, added up over shards without keeping any record."""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any


@dataclasses.dataclass
class Tally:
    """Counts of one shard, one split or a whole set."""

    # by name: "clips", "with_video", "with_audio", "audible", "with_captions", "with_labels", "captions",
    # "captions_inside", "words", "unknown_words", "frames"
    counts: Counter = dataclasses.field(default_factory=Counter)
    # by name: "video", "audio", "digital_silence"; a Counter, of floats
    seconds: Any = dataclasses.field(default_factory=Counter)
    frame_sizes: Counter = dataclasses.field(default_factory=Counter)  # clips by (width, height), pixels
    frame_rates: Counter = dataclasses.field(default_factory=Counter)  # clips by frame rate, Hz
    audio_rates: Counter = dataclasses.field(default_factory=Counter)  # clips by samples a second
    # clips by the loudest sample, in steps of 6 dB below full scale (0: full scale)
    peaks: Counter = dataclasses.field(default_factory=Counter)
    captions_of_clip: Counter = dataclasses.field(default_factory=Counter)  # clips by number of captions
    words_of_caption: Counter = dataclasses.field(default_factory=Counter)  # captions by number of words
    labels: Counter = dataclasses.field(default_factory=Counter)  # clips by label id
    label_texts: Counter = dataclasses.field(default_factory=Counter)  # clips by (label id, text)

    @classmethod
    def total(cls, tallies: Iterable["Tally"]) -> "Tally":
        """The counts of all of them."""
        total = cls()
        for tally in tallies:
            total.add(tally)
        return total

    def add(self, other: "Tally") -> None:
        for field in dataclasses.fields(self):
            getattr(self, field.name).update(getattr(other, field.name))
