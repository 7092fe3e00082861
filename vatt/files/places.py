"""Where data and runs may be: in folders of this machine's file system, or below an address of an object
store, such as gs://bucket/runs/first. All paths that users give may be either, and this is the only module
that talks to stores.

A store has no rename and no append. An object is visible whole or not at all, so what makes others count (a
description, an index) is written last, and who writes at all is decided by a precondition: an object is made
only where there is none, or replaced only where it is still the one that was read.

obstore serves them: it alone makes an object conditionally in the same way on all three, asks for ranges,
repeats what failed, and stands on nothing else (fsspec needs s3fs, gcsfs and adlfs with some 40 packages;
etils.epath has neither ranges nor conditions). Credentials are its own affair: the environment, the machine's
role. No message holds them: addresses in errors lose their queries. huggingface_hub reads the Hub.
"""

import dataclasses
import datetime
import functools
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from vatt.files.whole_file import whole_file

_HUB = "hf://"  # of the Hugging Face Hub
_HUB_KINDS = ("datasets", "spaces")  # of repositories that are no models
_SCHEMES = ("gs", "s3", "s3a", "az", "abfs", "abfss", "hf")
_ADDRESS = re.compile(rf"(?:{'|'.join(_SCHEMES)})://[^/\s]+.*", re.DOTALL)
_REFUSED = re.compile(r"\b(?:hdfs|wasbs?|viewfs|ftp)://[^\s'\"]*")
_QUERY = re.compile(r"\?[^\s'\"]+")
_CHUNK_BYTES = 16 << 20  # asked for at once; what arrives short is asked for again
_ATTEMPTS = 4
_SECONDS = datetime.timedelta(seconds=1)


class StoreError(OSError):
    """A store did not do what it was asked for, after repetitions."""


class ChangedError(StoreError):
    """A precondition failed: somebody else has made or replaced the object."""


@dataclasses.dataclass(frozen=True, slots=True)  # there may be a million
class Entry:
    """What a store says of an object."""

    size: int  # bytes
    tag: str  # changes with the content


def is_address(text: object) -> bool:
    """Whether this is an address of an object store."""
    return isinstance(text, str) and _ADDRESS.fullmatch(text) is not None


def plain(path: str | os.PathLike[str]) -> str:
    """An address as it is; of a path the path, also where it is written file:///…"""
    text = os.fspath(path)
    return text.removeprefix("file://") if text.startswith("file:///") else text


def refuse_unknown(texts: Iterable[str]) -> None:
    """Raises at the first address of a store that is not served, among arguments or in a configuration.

    Taken for a path, "hdfs://name/run" would be a folder called "hdfs:" in the working directory.
    """
    for text in texts:
        if found := _REFUSED.search(text):
            raise ValueError(
                f"Data and runs must be in folders, or in stores that are served: "
                f"{', '.join(f'{each}://' for each in _SCHEMES)}. Received: {found.group()}. Mount it and "
                "give the folder, or copy it."
            )


def open_store(address: str) -> "Store":
    """The objects below an address.

    Raises:
        ValueError: it is none, or the package for stores is not installed.
    """
    if not is_address(address):
        raise ValueError(f"An address must begin with one of {', '.join(_SCHEMES)}. Received: {address!r}.")
    return _opened(address.rstrip("/"))


def divided(address: str) -> tuple[str, str]:
    """(address of what holds it, name there); the name is "" of a whole bucket, or repository of the Hub."""
    bucket, name = in_bucket(address.rstrip("/"))
    below, _, last = name.rpartition("/")
    return (f"{bucket}/{below}" if below else bucket), last


def in_bucket(address: str) -> tuple[str, str]:
    """(address of the whole bucket, or repository of the Hub, name in it)."""
    scheme, _, place = address.partition("://")
    parts = place.split("/")
    whole = 1 if scheme != "hf" else 3 if parts[0] in _HUB_KINDS else 2
    return f"{scheme}://{'/'.join(parts[:whole])}", "/".join(parts[whole:])


