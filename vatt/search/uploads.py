"""Files that are asked with: taken in, decoded one after the other in a process of its own, and removed.

Numbers of concurrent uploads and of files queued for decoding are limited; further ones are refused with a
time to retry. Text searches wait for none of them.
"""

import contextlib
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge, ServiceUnavailable, UnsupportedMediaType

from vatt.embed.files import decoding_pool
from vatt.files.whole_file import temporary_folder
from vatt.prepare.walk import MEDIA_SUFFIXES
from vatt.search.query import Query, file_query

_COMING, _WAITING = 16, 4  # uploads that are being received; that are decoded or wait for it
_HANG_SECONDS = 10.0  # a decoder that gives nothing for so long hangs


class Uploads:
    """Answers with queries; any number of threads may ask.

    Args:
        decode_seconds: that a file may take.
    """

    def __init__(self, embedder: Any, *, max_bytes: int, decode_seconds: float):
        self._embedder, self.max_bytes, self._decode_seconds = embedder, max_bytes, decode_seconds
        self._coming = threading.BoundedSemaphore(_COMING)
        self._waiting = threading.BoundedSemaphore(_WAITING)
        self._turn = threading.Lock()
        self._stack = contextlib.ExitStack()
        # Locked while this process lives: the next server removes what a killed one left.
        self._folder = self._stack.enter_context(temporary_folder(name="serve"))
        self._pool = self._stack.enter_context(decoding_pool(1, _HANG_SECONDS))

    def close(self) -> None:
        """Ends the process that decodes, and removes what there is of files."""
        self._stack.close()

    @contextlib.contextmanager
    def coming(self) -> Iterator[None]:
        """Around the receiving of a request that is so large that it has a file."""
        with one_of(self._coming, "Other files are being uploaded.", 2):
            yield

    def query(self, upload: FileStorage, modality: str) -> Query:
        """The query of a file that has come.

        Raises:
            ValueError: it can not be decoded, or lacks the modality.
        """
        name = Path((upload.filename or "").replace("\\", "/")).name
        suffix = Path(name).suffix.lower()
        if suffix not in MEDIA_SUFFIXES:
            raise UnsupportedMediaType(
                f"A query file must be a video, an audio file or an image. Received: {name}."
            )
        with one_of(self._waiting, "Other files are being looked at.", 5):
            # Of the name only the suffix is used, and that is one of ours.
            path = self._folder / f"{secrets.token_hex(8)}{suffix}"
            try:
                upload.save(path)
                if path.stat().st_size > self.max_bytes:
                    raise RequestEntityTooLarge()
                with self._turn:
                    return file_query(
                        self._embedder,
                        path,
                        modality,
                        shown=name,
                        pool=self._pool,
                        max_seconds=self._decode_seconds,
                    )
            finally:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def one_of(places: threading.BoundedSemaphore, reason: str, retry_seconds: int) -> Iterator[None]:
    """Holds one of some places, if one is free; with a reason and a time to retry otherwise."""
    if not places.acquire(blocking=False):
        raise ServiceUnavailable(f"{reason} Try again in a few seconds.", retry_after=retry_seconds)
    try:
        yield
    finally:
        places.release()
