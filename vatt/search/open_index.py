"""An index together with its model, to be asked from Python: `vatt.open_index`."""

import functools
from pathlib import Path
from typing import Any

import vatt
from vatt.embed.files import open_embedder
from vatt.search.answer import Found, Wanted, answer
from vatt.search.index import Index
from vatt.search.query import Query, file_query, text_query
from vatt.terminal import say


class OpenIndex:
    """Answers queries.

    Args:
        directory: made by `vatt index`.
        model: a run directory or what else `vatt.load` reads; None: the one that the index was made with.

    Raises:
        BadIndexError: it is no index; when it is asked: or one of another model.
    """

    def __init__(self, directory: str | Path, *, model: str | Path | None = None):
        self.index = Index(directory)
        self._model = model

    @functools.cached_property
    def embedder(self) -> Any:
        """The model, loaded when it is first needed."""
        path = str(self._model or self.index.facts["model"]["path"])
        return self._checked(open_embedder(vatt.load, path))

    @functools.cached_property
    def text_embedder(self) -> Any:
        """What encodes sentences: the index's own encoder, if there is one that runs here, else the model."""
        own = self.index.text_model() if self._model is None else None
        if own is not None:
            return self._checked(own)
        if self._model is None and self.index.carries_text_model:
            say("note: `pip install onnxruntime` answers sentences by the index alone, without the model")
        return self.embedder

    def _checked(self, embedder: Any) -> Any:
        self.index.check(embedder)
        return embedder

    def query(
        self,
        text: str | None = None,
        *,
        video: str | Path | None = None,
        audio: str | Path | None = None,
        start_seconds: float = 0.0,
    ) -> Query:
        """A text, or the video or the audio of a file from `start_seconds` on, as a query.

        Raises:
            ValueError: not one of the three is given, or it can not be embedded.
        """
        asked = [each for each in (text, video, audio) if each is not None]
        if len(asked) != 1:
            raise ValueError(
                "A search is by a text, or by the video of a file, or by the audio of one. Received: "
                f"{len(asked)} of the three."
            )
        if text is not None:
            return text_query(self.text_embedder, text)
        path, modality = (audio, "audio") if audio is not None else (video, "video")
        assert path is not None, "one of the three is given"
        return file_query(self.embedder, path, modality, start_seconds=start_seconds)

    def search(self, text: str | None = None, *, wanted: Wanted | None = None, **asked: Any) -> Found:
        """The scenes that are nearest, best first.

        Args:
            text: what is looked for; or give `video=` or `audio=`, see `query`.
            wanted: how many, by what, how probable; None: ten.
        """
        return self.answer(self.query(text, **asked), wanted or Wanted())

    def answer(self, query: Query, wanted: Wanted) -> Found:
        """What a query of `query` finds."""
        return answer(self.index, query, wanted)
