"""What a request to `/search` asks: as JSON, or as the fields of a form, with a file or without."""

import argparse
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Request

from vatt.arguments import probability
from vatt.search.answer import FOUND_BY, TARGETS, Wanted

MAX_COUNT = 60  # scenes of an answer
DEFAULT_COUNT = 12
FIELDS = ("text", "modality", "by", "count", "one_per_file", "at_least", "windows")
_COUNT = re.compile("[0-9]{1,4}")
_SWITCHES = {"on": True, "true": True, "off": False, "false": False, "": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, checked."""

    text: str
    upload: FileStorage | None  # a file instead of a text
    modality: str  # of the file: what of it is compared
    wanted: Wanted


def read(request: Request) -> Asked:
    """What is asked; the whole of the request has come when this returns.

    Raises:
        BadRequest: a field is unknown, or has no value of its kind.
    """
    upload = None
    if request.mimetype == "application/json":
        fields = request.get_json()
        if not isinstance(fields, dict):
            raise BadRequest('The JSON of a search must be an object, such as {"text": "a red disc"}.')
        unknown = sorted(set(fields) - set(FIELDS))
        if unknown:
            raise BadRequest(f"A search has the fields {', '.join(FIELDS)}. Received: {unknown[0][:40]}.")
        fields = {name: value for name, value in fields.items() if value is not None}
    else:
        fields, upload = request.form.to_dict(), request.files.get("file")
    text = fields.get("text", "")
    if not isinstance(text, str):
        raise BadRequest(f"`text` must be a text. Received: {str(text)[:40]}.")
    return Asked(
        text=text,
        upload=upload if upload is not None and upload.filename else None,
        modality=_one_of(fields, "modality", TARGETS) or TARGETS[0],
        wanted=Wanted(
            target=_one_of(fields, "by", FOUND_BY),
            count=_count(fields.get("count", DEFAULT_COUNT)),
            one_per_file=_switch(fields, "one_per_file"),
            at_least=_probability(fields.get("at_least", "")),
            is_joined=not _switch(fields, "windows"),
        ),
    )


def _one_of(fields: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str | None:
    value = fields.get(name) or None
    if value is not None and value not in known:
        raise BadRequest(f"`{name}` must be one of {', '.join(known)}. Received: {str(value)[:40]}.")
    return value


def _count(value: Any) -> int:
    if isinstance(value, str) and _COUNT.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 1 <= value <= MAX_COUNT:
        raise BadRequest(f"A search must have a `count` 1 to {MAX_COUNT}. Received: {str(value)[:40]}.")
    return value


def _switch(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if isinstance(value, str):
        value = _SWITCHES.get(value, value)
    if not isinstance(value, bool):
        raise BadRequest(f"`{name}` must be true or false. Received: {str(value)[:40]}.")
    return value


def _probability(value: Any) -> float | None:
    if value == "":
        return None
    try:
        return probability(str(value))  # "True" is none
    except (ValueError, argparse.ArgumentTypeError):
        raise BadRequest(f"`at_least` must be a probability, 0 to 1. Received: {str(value)[:40]}.") from None
