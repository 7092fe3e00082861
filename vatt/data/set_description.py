"""What `dataset.json` says of a prepared set: read once, for training, the doctor and others."""

import atexit
import contextlib
import dataclasses
import os
from pathlib import Path
from typing import Any

from vatt.files.json_file import JsonError, read_json
from vatt.files.mirror import Mirror
from vatt.files.places import is_address, plain
from vatt.files.regular_file import plain_name
from vatt.files.whole_file import temporary_folder

FILE = "dataset.json"
_SMALL = (".json", ".txt", ".offsets", ".jsonl")
READABLE_VERSIONS = (1, 2, 3)  # `vatt.prepare.record` writes the last two
READABLE = ", ".join(map(str, READABLE_VERSIONS))
PCM16 = "pcm16"
AUDIO_CODECS = (PCM16, "flac", "opus")  # of records


class UnreadableSet(ValueError):
    """A directory that holds no prepared set of this version."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetDescription:
    """The fields that are read, checked."""

    directory: Path  # of a set in a store: a folder with all but its shards
    address: str | None  # of a store; None: all is in the directory
    name: str
    content: dict[str, Any]  # all that the file holds
    splits: dict[str, list[dict[str, Any]]]  # shards by split: file, records, bytes, sha256 ("": not stated)
    frame_rate_hz: float  # highest of any record, and that of every record that states none
    audio_rate_hz: int  # of every record that has audio, and of every record that states none
    short_side_pixels: int  # of frames, at most; 0: unknown
    vocabulary_file: Path  # one word a line
    labels: tuple[str, ...]  # a label's index is its place

    @property
    def is_made_on_demand(self) -> bool:
        """Whether its records are made of tar files when they are read."""
        return "made_on_demand" in self.content

    @property
    def has_packed_audio(self) -> bool:
        """Whether the audio of its records has to be decoded when they are read."""
        return self.content.get("audio_codec", PCM16) != PCM16

    @property
    def place(self) -> str:
        """Where the set is, for people."""
        return self.address or str(self.directory)

    @property
    def shards(self) -> list[tuple[str, dict[str, Any]]]:
        """(split, shard) of all, in order."""
        return [(split, shard) for split, shards in self.splits.items() for shard in shards]


def read_description(directory: str | os.PathLike[str]) -> SetDescription:
    """Reads `dataset.json`, which preparation writes last: without it the set is unfinished.

    Raises:
        UnreadableSet: there is none, it is damaged, or of another version.
    """
    place = plain(directory)
    address = place.rstrip("/") if is_address(place) else None
    directory = Path(place) if address is None else _fetched(address)
    path = directory / FILE
    try:
        fields = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableSet(
            f"A prepared set must hold `dataset.json`, written last. There is none in {place}. Run "
            "`vatt prepare` (again): finished shards are kept. For shards of DMVR, run `vatt prepare dmvr`."
        ) from None
    except (OSError, JsonError) as error:
        problem = error.problem if isinstance(error, JsonError) else error
        raise UnreadableSet(
            f"`{FILE}` must be JSON. Received: {path}, {problem}. Copy it again, or prepare the set again."
        ) from error
    version = fields.get("schema_version") if isinstance(fields, dict) else f"a {type(fields).__name__}"
    if version not in READABLE_VERSIONS:
        raise UnreadableSet(
            f"This version reads sets of schema_version {READABLE}. Received: {version} in {path}. "
            f"Prepare the set again with this version."
        )
    try:
        return SetDescription(
            directory=directory,
            address=address,
            name=str(fields["name"]),
            content=fields,
            splits={split: [_shard(each) for each in it["shards"]] for split, it in fields["splits"].items()},
            frame_rate_hz=float(fields["frame_rate_hz"]),
            audio_rate_hz=int(fields["audio_rate_hz"]),
            short_side_pixels=int(fields.get("short_side_pixels", 0)),
            vocabulary_file=directory / plain_name(fields["vocabulary"]["file"]),
            labels=tuple(fields.get("labels", ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        is_missing = isinstance(error, KeyError)
        reason = f"{error} is missing" if is_missing else f"a value is of another kind ({error})"
        raise UnreadableSet(
            f"`{FILE}` must be as preparation writes it. Received: {path}, in which {reason}. Copy it again, "
            "or prepare the set again."
        ) from error


def _shard(stated: dict[str, Any]) -> dict[str, Any]:
    return {
        "file": plain_name(stated["file"]),
        "records": int(stated["records"]),
        "bytes": int(stated["bytes"]),
        "sha256": stated.get("sha256", ""),
    }


def _fetched(address: str) -> Path:
    """A folder with all of a set but its shards, as long as this process lives."""
    stack = contextlib.ExitStack()
    folder = stack.enter_context(temporary_folder(name="set"))
    atexit.register(stack.close)
    Mirror(address, folder).pull(lambda name: "/" not in name and Path(name).suffix in _SMALL)
    return folder
