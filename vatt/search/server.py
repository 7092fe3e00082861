"""The web page of an index: what it answers to each address, as a WSGI application on Werkzeug.

A client never names a file: it names a row of the index, and the file of that row is served only if it is
still the one that was indexed and is still in the folder that was indexed; of an object of a store the size
tells, and that it does not change while this process runs. Another page in the same browser is kept out:
requests must name this server as their host and come from its own pages.
"""

import contextlib
import io
import json
import os
import secrets
import stat
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    HTTPException,
    InternalServerError,
    NotFound,
    RequestEntityTooLarge,
    RequestTimeout,
    ServiceUnavailable,
    UnsupportedMediaType,
)
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import wrap_file

from vatt.files.places import StoreError, is_address
from vatt.prepare import media_file
from vatt.prepare.media_file import STORES
from vatt.report.document import render
from vatt.search.access import Access
from vatt.search.answer import answer
from vatt.search.asking import read
from vatt.search.counters import Counters
from vatt.search.described import answer_facts
from vatt.search.index import Index, Place
from vatt.search.openapi import description
from vatt.search.playable import PLAYABLE, as_mp4
from vatt.search.text_queries import TextQueries
from vatt.search.thumbnail import Thumbnail, looking_pool, thumbnails
from vatt.search.uploads import Uploads, one_of
from vatt.terminal import say

_MAX_TEXT_BYTES = 200_000  # of a form's fields
_LOOKS = 64  # windows that are being encoded or queued; further requests get status 503
_MADE = ("Other windows are being made.", 2)  # the reason, and when to try again
_DECODE_SECONDS = 30.0  # of a file that is asked with
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_POLICY = (
    "default-src 'none'; img-src 'self' data:; media-src 'self'; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'"
)


