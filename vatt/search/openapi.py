"""The addresses of `vatt serve` in OpenAPI 3.1, from which clients can be generated."""

from typing import Any

import vatt
from vatt.search.answer import FOUND_BY, MOST_FOR_PROGRAMS, TARGETS
from vatt.search.asking import DEFAULT_COUNT

_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_ADDRESS = {"type": ["string", "null"], "description": "an address of this server"}
_PROBABILITY = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_HIT = {
    "file": {"type": "string", "description": "path within the indexed folder"},
    "start_seconds": _NUMBER,
    "end_seconds": _NUMBER,
    "score": {"type": ["number", "null"], "description": "cosine; null where only a caption found it"},
    "probability": _PROBABILITY | {"description": "null where the index has no calibration"},
    "found_by": {"type": "array", "items": {"enum": list(FOUND_BY)}},
    "caption": _TEXT,
    "is_heard": {"type": "boolean", "description": "whether that caption is a transcript by an engine"},
    "row": {"type": "integer", "description": "the number of its best window"},
    "thumbnail": _ADDRESS,
    "whole": _ADDRESS,
    "window": {"type": "string"},
    "has_video": {"type": "boolean"},
}
_ANSWER = {
    "asked": _TEXT,
    "modality": {"enum": ["text", *TARGETS]},
    "found_by": {"enum": list(FOUND_BY)},
    "notes": {"type": "array", "items": _TEXT, "description": "what the asker should know"},
    "hits": {"type": "array", "items": {"$ref": "#/components/schemas/Hit"}},
}
_OPTIONS = {
    "by": {"enum": list(FOUND_BY), "description": "what of the windows is compared"},
    "count": {"type": "integer", "minimum": 1, "maximum": MOST_FOR_PROGRAMS, "default": DEFAULT_COUNT},
    "one_per_file": {"type": "boolean", "default": False},
    "at_least": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "probability that a scene must have",
    },
    "windows": {"type": "boolean", "default": False, "description": "windows, not joined to scenes"},
    "approximate": {
        "type": "boolean",
        "default": False,
        "description": "lists of near windows are searched, not all; `vatt index --approximate` makes them",
    },
}
_BY_TEXT = {"text": {"type": "string", "description": "what is looked for"}}
_BY_FILE = {
    "file": {"type": "string", "format": "binary", "description": "a video, an audio file or an image"},
    "modality": {"enum": list(TARGETS), "default": TARGETS[0], "description": "what of the file is compared"},
}
_ERRORS = {
    "400": "a field is wrong, or the file can not be decoded",
    "401": "the token is missing",
    "403": "another host, or another page",
    "408": "the request was too slow",
    "411": "the request does not state its length",
    "413": "the request is too large",
    "415": "no media file, or neither JSON nor a form",
    "503": "too many files are being decoded; `Retry-After` says when to try again",
}


def description() -> dict[str, Any]:
    """The whole description."""
    number = {"in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}
    row = number | {"name": "row", "description": "`row` of a hit"}
    file = number | {"name": "number", "description": "as in `whole` of a hit"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "VATT search", "version": vatt.__version__},
        "security": [{"token": []}, {}],
        "paths": {
            "/search": {"post": _search()},
            "/file/{number}": {"get": _get("file", "A file of the index, or a range of it", "*/*", file)},
            "/window/{row}.mp4": {"get": _get("window", "A window as MP4", "video/mp4", row)},
            "/thumbnail/{row}.jpg": {"get": _get("thumbnail", "Frames of a window", "image/jpeg", row)},
            "/health": {"get": _get("health", "That the server answers", "application/json")},
            "/metrics": {"get": _get("metrics", "Counts for Prometheus", "text/plain")},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Answer": _object(_ANSWER),
                "Hit": _object(_HIT),
                "Error": _object({"error": _TEXT}),
            },
        },
    }


def _search() -> dict[str, Any]:
    by_text = _object(_BY_TEXT | _OPTIONS, required=["text"])
    by_file = _object(_BY_FILE | _OPTIONS, required=["file"])
    return {
        "operationId": "search",
        "summary": "The scenes that are nearest to a text or a file, best first",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": by_text},
                "multipart/form-data": {"schema": by_file},
            },
        },
        "responses": _responses("application/json", {"$ref": "#/components/schemas/Answer"}),
    }


def _get(name: str, summary: str, kind: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object"} if kind == "application/json" else {"type": "string"}
    if not kind.startswith(("application/json", "text/")):
        schema["format"] = "binary"
    found = {"operationId": name, "summary": summary, "responses": _responses(kind, schema)}
    return found | ({"parameters": list(parameters)} if parameters else {})


def _responses(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    good = {"200": {"description": "the answer", "content": {kind: {"schema": schema}}}}
    missing = {"404": {"description": "there is no such window or file, or it has changed", "content": error}}
    return good | missing | {code: {"description": why, "content": error} for code, why in _ERRORS.items()}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }
