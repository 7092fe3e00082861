"""Answers as JSON: what the page, the API and the tools of assistants show of them."""

from typing import Any

from vatt.search.answer import Found, Hit
from vatt.search.query import Query


def hit_facts(hit: Hit) -> dict[str, Any]:
    """A scene."""
    return {
        "file": hit.place.name,
        "start_seconds": round(hit.start_seconds, 3),
        "end_seconds": round(hit.end_seconds, 3),
        "score": None if hit.score is None else round(hit.score, 4),
        "probability": None if hit.probability is None else round(hit.probability, 4),
        "found_by": list(hit.found_by),
        "caption": hit.caption,
        "is_heard": hit.is_heard,
        "row": hit.place.row,
    }


def answer_facts(query: Query, found: Found) -> dict[str, Any]:
    """An answer, best scenes first."""
    return {
        "asked": query.shown,
        "modality": query.modality,
        "found_by": found.target,
        "notes": list(found.notes),
        "hits": [hit_facts(hit) for hit in found.hits],
    }
