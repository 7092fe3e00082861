"""An index, opened to be searched: which file and which seconds a row is, and what to compare with."""

import bisect
import dataclasses
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np

from vatt import spec
from vatt.embed.text_model import TextModel, fingerprint_of
from vatt.files.places import is_address
from vatt.search.approximate import Lists
from vatt.search.calibration import Calibration
from vatt.search.captions import FILE_NAME, Captions
from vatt.search.layout import (
    TEXT_MODEL,
    BadIndexError,
    lists_path,
    open_rows,
    read_facts,
    rows_folder,
)
from vatt.search.screen import Screen, can_screen


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """What a row is."""

    row: int  # its number in this generation of the index
    number: int  # of the file
    name: str  # the file's path below the folder that was indexed
    start_seconds: float  # the window
    end_seconds: float
    has_video: bool  # what there is of it
    has_audio: bool


class Index:
    """An index in a folder.

    Attributes:
        facts: the content of `index.json`.
        columns: name -> [N] or [N, D], mapped: times, which modalities, a matrix for each "modality/space".
        root: the folder that was indexed; of media in a store a path that is nowhere, see `media`.
        files: what is known of each, in the order of their rows.
        rows: windows in it, N.
        captions: what is said in the files; None where none has captions.
        calibration: from cosines to probabilities; None where there is none.

    Raises:
        BadIndexError: there is none, it is damaged, or it holds no window.
    """

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)
        for attempt in range(2):
            self.facts = read_facts(self.directory)
            folder = rows_folder(self.directory, self.facts["generation"])
            try:
                self.columns = open_rows(folder, self.facts)
                break
            except FileNotFoundError as error:  # replaced by a run that ended in between: look again
                if attempt:
                    raise BadIndexError(
                        f"{error.filename} is missing. Make the index again: `vatt index` with --rebuild."
                    ) from None
        self.root = Path(self.facts["root"])
        self.files = self.facts["files"]
        self.rows = self.facts["rows"]
        said = any(file.get("captions") for file in self.files)
        self._rows_folder = rows_folder(self.directory, self.facts["generation"])
        self.captions = Captions(self._rows_folder / FILE_NAME) if said else None
        self._lists: dict[str, Lists] = {}
        fitted = self.facts.get("calibration")
        self.calibration = None if fitted is None else Calibration(**fitted)
        self._firsts = [file["first"] for file in self.files]
        if not self.rows:
            raise BadIndexError(
                f"An index must hold at least one window to be searched. Received: {directory}, which holds "
                f"none; {len(self.facts['failed'])} files could not be embedded. `vatt index` says why."
            )

    def check(self, embedder: Any) -> None:
        """Raises if the index was made with another model: its vectors have nothing to do with this one's."""
        made_with = self.facts["model"]["fingerprint"]
        if embedder.fingerprint != made_with:
            raise BadIndexError(
                f"An index must be searched with the model it was made with. Received: model "
                f"{embedder.fingerprint}, but {self.directory} was made with {made_with} "
                f"({self.facts['model']['path']}). Give that one with --model, or make an index with this "
                f"one."
            )

    def media(self, number: int) -> str:
        """Path of a file that was indexed, or its address in an object store."""
        name = self.files[number]["path"]
        if is_address(self.facts["root"]):
            return f"{self.facts['root'].rstrip('/')}/{name}"
        return str(self.root / name)

    @property
    def carries_text_model(self) -> bool:
        """Whether the text encoder of its model is in it, see `vatt.embed.text_model`."""
        return fingerprint_of(self.directory / TEXT_MODEL) is not None

    def text_model(self) -> TextModel | None:
        """What makes vectors of sentences without TensorFlow; None where the index carries none, or the
        environment has no onnxruntime.
        """
        has_runtime = importlib.util.find_spec("onnxruntime") is not None
        return TextModel(self.directory / TEXT_MODEL) if has_runtime and self.carries_text_model else None

    def has(self, modality: str) -> np.ndarray:
        """bool [N]: which windows have video, or audio."""
        return self.columns[f"has_{modality}"]

    def vectors(self, output: str) -> np.ndarray | None:
        """float [N, D] of "modality/space"; None where no file has that modality."""
        return self.columns.get(output)

    def screen(self, output: str) -> Screen | None:
        """The int8 screen of "modality/space"; None where there is none, or SimSIMD is not installed."""
        known = self.facts.get("screens", {}).get(output)
        if known is None or not can_screen():
            return None
        return Screen(codes=self.columns[f"{output}.int8"], **known)

    def lists(self, output: str) -> Lists | None:
        """The lists of near rows of "modality/space"; None where there are so few rows that it has none.

        Raises:
            ValueError: the index was made without lists, they can not be read, or FAISS is not installed.
        """
        if self.facts.get("lists") is None:
            raise ValueError(
                f"An approximate search needs lists of near rows. Received: {self.directory}, without any. "
                "Make them: `vatt index` with --approximate; or search exactly."
            )
        known = self.facts["lists"].get(output)
        if known is not None and output not in self._lists:
            path = lists_path(self._rows_folder, output)
            try:
                self._lists[output] = Lists(path, **known)
            except RuntimeError as error:  # FAISS's own
                raise BadIndexError(
                    f"{path} can not be read: {str(error).splitlines()[0]:.200}. Make the index again: "
                    "`vatt index` with --rebuild."
                ) from None
        return self._lists.get(output)

    def file_numbers(self) -> np.ndarray:
        """int64 [N], the file of each row."""
        return np.repeat(np.arange(len(self.files)), [file["windows"] for file in self.files])

    def rows_of(self, number: int) -> range:
        """The rows of a file."""
        first = self._firsts[number]
        return range(first, first + self.files[number]["windows"])

    def shot(self, number: int, seconds: float) -> tuple[float, float]:
        """Start and end of the shot of a file at a time: infinite where no cut is known."""
        cuts = self.files[number].get("cuts", ())
        after = bisect.bisect_right(cuts, seconds)
        start = cuts[after - 1] if after else -math.inf
        return start, cuts[after] if after < len(cuts) else math.inf

    def place(self, row: int) -> Place:
        """What a row is."""
        number = bisect.bisect_right(self._firsts, row) - 1
        return Place(
            row=int(row),
            number=number,
            name=self.files[number]["path"],
            start_seconds=float(self.columns["start_seconds"][row]),
            end_seconds=float(self.columns["end_seconds"][row]),
            has_video=bool(self.has(spec.VIDEO)[row]),
            has_audio=bool(self.has(spec.AUDIO)[row]),
        )
