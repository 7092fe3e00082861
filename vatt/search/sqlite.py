"""SQLite with full-text search (FTS5): `from vatt.search.sqlite import sqlite3`.

TensorFlow carries an SQLite of its own, without FTS5, whose functions Python's module takes for its own if
TensorFlow was imported first. Loaded with RTLD_DEEPBIND, the module takes those of its own library.
"""

import os
import sys

_flags = sys.getdlopenflags()
sys.setdlopenflags(_flags | getattr(os, "RTLD_DEEPBIND", 0))
try:
    import sqlite3
finally:
    sys.setdlopenflags(_flags)


def require_full_text() -> None:
    """Raises ValueError where the SQLite of this process has no full-text search."""
    base = sqlite3.connect(":memory:")
    try:
        base.execute("CREATE VIRTUAL TABLE it USING fts5(text)")
    except sqlite3.OperationalError as error:
        raise ValueError(
            f"Captions need an SQLite with full-text search. Received: {sqlite3.sqlite_version}, {error}. "
            "Import sqlite3 before TensorFlow, or use a Python whose sqlite3 has FTS5."
        ) from None
    finally:
        base.close()


__all__ = ["require_full_text", "sqlite3"]
