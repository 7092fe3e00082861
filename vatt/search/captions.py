"""What is said in the files of an index: their captions, in a full-text index (SQLite FTS5).

A text finds the captions that have all of its words, in any form that stems alike ("plays", "playing").
"""

import contextlib
import dataclasses
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from vatt.prepare.caption_files import CaptionFiles
from vatt.prepare.captions import Caption
from vatt.prepare.planning import Planning
from vatt.prepare.walk import Walk
from vatt.search.sqlite import require_full_text, sqlite3

FILE_NAME = "captions.sqlite"
_WORD = re.compile(r"\w+")
_MOST_WORDS = 64  # of a text that are looked for


@dataclasses.dataclass(frozen=True, kw_only=True)
class Said:
    """A caption that was found."""

    number: int  # of the file in the index
    start_seconds: float
    end_seconds: float  # infinite for a text that describes all of the file
    text: str


def captions_of(walk: Walk, root: Path) -> dict[Path, tuple[Caption, ...]]:
    """The captions of each media file that has some; says which caption files were not used, and why."""
    planning = Planning(left_out=walk.left_out)
    files = CaptionFiles(walk.folders, root, planning, within=root)
    media = walk.media
    read = dict(zip(media, files.read([(path,) for path in media]), strict=True))
    files.account(walk.captions)
    planning.report()
    return {path: captions for path, captions in read.items() if captions}


def write_captions(path: Path, captions: Iterable[tuple[int, Caption]]) -> None:
    """Writes (number of the file, caption) to a new full-text index."""
    require_full_text()
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode = OFF")
        base.execute(
            "CREATE VIRTUAL TABLE captions USING fts5(text, number UNINDEXED, start UNINDEXED, "
            "stop UNINDEXED, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        base.executemany(
            "INSERT INTO captions VALUES (?, ?, ?, ?)",
            (
                (text, number, start, None if math.isinf(end) else end)
                for number, (start, end, text) in captions
            ),
        )
        base.commit()


class Captions:
    """A full-text index, for reading; any number of threads may ask."""

    def __init__(self, path: Path):
        self._address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"

    def find(self, words: Sequence[str], count: int) -> list[Said]:
        """Captions with all of these words, the best first (BM25), ties in the order of the index."""
        terms = [term for word in words for term in _WORD.findall(word)][:_MOST_WORDS]
        if not terms:
            return []
        with contextlib.closing(sqlite3.connect(self._address, uri=True)) as base:
            found = base.execute(
                "SELECT number, start, stop, text FROM captions WHERE captions MATCH ? "
                "ORDER BY rank, rowid LIMIT ?",
                (" ".join(f'"{term}"' for term in terms), count),
            ).fetchall()
        return [
            Said(number=number, start_seconds=start, end_seconds=math.inf if end is None else end, text=text)
            for number, start, end, text in found
        ]
