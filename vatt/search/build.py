"""Makes an index of a folder, or brings one up to date: what did not change is not embedded again.

A file is the same if its path, size and time of change are; one that was moved, copied or touched is known by
its content. Files that could not be embedded are not tried again until they change.
"""

import contextlib
import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt.embed.batches import Embedded
from vatt.embed.cli import CHANGED, embed_missing, say_failed, say_in_part
from vatt.embed.files import Options, Outcome, open_embedder
from vatt.embed.looks import kept_step
from vatt.embed.parts import Parts, alone, packed, state_of
from vatt.embed.text_model import fingerprint_of
from vatt.files.whole_file import remove_leftovers, whole_folder
from vatt.prepare.captions import Caption
from vatt.prepare.pool import Failure
from vatt.prepare.progress import say
from vatt.prepare.walk import walk_media
from vatt.search.approximate import Generation, faiss_or_why, write_all_lists
from vatt.search.calibrating import calibrate
from vatt.search.captions import FILE_NAME, captions_of, write_captions
from vatt.search.heard import FOLDER as HEARD
from vatt.search.heard import Heard
from vatt.search.layout import (
    INDEX_FILE,
    SCHEMA,
    TEXT_MODEL,
    BadIndexError,
    RowsWriter,
    last_generation,
    open_rows,
    read_facts,
    remove_others,
    rows_folder,
    write_facts,
)
from vatt.search.speech import Recogniser
from vatt.terminal import as_given

