"""What a request to `/search` asks: as JSON, or as the fields of a form, with a file or without."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest, LengthRequired, UnsupportedMediaType
from werkzeug.wrappers import Request

from vatt.search.answer import MOST_FOR_PROGRAMS, TARGETS, Wanted

DEFAULT_COUNT = 12
FIELDS = ("text", "modality", "by", "count", "one_per_file", "at_least", "windows", "approximate")
_COUNT = re.compile("[0-9]{1,4}")
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
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
        BadRequest: a field is unknown, given twice, of no use to what is asked, or has no value of its kind.
        LengthRequired: the request does not say how long it is, as one in chunks does not.
        UnsupportedMediaType: it is neither JSON nor a form.
    """
    fields = _fields(request)
    upload = fields.pop("file", None)
    text = fields.get("text", "")
    if not isinstance(text, str):
        raise BadRequest(f"`text` must be a text. Received: {str(text)[:40]}.")
    if upload is not None and text.strip():
        raise BadRequest("A search is by a text or by a file. Received: both. Leave one out.")
    if upload is None and fields.get("modality"):
        raise BadRequest("`modality` is of a file that is asked with. Received: it without one.")
    modality = fields.get("modality") or TARGETS[0]
    if modality not in TARGETS:
        raise BadRequest(f"`modality` must be one of {', '.join(TARGETS)}. Received: {str(modality)[:40]}.")
    try:
        wanted = Wanted(
            target=fields.get("by") or None,
            count=_count(fields.get("count", DEFAULT_COUNT)),
            one_per_file=_switch(fields, "one_per_file"),
            at_least=_number(fields.get("at_least", "")),
            is_joined=not _switch(fields, "windows"),
            is_approximate=_switch(fields, "approximate"),
            most=MOST_FOR_PROGRAMS,
        )
    except ValueError as error:
        raise BadRequest(str(error)) from None
    return Asked(text=text, upload=upload, modality=modality, wanted=wanted)


def _fields(request: Request) -> dict[str, Any]:
    """What the request states, a file as "file"; null and a file without a name are nothing."""
    if request.args:
        raise BadRequest("The fields of a search are its body's. Received: some in the address.")
    if request.content_length is None:
        raise LengthRequired("A search must state its Content-Length. Received: a request without one.")
    if request.mimetype == "application/json":
        stated = request.get_json()
        if not isinstance(stated, dict):
            raise BadRequest('The JSON of a search must be an object, such as {"text": "a red disc"}.')
        given, known = list(stated.items()), FIELDS
    elif request.mimetype == _FORMS[0] and not request.mimetype_params.get("boundary"):
        raise BadRequest("A form with a file must state its boundary. Received: none in Content-Type.")
    elif request.mimetype in _FORMS:
        files = [(name, file) for name, file in request.files.items(multi=True) if file.filename]
        given, known = [*request.form.items(multi=True), *files], (*FIELDS, "file")
    else:
        raise UnsupportedMediaType(
            f"A search must be JSON or a form. Received: {request.mimetype[:40] or 'no content type'}."
        )
    for number, (name, value) in enumerate(given):
        is_file = isinstance(value, FileStorage)
        if name not in known or is_file != (name == "file"):
            kind = "the file " if is_file else ""
            raise BadRequest(f"A search has the fields {', '.join(known)}. Received: {kind}{name[:40]}.")
        if any(name == other for other, _ in given[:number]):
            raise BadRequest(f"Each field of a search is given once. Received: {name} twice.")
    return {name: value for name, value in given if value is not None}


def _count(value: Any) -> int:
    if isinstance(value, str) and _COUNT.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        raise BadRequest(
            f"A search must have a `count` of 1 to {MOST_FOR_PROGRAMS}. Received: {str(value)[:40]}."
        )
    return value


def _switch(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if isinstance(value, str):
        value = _SWITCHES.get(value.lower(), value)
    if not isinstance(value, bool):
        raise BadRequest(f"`{name}` must be true or false. Received: {str(value)[:40]}.")
    return value


def _number(value: Any) -> float | None:
    if value == "":
        return None
    try:
        return float(str(value))  # "True" is none
    except ValueError:
        raise BadRequest(f"`at_least` must be a probability, 0 to 1. Received: {str(value)[:40]}.") from None
