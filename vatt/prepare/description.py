"""Writes what makes a directory a prepared set: the vocabulary and, last, dataset.json."""

import shlex
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vatt
from vatt.prepare import writer
from vatt.prepare.holdings import SetHoldings
from vatt.prepare.record import schema_version


def made_by() -> dict[str, str]:
    """What makes a set now, for its description."""
    return {
        "program": "vatt.prepare",
        "version": vatt.__version__,
        "command": shlex.join(sys.argv),
        "date": time.strftime("%Y-%m-%d"),
    }


def write_description(directory: Path, made: SetHoldings, facts: Mapping[str, Any]) -> None:
    """Writes both files; `facts` are name, subset, labels, frame_rate_hz, audio_rate_hz, audio_codec,
    short_side_pixels, fingerprint and made_by.
    """
    words = vocabulary(made.whole.words)
    writer.write_text(directory / writer.VOCABULARY_FILE, "\n".join(words) + "\n")
    description = {
        "schema_version": schema_version(facts["audio_codec"]),
        **facts,
        "splits": {
            split: {"clips": it.records, "clips_with": dict(it.contents), "shards": made.shards[split]}
            for split, it in sorted(made.splits.items())
        },
        "vocabulary": {"file": writer.VOCABULARY_FILE, "size": len(words)},
    }
    writer.write_json(directory / writer.DATASET_FILE, description)


def vocabulary(counts: Counter[str]) -> Sequence[str]:
    """Words by falling frequency, ties in alphabetical order, after the special ones."""
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return [*writer.SPECIAL_WORDS, *ranked[: writer.MAX_WORDS - len(writer.SPECIAL_WORDS)]]