_UNFINISHED = "unfinished"
_TRIED_AGAIN = {"bytes": -1, "changed_ns": -1}  # of a failed file, whatever it is then


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
    unheard: dict[str, str]  # path below the folder -> why it could not be transcribed


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
    calibrate_on: str | Path | None = None,
    text_model: bool = False,
    approximate: bool = False,
    recogniser: Recogniser | None = None,
) -> Summary:
    """Makes or updates an index.

    Args:
        model: path of the model; None: the one that the index was made with.
        media: the folder to index; links to folders are not followed.
        directory: the index; made if it is not there.
        dtype: of the vectors, see `DTYPES`; None: as the index has it, or float32.
        rebuild: begin anew, whatever the index was made with.
        retry_failed: try files again that could not be embedded though they did not change.
        calibrate_on: a folder of captioned media to fit the calibration to, see `vatt.search.calibrating`;
            None: the index keeps the calibration that it has, if any.
        text_model: keep the model's text encoder in the index, see `vatt.embed.text_model`.
        approximate: make lists of near rows, see `vatt.search.approximate`; an index keeps those it has.
        recogniser: hears what is said in files without captions; None: the index keeps what was heard before.

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
    walk = walk_media(media, output=directory)
    paths = walk.media
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
        options = dataclasses.replace(options, keeps_frames=True)
        signature = options.signature(embedder)
        if old is not None:
            _check_same(old, embedder, signature, media, directory)
        run = _Run(embedder, media, directory, options, signature, old, retry_failed=retry_failed)
        run.captions = {run.name(path): each for path, each in captions_of(walk, media).items()}
        if calibrate_on is not None:
            run.calibration = dataclasses.asdict(calibrate(embedder, Path(calibrate_on), options))
        run.has_lists |= approximate
        if run.has_lists:
            faiss_or_why("`--approximate`")
        heard = Heard(directory / HEARD, recogniser)
        summary = run.update(paths, str(Path(model).absolute()), dtype, heard)
        _keep_text_model(directory / TEXT_MODEL, embedder, is_wanted=text_model)
        return summary


def _keep_text_model(folder: Path, embedder: Any, *, is_wanted: bool) -> None:
    """One of another model goes: the index was made again."""
    kept = fingerprint_of(folder)
    if kept not in (None, embedder.fingerprint):
        shutil.rmtree(folder)
    if is_wanted and kept != embedder.fingerprint:
        from vatt.export.onnx import write_text_model  # imports TensorFlow

        with whole_folder(folder) as fresh:
            write_text_model(fresh, embedder)


def _make_folder(directory: Path) -> None:
    """Only an empty folder, or one with an index or the beginnings of one, becomes an index."""
    if directory.exists() and not directory.is_dir():
        raise ValueError(f"An index is a folder. Received: {directory}, which is a file.")
    known = {INDEX_FILE, "lock", _UNFINISHED}
    if directory.is_dir():
        others = [path.name for path in directory.iterdir() if path.name not in known]
        if others and not (directory / INDEX_FILE).exists() and not (directory / _UNFINISHED).exists():
            raise ValueError(
                f"An index needs its own folder. Received: {directory}, which holds {others[0]!r}. "
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
    if old["schema"] < SCHEMA:
        raise BadIndexError(
            f"An index that is updated must be of schema {SCHEMA}, which has captions and shots. Received: "
            f"schema {old['schema']} in {directory}, which can be searched as it is. Make it again: "
            f"--rebuild."
        )
    if old["signature"] != signature:
        raise BadIndexError(
            f"An index holds windows cut in one way. Received: another stride, other modalities or another "
            f"clip than {directory} was made with (stride {old['stride_seconds']:g} s, "
            f"{', '.join(old['modalities'])}). Name another folder, or --rebuild."
        )
    root = Path(old["root"])
    if old["root"] != as_given(str(media)) and root.is_dir():  # one that is gone was moved
        raise BadIndexError(
            f"An index is of one folder. Received: {media}, but {directory} is of {root}. Name another "
            f"folder for the index, or --rebuild."
        )


class _Run:
    """One update of one index."""

    def __init__(
        self,
        embedder: Any,
        media: Path,
        directory: Path,
        options: Options,
        signature: str,
        old: dict | None,
        *,
        retry_failed: bool,
    ):
        self._embedder, self._options, self._signature = embedder, options, signature
        self._media, self._directory, self._old = media, directory, old
        # What is made anew counts on, too: until it is done, the index on the disk stays what it was.
        self._generation = last_generation(directory) if old is None else old["generation"]
        self._parts = Parts(directory / _UNFINISHED, signature)
        before: dict[str, Any] = old or {"files": [], "failed": [], "widths": {}, "dtype": "float32"}
        self._known = {file["path"]: file for file in before["files"]}
        self._by_content = {file["sha256"]: file for file in before["files"]}
        self._failed_before = {} if retry_failed else {entry["path"]: entry for entry in before["failed"]}
        self._widths, self._dtype = dict(before["widths"]), before["dtype"]
        self._frames = before.get("frames", 0)  # of a window
        self.captions: dict[str, tuple[Caption, ...]] = {}  # path below the folder -> its captions
        self._heard: dict[str, tuple[Caption, ...]] = {}  # those of them that an engine has heard
        self.calibration: dict | None = before.get("calibration")
        self.has_lists = before.get("lists") is not None
        # Of the new index: path below the folder -> what is known of the file, or of one that failed. Files
        # with a "first" are taken from those rows of the old index; of the others the parts are there.
        self._files: dict[str, dict] = {}
        self._failed: dict[str, dict] = {}

    def update(self, paths: Sequence[Path], model: str, dtype: str | None, heard: Heard) -> Summary:
        remove_leftovers(self._directory)
        if self._old is not None:
            remove_others(self._directory, self._generation)
        missing = [path for path in paths if not self._is_known(path)]
        kept = len(self._files)
        for path, outcome in embed_missing(self._embedder, missing, self._parts, self._options):
            self._take(path, outcome)
        unheard = self._listen(heard)
        self._write(model, dtype or self._dtype)
        self._parts.remove()
        heard.remove_others({file["sha256"] for file in self._files.values()})
        remove_others(self._directory, self._generation)
        return Summary(
            files=len(self._files),
            windows=sum(file["windows"] for file in self._files.values()),
            new=len(self._files) - kept,
            kept=kept,
            gone=len(set(self._known) - {self.name(path) for path in paths}),
            failures={name: entry["reason"] for name, entry in sorted(self._failed.items())},
            in_part={name: file["warnings"] for name, file in sorted(self._files.items())},
            unheard=unheard,
        )

    def _listen(self, heard: Heard) -> dict[str, str]:
        """Takes what is heard in files without captions as theirs; those that could not be heard, and why."""
        digests = {name: file["sha256"] for name, file in self._files.items() if not self._said(name)}
        unheard = heard.transcribe({name: self._media / name for name in sorted(digests)}, digests)
        self._heard = {name: captions for name in digests if (captions := heard.captions(digests[name]))}
        self.captions |= self._heard
        return unheard

    def name(self, path: Path) -> str:
        """The path of a file below the folder."""
        return path.relative_to(self._media).as_posix()

    def _is_known(self, path: Path) -> bool:
        """Whether a file is taken over from the old index, failed before, or can not be looked at."""
        name = self.name(path)
        try:
            state = _state(path)
        except OSError as error:
            self._fail(name, str(error))
            return True
        for before, now in ((self._known, self._files), (self._failed_before, self._failed)):
            if (entry := before.get(name)) and all(entry[key] == value for key, value in state.items()):
                now[name] = entry
                return True
        if state["bytes"] in {file["bytes"] for file in self._by_content.values()}:
            with contextlib.suppress(OSError):
                if same := self._by_content.get(digest(path)):
                    self._files[name] = {**same, **state}
                    return True
        return False

    def _take(self, path: Path, outcome: Outcome) -> None:
        """Notes what became of a file that was embedded in this run."""
        name = self.name(path)
        try:
            state = _state(path)
            if isinstance(outcome, Failure):
                self._fail(name, outcome.reason, state)
                return
            file = {**state, "sha256": digest(path), "windows": len(outcome)}
        except OSError as error:
            self._fail(name, outcome.reason if isinstance(outcome, Failure) else str(error))
            return
        if self._embedded(path, file) is None:
            self._fail(name, CHANGED)
            return
        cuts = [] if outcome.cuts is None else [round(cut, 3) for cut in outcome.cuts.tolist()]
        self._files[name] = {**file, "warnings": list(outcome.warnings), "cuts": cuts}
        if outcome.frames is not None:
            self._frames = outcome.frames.shape[1]
        self._widths |= {output: vectors.shape[1] for output, vectors in outcome.vectors.items()}

    def _embedded(self, path: Path, file: dict) -> Embedded | None:
        return self._parts.get(path, (file["bytes"], file["changed_ns"]))

    def _fail(self, name: str, reason: str, state: dict = _TRIED_AGAIN) -> None:
        self._failed[name] = {"path": name, **state, "reason": reason}

    def _write(self, model: str, dtype: str) -> None:
        widths, rows = dict(sorted(self._widths.items())), sum(f["windows"] for f in self._files.values())
        old_rows, old_folder = {}, rows_folder(self._directory, self._generation)
        if self._old is not None:
            old_rows = open_rows(old_folder, self._old)
        moved = np.full(0 if self._old is None else self._old["rows"], -1)
        generation, files, first = self._generation + 1, [], 0
        with whole_folder(rows_folder(self._directory, generation)) as folder:
            writer = RowsWriter(folder, rows=rows, widths=widths, dtype=dtype, frames=self._frames)
            for name, file in sorted(self._files.items()):
                if "first" in file:
                    taken = slice(file["first"], file["first"] + file["windows"])
                    columns = {column: values[taken] for column, values in old_rows.items()}
                    moved[taken] = np.arange(first, first + file["windows"])
                else:
                    embedded = self._embedded(self._media / name, file)
                    assert embedded is not None, f"put in this run: {name}"
                    columns = packed(embedded)
                writer.put(first, columns)
                said = {"captions": len(self._said(name)), "heard": name in self._heard}
                files.append({**file, "path": name, "first": first, **said})
                first += file["windows"]
            screens = writer.close()
            said = ((number, each) for number, file in enumerate(files) for each in self._said(file["path"]))
            write_captions(folder / FILE_NAME, said)
            old = None
            if self._old is not None:
                old = Generation(folder=old_folder, facts=self._old, moved=moved)
            columns = open_rows(folder, {"rows": rows, "widths": widths}) if self.has_lists else {}
            lists = write_all_lists(folder, columns, old)
        clip = self._embedder.clip
        facts = {
            "schema": SCHEMA,
            "root": as_given(str(self._media)),
            "generation": generation,
            "model": {"path": as_given(str(model)), "fingerprint": self._embedder.fingerprint},
            "signature": self._signature,
            "stride_seconds": self._options.stride_seconds or self._embedder.clip.span_seconds,
            "clip_seconds": self._embedder.clip.span_seconds,
            "modalities": list(self._options.modalities),
            "dtype": dtype,
            "screens": screens,
            "lists": lists if self.has_lists else None,
            "frames": self._frames,
            "frame_seconds": kept_step(clip.frame_rate_hz) / clip.frame_rate_hz,
            "calibration": self.calibration,
            "rows": rows,
            "widths": widths,
            "files": files,
            "failed": [self._failed[name] for name in sorted(self._failed)],
        }
        write_facts(self._directory, facts)
        self._generation = generation

    def _said(self, name: str) -> tuple[Caption, ...]:
        return self.captions.get(name, ())


def _state(path: Path) -> dict:
    size, changed_ns = state_of(path)
    return {"bytes": size, "changed_ns": changed_ns}


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def report(summary: Summary, directory: Path) -> None:
    """Says what a run did on the index in a directory."""
    say(
        f"{summary.windows} windows of {summary.files} files: {summary.new} new, {summary.kept} as before, "
        f"{summary.gone} gone"
    )
    say_in_part(summary.in_part, of=summary.files, listed_in=str(directory / INDEX_FILE))
    say_failed(summary.failures, "are not in the index")
    say_failed(summary.unheard, "could not be transcribed")
