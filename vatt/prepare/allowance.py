"""How much the records of one clip may have: a few bytes of media can decode to any number of others."""

import functools
import os
from collections.abc import Sequence

from vatt.prepare.media import MediaOptions

# Speech in Opus grows by a factor of 130, a camera that sees nothing move by 200.
_SURE_BYTES, _MOST_GROWTH = 1 << 26, 1000


class Allowance:
    """Counts what a clip's records have, and says when it is enough.

    Attributes:
        jpeg_bytes: of the frames so far; the encoder adds to it.
    """

    def __init__(self, paths: Sequence[str], options: MediaOptions):
        self.jpeg_bytes = 0
        self._audio_bytes_per_second = 2 * options.audio_rate_hz
        self._paths = paths

    @functools.cached_property
    def _most_bytes(self) -> int:
        return _SURE_BYTES + _MOST_GROWTH * sum(os.path.getsize(path) for path in self._paths)

    def is_spent(self, audio_seconds: float) -> str | None:
        """Why no more is to be read than what has come; None while there is room."""
        if self.jpeg_bytes + audio_seconds * self._audio_bytes_per_second <= self._most_bytes:
            return None
        return f"a file of so few bytes may give {self._most_bytes / 1e6:.0f} MB; the rest was left out"
