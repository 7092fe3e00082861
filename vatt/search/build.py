"""Makes an index of a folder, or brings one up to date: what did not change is not embedded again.

A file is the same if its path, size and time of change are; one that was moved, copied or touched is known by
its content. Files that could not be embedded are not tried again until they change.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

from vatt.embed.cli import CHANGED, embed_missing, say_failed, say_in_part
from vatt.embed.files import Options, open_embedder
from vatt.embed.parts import Parts, alone, packed, state_of
from vatt.prepare.pool import Failure
from vatt.prepare.progress import say
from vatt.prepare.walk import find_media
from vatt.search.layout import (
    INDEX_FILE,
    SCHEMA,
    BadIndexError,
    RowsWriter,
    last_generation,
    open_rows,
    read_facts,
    remove_others,
    rows_folder,
    write_facts,
)
from vatt.whole_file import remove_leftovers, whole_folder

_UNFINISHED = "unfinished"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run did."""

    files: int  # in the index now
    windows: int
    new: int  # files that were embedded, taken over, left out since they are no longer there
    kept: int
    gone: int
    # path below the folder -> reason, of all files that are there and not in the index
    failures: dict[str, str]
    # path below the folder -> what was lost of it, in words, of every file in the index
    in_part: dict[str, list[str]]


def build_index(
    load: Callable,
    model: str | Path,
    media: str | Path,
    directory: str | Path,
    options: Options,
    *,
    dtype: str | None = None,
    rebuild: bool = False,
    retry_failed: bool = False,
) -> Summary:
    """Makes or updates an index.

    Args:
        model: path of the model; None: the one that the index was made with.
        media: the folder to index; links to folders are not followed.
        directory: the index; made if it is not there.
        dtype: of the vectors, see `DTYPES`; None: as the index has it, or float32.
        rebuild: begin anew, whatever the index was made with.
        retry_failed: try files again that could not be embedded though they did not change.

    Returns:
        What the run did; files that could not be embedded are in its `failures`.

    Raises:
        ValueError: the folder has no media file, the index has no folder of its own, or a new one no model.
        BadIndexError: the index is damaged, or of another model, folder or way of cutting.
        BusyError: another process is writing to it.
    """
    media, directory = Path(media).absolute(), Path(directory)
    if not media.is_dir():
        raise ValueError(f"There must be a folder to index. Received: {media}, which is none.")
    paths = find_media(media, output=directory)
    if not paths:
        raise ValueError(f"A folder to index must hold a media file. Received: {media}, which holds none.")
    _make_folder(directory)
    with alone(directory / "lock", str(directory)):
        # A damaged index is no reason not to make it again.
        old = None if rebuild or not (directory / INDEX_FILE).exists() else read_facts(directory)
        if model is None:
            if old is None:
                raise ValueError("A new index needs a model. Received: none. Name it: --model RUN.")
            model = old["model"]["path"]
        embedder = open_embedder(load, model)
        signature = options.signature(embedder)
        if old is not None:
            _check_same(old, embedder, signature, media, directory)
        run = _Run(embedder, media, directory, options, signature, old, retry_failed=retry_failed)
        return run.update(paths, str(Path(model).absolute()), dtype)


def _make_folder(directory: Path) -> None:
    """Only an empty folder, or one with an index or the beginnings of one, becomes an index."""
    if directory.exists() and not directory.is_dir():
        raise ValueError(f"An index is a folder. Received: {directory}, which is a file.")
    known = {INDEX_FILE, "lock", _UNFINISHED}
    if directory.is_dir():
        strangers = [path.name for path in directory.iterdir() if path.name not in known]
        if strangers and not (directory / INDEX_FILE).exists() and not (directory / _UNFINISHED).exists():
            raise ValueError(
                f"An index needs its own folder. Received: {directory}, which holds {strangers[0]!r}. "
                f"Name another one."
            )
    directory.mkdir(parents=True, exist_ok=True)


def _check_same(old: dict, embedder, signature: str, media: Path, directory: Path) -> None:
    if old["model"]["fingerprint"] != embedder.fingerprint:
        raise BadIndexError(
            f"An index holds embeddings of one model. Received: model {embedder.fingerprint}, but "
            f"{directory} was made with {old['model']['fingerprint']} ({old['model']['path']}). Name "
            f"another folder, or --rebuild."
        )
    if old["signature"] != signature:
        raise BadIndexError(
            f"An index holds windows cut in one way. Received: another stride, other modalities or another "
            f"clip than {directory} was made with (stride {old['stride_seconds']:g} s, "
            f"{', '.join(old['modalities'])}). Name another folder, or --rebuild."
        )
    root = Path(old["root"])
    if root != media and root.is_dir():  # one that is gone was moved
        raise BadIndexError(
            f"An index is of one folder. Received: {media}, but {directory} is of {root}. Name another "
            f"folder for the index, or --rebuild."
        )