@functools.cache
def _opened(address: str) -> "Store":
    if address.startswith(_HUB):
        return _HubStore(address)
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise ValueError(
            f"Object stores need the package obstore. Received: {address}. Install it with "
            "`pip install 'vatt[stores]'`."
        ) from error
    options: dict[str, Any] = {
        "client_options": {
            "timeout": 120 * _SECONDS,
            "connect_timeout": 10 * _SECONDS,
            "allow_http": any(
                os.environ.get(name, "").startswith("http://")
                for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "STORAGE_EMULATOR_HOST")
            ),
        },
        "retry_config": {"max_retries": 10, "retry_timeout": 180 * _SECONDS},
    }
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")  # Google's own name for it
    if address.startswith("gs://") and emulator:
        key = {"gcs_base_url": emulator, "disable_oauth": True}
        key |= dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        options["service_account_key"] = json.dumps(key)
    with _errors(address):
        return Store(address, from_url(address, **options))


class Store:
    """The objects below an address, by their names relative to it.

    Attributes:
        address: without a slash at the end.
    """

    def __init__(self, address: str, objects: Any):
        self.address = address
        self._objects = objects

    def entries(self, under: str = "", *, is_deep: bool = True) -> dict[str, Entry]:
        """What is there, by name; only names below `under/` where that is given, not deep: directly below."""
        import obstore

        found = {}
        with _errors(self.address):
            deep = obstore.list(self._objects, prefix=under or None) if is_deep else ()
            pages = deep or [obstore.list_with_delimiter(self._objects, prefix=under or None)["objects"]]
            for page in pages:
                found |= {each["path"]: _entry(each) for each in page}
        return found

    def entry(self, name: str) -> Entry:
        """What the store says of one object; FileNotFoundError where there is none."""
        import obstore

        with _errors(f"{self.address}/{name}"):
            return _entry(obstore.head(self._objects, name))

    def read(self, name: str, start: int = 0, size: int | None = None) -> bytes:
        """An object's bytes, `size` of them from `start` on; None: all. FileNotFoundError: there is none."""
        if size is None:
            size = self.entry(name).size - start
        return b"".join(self._chunks(name, start, size))

    def download(self, name: str, path: Path, size: int) -> None:
        """Writes an object of `size` bytes to a new file of a folder that nobody else writes to."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, is_flushed=False) as file:
            for chunk in self._chunks(name, 0, size):
                file.write(chunk)

    def _range(self, name: str, start: int, size: int) -> bytes:
        import obstore

        return bytes(obstore.get_range(self._objects, name, start=start, length=size))

    def _chunks(self, name: str, start: int, size: int) -> Iterator[bytes]:
        for first in range(start, start + size, _CHUNK_BYTES):
            wanted, failure = min(_CHUNK_BYTES, start + size - first), None
            for _ in range(_ATTEMPTS):
                try:
                    with _errors(f"{self.address}/{name}"):
                        chunk = self._range(name, first, wanted)
                except StoreError as error:  # such as a connection that ends within an answer
                    failure = error
                    continue
                if len(chunk) == wanted:
                    yield chunk
                    break
                failure = StoreError(f"{self.address}/{name}: {len(chunk)} of {wanted} bytes at {first} came")
            else:
                raise failure or StoreError(name)

    def write(self, name: str, content: bytes | Path) -> None:
        """Makes or replaces an object, from bytes or from a file."""
        self._put(name, content)

    def write_if(self, name: str, content: bytes, tag: str | None) -> str:
        """Makes an object where there is none (`tag` None), or replaces the one with that tag; returns the
        new tag. ChangedError: it is not so any more.
        """
        mode = "create" if tag is None else _Tag.parts(tag)
        return _Tag.of(self._put(name, content, mode=mode, use_multipart=False))

    def _put(self, name: str, content: bytes | Path, *, mode: Any = "overwrite", **options) -> Any:
        """FileNotFoundError: there is no such file to send, or no object to replace."""
        import obstore

        try:
            with _errors(f"{self.address}/{name}"):
                return obstore.put(self._objects, name, content, mode=mode, **options)
        except FileNotFoundError as error:
            if isinstance(mode, dict) or (isinstance(content, Path) and not content.exists()):
                raise
            raise StoreError(
                f"What is written to must be there. Received: {error}. Make the bucket."
            ) from None

    def delete(self, names: Iterable[str]) -> None:
        """Removes objects, in their order; those that are gone already are no error."""
        import obstore

        for name in names:
            try:
                with _errors(f"{self.address}/{name}"):
                    obstore.delete(self._objects, name)
            except FileNotFoundError:
                continue


class _HubStore(Store):
    """What lies below an address of the Hugging Face Hub, hf://USER/MODEL/… or hf://datasets/USER/SET/…,
    either with @REVISION behind the repository's name; as `Store`, but nothing is written. The token and the
    endpoint are huggingface_hub's own affair.
    """

    def __init__(self, address: str):
        try:
            from huggingface_hub import HfFileSystem
        except ImportError as error:
            raise ValueError(
                f"The Hugging Face Hub needs the package huggingface_hub. Received: {address}. Install it "
                "with `pip install 'vatt[hub]'`."
            ) from error
        endpoint = os.environ.get("HF_ENDPOINT")
        super().__init__(address, HfFileSystem(endpoint=endpoint, skip_instance_cache=True))
        self._root = address.removeprefix("hf://")

    def entries(self, under: str = "", *, is_deep: bool = True) -> dict[str, Entry]:
        """See `Store`."""
        place = f"{self._root}/{under}" if under else self._root
        with _errors(self.address):
            try:
                found = self._objects.find(place, None if is_deep else 1, detail=True, refresh=True)
            except FileNotFoundError:
                return {}
        return {path.removeprefix(f"{self._root}/"): _hub_entry(each) for path, each in found.items()}

    def entry(self, name: str) -> Entry:
        """See `Store`."""
        with _errors(f"{self.address}/{name}"):
            place = f"{self._root}/{name}"
            listed = self._objects.ls(place.rpartition("/")[0], detail=True, refresh=True)
            found = next((each for each in listed if each["name"] == place), {"type": ""})
            if found["type"] != "file":
                raise FileNotFoundError("no file of this name")
            return _hub_entry(found)

    def _range(self, name: str, start: int, size: int) -> bytes:
        place = f"{self._root}/{name}"
        return self._objects.cat_file(place, start=start, end=start + size, cache_type="none")

    def write(self, name: str, content: bytes | Path) -> NoReturn:
        """Refused."""
        raise StoreError(
            f"The Hugging Face Hub is only read. Received: {self.address}/{name} to be written. Name a "
            "folder or a store, and upload what is there with `hf upload REPOSITORY FOLDER`."
        )

    def write_if(self, name: str, content: bytes, tag: str | None) -> NoReturn:
        """Refused."""
        self.write(name, content)

    def delete(self, names: Any) -> None:
        """Refused, unless there is nothing to remove."""
        for name in names:
            self.write(name, b"")


def _hub_entry(found: dict[str, Any]) -> Entry:
    return Entry(found["size"], found["blob_id"])


class _Tag:
    """E-tag and version of an object in one text; some stores compare the one, some the other."""

    @staticmethod
    def of(found: Any) -> str:
        tag = found["e_tag"] or ""
        quoted = f'"{tag}"' if tag and not tag.endswith('"') else tag  # Azure lists them without quotes
        return f"{quoted}\n{found['version'] or ''}"

    @staticmethod
    def parts(tag: str) -> dict[str, str]:
        e_tag, _, version = tag.partition("\n")
        return {name: each for name, each in (("e_tag", e_tag), ("version", version)) if each}


def _entry(found: Any) -> Entry:
    return Entry(found["size"], _Tag.of(found))


class _errors:
    """Turns the library's errors into ours, short and without queries, where signatures are."""

    def __init__(self, address: str):
        self._address = address

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, _) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, StoreError):
            return
        name = type(error).__name__
        said = str(error).partition("\n\nDebug source")[0].strip() or name  # a timeout may say nothing
        reason = _QUERY.sub("?…", said.splitlines()[0])
        if isinstance(error, FileNotFoundError):
            raise FileNotFoundError(f"{self._address} is not there ({reason})") from None
        if name in ("AlreadyExistsError", "PreconditionError"):
            raise ChangedError(f"{self._address} was made or replaced by somebody else") from None
        if name in ("PermissionDeniedError", "UnauthenticatedError"):
            raise StoreError(f"{self._address} may not be used ({reason})") from None
        raise StoreError(f"{self._address}: {reason}") from None
