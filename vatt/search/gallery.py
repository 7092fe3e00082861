"""What a search found as one HTML page that needs nothing but itself: pictures, times, scores."""

import base64
from collections.abc import Sequence
from pathlib import Path

from vatt.embed.cli import clock
from vatt.report.document import whole_page
from vatt.report.gallery import waveform
from vatt.report.markup import Markup, element
from vatt.search.index import Index
from vatt.search.query import Found, Hit, Query
from vatt.search.thumbnail import Thumbnail
from vatt.whole_file import whole_file

CARDS_STYLE = """
.hits { list-style: none; display: grid; gap: 14px; margin: 20px 0; padding: 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); align-items: start; }
.hit { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
.hit img, .hit video { display: block; width: 100%; height: auto; background: var(--track); }
.hit .waveform { display: block; width: 100%; height: 32px; }
.hit .absent { padding: 28px 14px; }
.hit .about { padding: 8px 14px 12px; display: grid; grid-template-columns: auto 1fr auto; gap: 0 10px;
  align-items: baseline; font-variant-numeric: tabular-nums; }
.hit .about b { grid-row: span 2; color: var(--quiet); font-weight: 600; }
.hit .about .name { overflow-wrap: anywhere; font-weight: 600; }
.hit .about .times { color: var(--quiet); font-size: 0.8125rem; grid-column: 2; }
.hit .sound { padding: 6px 14px 0; }
.asks { font-size: 1.9rem; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
"""
ASKED_WITH = {"text": "words", "video": "the pictures of a file", "audio": "the sound of a file"}
FOUND_BY = {"video": "their pictures", "audio": "their sound"}


def write_gallery(
    path: Path, index: Index, query: Query, found: Found, pictures: Sequence[Thumbnail]
) -> None:
    """Writes the page, whole or not at all."""
    with whole_file(path) as file:
        file.write(build_gallery(index, query, found, pictures).encode("utf-8", "replace"))


def build_gallery(index: Index, query: Query, found: Found, pictures: Sequence[Thumbnail]) -> str:
    """The page as text; `pictures` are those of the hits, in their order."""
    about = (
        f"Asked with {ASKED_WITH[query.modality]}; windows found by {FOUND_BY[found.target]}, the nearest "
        f"first. {index.rows} windows of {len(index.files)} files in {index.root}. Scores are cosines."
    )
    hits = [
        _card(number, hit, picture)
        for number, (hit, picture) in enumerate(zip(found.hits, pictures, strict=True), start=1)
    ]
    parts = [
        element("p", "VATT search", class_="overline"),
        element("h1", query.shown, class_="asks"),
        element("p", about, class_="note"),
        [element("p", f"Note: {note}.", class_="note") for note in found.notes],
        element("ol", hits, class_="hits"),
    ]
    return whole_page(f"{query.shown} · VATT search", parts, style=CARDS_STYLE)


def _card(number: int, hit: Hit, picture: Thumbnail) -> Markup:
    place = hit.place
    shown = element("div", picture.reason or "no pictures", class_="absent")
    if picture.jpeg:
        source = f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode('ascii')}"
        shown = element("img", src=source, alt=f"Pictures of {place.name}")
    sound = None
    if picture.envelope:
        sound = element("div", waveform(list(picture.envelope), "Outline of the sound"), class_="sound")
    about = element(
        "div",
        element("b", number),
        element("span", place.name, class_="name"),
        element("span", f"{hit.score:.3f}"),
        element("span", times(hit), class_="times"),
        class_="about",
    )
    return element("li", shown, sound, about, class_="hit")


def times(hit: Hit) -> str:
    """ "0:03.2 to 0:06.4"."""
    return f"{clock(hit.place.start_seconds)} to {clock(hit.place.end_seconds)}"
