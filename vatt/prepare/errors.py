"""Errors that stop a preparation: one sentence with a way out."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from vatt.files.places import StoreError


class PreparationError(Exception):
    """The set could not be made, or must not be; the message says what to do."""


class TooManyFailures(PreparationError):
    """More clips failed than may; all that could be prepared is kept."""


class AnnotationError(ValueError):
    """An annotation file that is absent or not as its data set publishes it."""


@contextlib.contextmanager
def disk_errors(place: Path, way_out: str) -> Iterator[None]:
    """Says of a place that can not be written, or of a store, what the user can do about it."""
    try:
        yield
    except StoreError as error:
        raise PreparationError(f"{str(error).rstrip('.')}. {way_out}") from error
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if is_full else error.strerror or str(error)
        raise PreparationError(f"{place} can not be written: {reason}. {way_out}") from error