class _Run:
    """One update of one index."""

    def __init__(self, embedder, media, directory, options, signature, old, *, retry_failed):
        self._embedder, self._options, self._signature = embedder, options, signature
        self._media, self._directory, self._old = media, directory, old
        # What is made anew counts on, too: until it is done, the index on the disk stays what it was.
        self._generation = last_generation(directory) if old is None else old["generation"]
        self._parts = Parts(directory / _UNFINISHED, signature)
        files = [] if old is None else old["files"]
        failed = [] if old is None or retry_failed else old["failed"]
        self._known = {file["path"]: file for file in files}
        self._by_content = {file["sha256"]: file for file in files}
        self._failed_before = {entry["path"]: entry for entry in failed}

    def update(self, paths: list[Path], model: str, dtype: str | None) -> Summary:
        remove_leftovers(self._directory)
        if self._old is not None:
            remove_others(self._directory, self._generation)
        entries, failed, missing = self._sort(paths)
        kept = len(entries)
        for path, outcome in embed_missing(self._embedder, missing, self._parts, self._options):
            name = self._name(path)
            if isinstance(outcome, Failure):
                failed[name] = self._failure(path, outcome.reason)
                continue
            try:
                facts = _state(path) | {"sha256": digest(path)}
            except OSError as error:
                failed[name] = {"path": name, "bytes": -1, "changed_ns": -1, "reason": str(error)}
                continue
            if self._parts.get(path, (int(facts["bytes"]), int(facts["changed_ns"]))) is None:
                failed[name] = {"path": name, "bytes": -1, "changed_ns": -1, "reason": CHANGED}
                continue
            content = {**facts, "windows": len(outcome), "warnings": list(outcome.warnings)}
            widths = {output: vectors.shape[1] for output, vectors in outcome.vectors.items()}
            entries[name] = (content, None, (path, (facts["bytes"], facts["changed_ns"])), widths)
        self._write(entries, failed, model, dtype)
        self._parts.remove()
        remove_others(self._directory, self._generation)
        return Summary(
            files=len(entries),
            windows=sum(content["windows"] for content, *_ in entries.values()),
            new=len(entries) - kept,
            kept=kept,
            gone=len(set(self._known) - {self._name(path) for path in paths}),
            failures={name: entry["reason"] for name, entry in sorted(failed.items())},
            in_part={name: entries[name][0]["warnings"] for name in sorted(entries)},
        )

    def _name(self, path: Path) -> str:
        return path.relative_to(self._media).as_posix()

    def _sort(self, paths: list[Path]):
        """(what is taken over from the old index, what failed before, what is left)."""
        entries, failed, missing = {}, {}, []
        for path in paths:
            name = self._name(path)
            try:
                state = _state(path)
            except OSError as error:
                failed[name] = {"path": name, "bytes": -1, "changed_ns": -1, "reason": str(error)}
                continue
            known = self._known.get(name)
            if known is not None and all(known[key] == value for key, value in state.items()):
                entries[name] = (known, known["first"], None, {})
                continue
            before = self._failed_before.get(name)
            if before is not None and all(before[key] == value for key, value in state.items()):
                failed[name] = before
                continue
            same = self._same_content(path, state)
            if same is not None:
                entries[name] = ({**same, **state}, same["first"], None, {})
                continue
            missing.append(path)
        return entries, failed, missing

    def _same_content(self, path: Path, state: dict) -> dict | None:
        """The file of the old index that has the content of this one; None if there is none."""
        sizes = {file["bytes"] for file in self._by_content.values()}
        if state["bytes"] not in sizes:
            return None
        try:
            return self._by_content.get(digest(path))
        except OSError:
            return None

    def _failure(self, path: Path, reason: str) -> dict:
        try:
            state = _state(path)
        except OSError:
            state = {"bytes": -1, "changed_ns": -1}
        return {"path": self._name(path), **state, "reason": reason}

    def _write(self, entries: dict, failed: dict, model: str, dtype: str | None) -> None:
        widths = dict(self._old["widths"]) if self._old is not None else {}
        for *_, found in entries.values():
            widths |= found
        widths = dict(sorted(widths.items()))
        dtype = dtype or (self._old["dtype"] if self._old is not None else "float32")
        rows = sum(content["windows"] for content, *_ in entries.values())
        old_rows = {}
        if self._old is not None:
            old_rows = open_rows(rows_folder(self._directory, self._generation), self._old)
        generation = self._generation + 1
        with whole_folder(rows_folder(self._directory, generation)) as folder:
            writer = RowsWriter(folder, rows=rows, widths=widths, dtype=dtype)
            files, first = [], 0
            for name in sorted(entries):
                content, taken_from, part, _ = entries[name]
                if part is None:
                    taken = slice(taken_from, taken_from + content["windows"])
                    columns = {column: values[taken] for column, values in old_rows.items()}
                else:
                    embedded = self._parts.get(*part)
                    assert embedded is not None, f"put in this run: {part[0]}"
                    columns = packed(embedded)
                writer.put(first, columns)
                files.append({**content, "path": name, "first": first})
                first += content["windows"]
            writer.close()
        facts = {
            "schema": SCHEMA,
            "root": str(self._media),
            "generation": generation,
            "model": {"path": model, "fingerprint": self._embedder.fingerprint},
            "signature": self._signature,
            "stride_seconds": self._options.stride_seconds or self._embedder.clip.span_seconds,
            "clip_seconds": self._embedder.clip.span_seconds,
            "modalities": list(self._options.modalities),
            "dtype": dtype,
            "rows": rows,
            "widths": widths,
            "files": files,
            "failed": [failed[name] for name in sorted(failed)],
        }
        write_facts(self._directory, facts)
        self._generation = generation


def _state(path: Path) -> dict:
    size, changed_ns = state_of(path)
    return {"bytes": size, "changed_ns": changed_ns}


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def told(summary: Summary, directory: Path) -> None:
    """Says what a run did on the index in a directory."""
    say(
        f"{summary.windows} windows of {summary.files} files: {summary.new} new, {summary.kept} as before, "
        f"{summary.gone} gone"
    )
    say_in_part(summary.in_part, of=summary.files, listed_in=str(directory / INDEX_FILE))
    say_failed(summary.failures, "are not in the index")
