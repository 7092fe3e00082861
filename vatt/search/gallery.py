"""Search results as one self-contained HTML page: frames, times, scores."""

import base64
from collections.abc import Sequence
from pathlib import Path

from vatt.embed.cli import clock
from vatt.report.document import render, write_whole
from vatt.report.gallery import waveform
from vatt.report.markup import Markup
from vatt.search.answer import Found, Hit
from vatt.search.index import Index
from vatt.search.query import Query
from vatt.search.thumbnail import Thumbnail

ASKED_WITH = {
    "text": "text",
    "video": "the video of a file",
    "audio": "the audio of a file",
    "copy": "an excerpt",
}
FOUND_BY = {
    "video": "their video",
    "audio": "their audio",
    "captions": "their captions",
    "copy": "their frames",
}


def write_gallery(
    path: Path, index: Index, query: Query, found: Found, thumbnails: Sequence[Thumbnail]
) -> None:
    """Writes the page, whole or not at all."""
    write_whole(build_gallery(index, query, found, thumbnails), path)


def build_gallery(index: Index, query: Query, found: Found, thumbnails: Sequence[Thumbnail]) -> str:
    """The page as text; `thumbnails` are those of the hits, in their order."""
    return render(
        "search/gallery.html",
        title=f"{query.shown} · VATT search",
        query=query.shown,
        asked_with=ASKED_WITH[query.modality],
        found_by=FOUND_BY[found.target],
        index=index,
        notes=found.notes,
        hits=[_hit(hit, thumbnail) for hit, thumbnail in zip(found.hits, thumbnails, strict=True)],
    )


def _hit(hit: Hit, thumbnail: Thumbnail) -> dict[str, str | Markup | None]:
    jpeg = base64.b64encode(thumbnail.jpeg).decode("ascii") if thumbnail.jpeg else ""
    return {
        "name": hit.place.name,
        "source": f"data:image/jpeg;base64,{jpeg}" if jpeg else None,
        "reason": thumbnail.reason,
        "audio": waveform(thumbnail.envelope, "Waveform") if thumbnail.envelope else None,
        "score": in_numbers(hit),
        "caption": hit.caption,
        "times": times(hit),
    }


def times(hit: Hit) -> str:
    """ "0:03.2 to 0:06.4"."""
    return f"{clock(hit.start_seconds)} to {clock(hit.end_seconds)}"


def in_numbers(hit: Hit) -> str:
    """Cosine, and probability where it is known: "0.861 (93 %)"; "-" for a hit by its caption alone."""
    score = "-" if hit.score is None else f"{hit.score:.3f}"
    return score if hit.probability is None else f"{score} ({100 * hit.probability:.0f} %)"
