"""What is said in media without captions: heard by an engine, kept in the index for the content of a file.

INDEX/heard/SHA256.json    what an engine has heard in a file; written when the whole of it is heard
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vatt.embed.cli import clock
from vatt.embed.files import decoding_pool
from vatt.files.json_file import JsonError, read_json
from vatt.files.whole_file import whole_file
from vatt.prepare import pool
from vatt.prepare.captions import Caption
from vatt.prepare.container import MediaError
from vatt.prepare.media import MediaOptions, read_segments
from vatt.prepare.pool import Failure
from vatt.prepare.progress import Progress, say
from vatt.search.speech import RATE_HZ, Recogniser

FOLDER = "heard"
_SEGMENT_SECONDS, _MOST_GAP_SECONDS = 30.0, 3600.0
_MOST_BYTES = 1 << 28
_NO_AUDIO = "has no audio"


class Heard:
    """The transcripts of an index.

    Args:
        folder: of them; made when the first is kept.
        recogniser: hears what is missing; None: nothing is heard anew.
    """

    def __init__(self, folder: Path, recogniser: Recogniser | None):
        self._folder, self._recogniser = folder, recogniser

    def transcribe(self, files: Mapping[str, Path], digests: Mapping[str, str]) -> dict[str, str]:
        """Hears the files that have no transcript by this engine; says what was done.

        Args:
            files: name -> path.
            digests: name -> SHA-256 of its content.

        Returns:
            Name -> reason of those in which nothing could be heard.
        """
        if self._recogniser is None:
            return {}
        asked = {name: path for name, path in files.items() if self._kept(digests[name]) is None}
        failures = {}
        with Progress("Transcribing", len(asked)) as progress, decoding_pool(1) as workers:
            for name, path in asked.items():
                items = workers.run(_audio_of, [(str(path),)])
                reason = self._hear(
                    digests[name], items, lambda at, name=name: progress.note(f"{name} {clock(at)}")
                )
                if reason is not None:
                    failures[name] = reason.removeprefix(f"{path}: ")
                progress.advance()
        empty = sum(not self.captions(digests[name]) for name in files if name not in failures)
        new = len(asked) - len(failures)
        say(
            f"Transcripts of {len(files) - len(failures)} files without captions: {new} new, by "
            f"{self._recogniser.name}; {empty} of them without a word"
        )
        return failures

    def _hear(self, digest: str, items: Iterator[tuple], note: Callable[[float], None]) -> str | None:
        """Keeps what is heard of a file; the reason why nothing can be."""
        failure: list[Failure] = []

        def blocks() -> Iterator[np.ndarray]:
            samples = 0
            for _, item in items:
                if isinstance(item, Failure):
                    failure.append(item)
                    return
                samples += len(item)
                note(samples / RATE_HZ)
                yield item

        assert self._recogniser is not None, "asked for only with one"
        try:
            captions = [
                (round(start, 3), round(end, 3), text) for start, end, text in self._recogniser.hear(blocks())
            ]
        except Exception as error:  # the engines' own, of any kind: the other files are heard
            return f"{self._recogniser.name} failed: {error}"
        if failure:
            return failure[0].reason
        self._folder.mkdir(exist_ok=True)
        with whole_file(self._place(digest)) as file:
            file.write(
                json.dumps({"by": self._recogniser.name, "captions": captions}, ensure_ascii=False).encode()
            )
        return None

    def captions(self, digest: str) -> tuple[Caption, ...]:
        """What was heard in a file of this content; () where it was not listened to."""
        return tuple(tuple(each) for each in (self._kept(digest) or {}).get("captions", ()))

    def _kept(self, digest: str) -> dict[str, Any] | None:
        try:
            kept = read_json(self._place(digest), max_bytes=_MOST_BYTES)
            is_whole = all(len(each) == 3 for each in kept["captions"])
        except (FileNotFoundError, JsonError, KeyError, TypeError):  # it is heard again
            return None
        is_ours = self._recogniser is None or kept.get("by") == self._recogniser.name
        return kept if is_whole and is_ours else None

    def remove_others(self, digests: set[str]) -> None:
        """Removes transcripts of content that is not there any more."""
        for path in self._folder.glob("*.json") if self._folder.is_dir() else ():
            if path.stem not in digests:
                path.unlink(missing_ok=True)

    def _place(self, digest: str) -> Path:
        return self._folder / f"{digest}.json"


def _audio_of(path: str) -> Iterator[np.ndarray]:
    """What a worker process does: the audio of a file from its start, int16 [S], gaps as silence."""
    came = 0
    options = MediaOptions(audio_rate_hz=RATE_HZ)
    try:
        for piece in read_segments(path, options, segment_seconds=_SEGMENT_SECONDS, modalities=("audio",)):
            pool.heartbeat()
            if piece.audio is None:
                continue
            missing = round(piece.start_seconds * RATE_HZ) - came
            if missing > _MOST_GAP_SECONDS * RATE_HZ:
                raise MediaError(path, f"has no audio for {missing / RATE_HZ:.0f} s, and then some again")
            if missing > RATE_HZ // 100:
                came += missing
                yield np.zeros(missing, np.int16)
            samples = piece.audio.reshape(-1)
            came += len(samples)
            yield samples
    except MediaError as error:
        if not str(error).endswith(_NO_AUDIO):
            raise