class SearchServer:
    """A WSGI application.

    Args:
        access: who may ask.
        max_upload_bytes: of a file that is asked with.
        decode_seconds: that such a file may take.
    """

    def __init__(
        self,
        index: Index,
        embedder: Any,
        *,
        access: Access,
        max_upload_bytes: int,
        decode_seconds: float = _DECODE_SECONDS,
    ):
        index.check(embedder)
        self._index, self._access = index, access
        self._counters = Counters(index)
        self._texts = TextQueries(embedder)
        self._uploads = Uploads(embedder, max_bytes=max_upload_bytes, decode_seconds=decode_seconds)
        self._looking, self._looks = looking_pool(), threading.BoundedSemaphore(_LOOKS)
        self._addresses = Map(
            [
                Rule("/", endpoint=self.page, methods=["GET"]),
                Rule("/search", endpoint=self.answer, methods=["POST"]),
                Rule("/file/<number:number>", endpoint=self.file, methods=["GET"]),
                Rule("/window/<number:row>.mp4", endpoint=self.window, methods=["GET"]),
                Rule("/thumbnail/<number:row>.jpg", endpoint=self.thumbnail, methods=["GET"]),
                Rule("/openapi.json", endpoint=self.description, methods=["GET"]),
                Rule("/health", endpoint=self.health, methods=["GET"]),
                Rule("/metrics", endpoint=self.metrics, methods=["GET"]),
            ],
            converters={"number": _Number},
            merge_slashes=False,
        )

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        is_upload = request.mimetype == "multipart/form-data"
        request.max_content_length = _MAX_TEXT_BYTES + (self._uploads.max_bytes if is_upload else 0)
        request.max_form_memory_size = _MAX_TEXT_BYTES
        request.max_form_parts = 8
        name, started = "none", time.perf_counter()
        try:
            self._access.refuse_foreign(request)
            response = self._access.entered(request)
            if response is None:
                endpoint, values = self._addresses.bind_to_environ(environ).match()
                name = endpoint.__name__
                if name != self.health.__name__:
                    self._access.require_token(request)
                response = endpoint(request, **values)
        except ClientDisconnected:  # or one that is slower than it may be
            response = _told(RequestTimeout("The request did not come whole, or not in time."))
        except HTTPException as error:
            response = _told(error)
        except StoreError as error:
            response = _told(ServiceUnavailable(f"The store does not answer: {error}."))
        except Exception:
            say(f"error: a request could not be answered:\n{traceback.format_exc()}")
            response = _told(InternalServerError("Something went wrong; the server's terminal says what."))
        for header, value in _HEADERS.items():
            response.headers.setdefault(header, value)
        self._counters.count(name, response.status_code, time.perf_counter() - started)
        return response(environ, start_response)

    def close(self) -> None:
        """Ends the processes that decode, and removes what there is of uploads."""
        self._looking.close()
        self._uploads.close()

    def page(self, request: Request) -> Response:
        """The page itself."""
        nonce = secrets.token_urlsafe(16)
        title = f"{self._index.root.name} · VATT search"
        page = render("search/serve.html", title=title, index=self._index, nonce=nonce)
        response = Response(page, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
        response.headers["Cache-Control"] = "no-store"
        return response

    def answer(self, request: Request) -> Response:
        """What a text, or a file with its `modality`, finds."""
        length = request.content_length
        is_large = request.mimetype == "multipart/form-data" and (length is None or length > _MAX_TEXT_BYTES)
        with self._uploads.coming() if is_large else contextlib.nullcontext():
            asked = read(request)  # from here on all of it has come
        try:
            if asked.upload is None:
                query = self._texts(asked.text)
            else:
                query = self._uploads.query(asked.upload, asked.modality)
            found = answer(self._index, query, asked.wanted)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        facts = answer_facts(query, found)
        for hit, scene in zip(facts["hits"], found.hits, strict=True):
            hit |= self._addresses_of(scene.place)
        return _json(facts)

    def description(self, request: Request) -> Response:
        """What this server answers, in OpenAPI."""
        return _json(description())

    def health(self, request: Request) -> Response:
        """That the server answers; needs no token."""
        return _json({"status": "ok", "windows": self._index.rows})

    def metrics(self, request: Request) -> Response:
        """Counts of requests and their seconds, for Prometheus."""
        text, kind = self._counters.shown()
        return Response(text, content_type=kind)

    def file(self, request: Request, number: int) -> Response:
        """A file of the index, or the ranges of it that are asked for."""
        if number >= len(self._index.files):
            raise NotFound("There is no such file in the index.")
        kind = PLAYABLE.get(Path(self._index.files[number]["path"]).suffix.lower())
        if kind is None:
            raise UnsupportedMediaType("Browsers do not play this kind; its windows are there as MP4.")
        file, etag = self._opened(number)
        size = self._index.files[number]["bytes"]
        response = Response(wrap_file(request.environ, file), mimetype=kind, direct_passthrough=True)
        response.content_length = size
        response.set_etag(etag)
        response.headers["Cache-Control"] = "private, no-cache"
        return response.make_conditional(request, accept_ranges=True, complete_length=size)

    def window(self, request: Request, row: int) -> Response:
        """A window as MP4, for files that no browser plays."""
        place = self._place(row)
        with one_of(self._looks, *_MADE), self._unchanged(place.number) as path:
            outcome = as_mp4(path, place.start_seconds, place.end_seconds, self._looking)
        if isinstance(outcome, str):
            raise NotFound(f"The window can not be shown: {outcome}.")
        return send_file(io.BytesIO(outcome), request.environ, mimetype="video/mp4", conditional=True)

    def thumbnail(self, request: Request, row: int) -> Response:
        """Frames of a window."""
        place = self._place(row)
        with one_of(self._looks, *_MADE), self._unchanged(place.number) as path:
            (made,) = thumbnails([(path, place.start_seconds, place.end_seconds)], self._looking)
        if not made.jpeg:
            raise NotFound(f"There is no video{_because(made)}.")
        response = Response(made.jpeg, content_type="image/jpeg")
        response.headers["Cache-Control"] = "private, max-age=3600"
        return response

    def _place(self, row: int):
        if row >= self._index.rows:
            raise NotFound("There is no such window in the index.")
        return self._index.place(row)

    @contextlib.contextmanager
    def _unchanged(self, number: int):
        """The path or address of a file that another process reads: what was made of it is shown only if the
        file is the one that was indexed, before and after.
        """
        self._opened(number)[0].close()
        yield self._index.media(number)
        self._opened(number)[0].close()

    def _opened(self, number: int) -> tuple[IO[bytes], str]:
        """(the open file, a tag of its content) of a file that is the one that was indexed."""
        known, media = self._index.files[number], self._index.media(number)
        gone = NotFound("The file is gone or has changed since it was indexed: run `vatt index` again.")
        if is_address(media):
            found = _opened_object(media, known["bytes"])
            if found is None:
                raise gone
            return found, known["sha256"][:32]
        try:
            path = Path(media).resolve(strict=True)
            if not path.is_relative_to(self._index.root.resolve()):
                raise gone
            # What was resolved has no link at its end; if it has one now, somebody exchanged it.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, RuntimeError):
            raise gone from None
        file = os.fdopen(descriptor, "rb")
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or (state.st_size, state.st_mtime_ns) != (
            known["bytes"],
            known["changed_ns"],
        ):
            file.close()
            raise gone
        return file, known["sha256"][:32]

    def _addresses_of(self, place: Place) -> dict[str, Any]:
        plays = PLAYABLE.get(Path(place.name).suffix.lower())
        return {
            "thumbnail": f"/thumbnail/{place.row}.jpg" if place.has_video else None,
            "whole": f"/file/{place.number}" if plays else None,
            "window": f"/window/{place.row}.mp4",
            "has_video": place.has_video,
        }


class _Number(BaseConverter):
    """A row or a file of the index, in plain digits."""

    regex = "[0-9]{1,9}"

    def to_python(self, value: str) -> int:
        return int(value)


def _told(error: HTTPException) -> Response:
    if isinstance(error, RequestEntityTooLarge):
        error.description = "The file is larger than this server takes; see --max_upload_mb."
    response = _json({"error": error.description})
    response.status_code = error.code or 500
    for name, value in error.get_headers():
        if name.lower() != "content-type":  # Allow, Content-Range
            response.headers[name] = value
    return response


def _opened_object(address: str, size: int) -> IO[bytes] | None:
    """An object of a store, read by ranges; None where it is gone, has another size, or another content than
    when this process first saw it."""
    try:
        now = STORES.entry_now(address)
        is_same = now.size == size and now == STORES.entry(address)
    except FileNotFoundError:
        return None
    return media_file.opened(address) if is_same else None


def _json(content: dict) -> Response:
    response = Response(json.dumps(content), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _because(made: Thumbnail) -> str:
    return f": {made.reason}" if made.reason else ""
