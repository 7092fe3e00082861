"""Words of many askers at a time: those that wait for the model share its next call, and it is asked once."""

import collections
import threading
from concurrent.futures import Future
from typing import Any

from vatt.search.query import Looked, Query, look_up_all, text_query

_MOST = 32  # sentences in a call of the model
_KEPT, _KEPT_CHARACTERS = 1_000, 1_000  # queries, and of what length


class TextQueries:
    """Makes queries of texts; any number of threads may call it."""

    def __init__(self, embedder: Any):
        self._embedder = embedder
        self._kept: collections.OrderedDict[str, Query] = collections.OrderedDict()
        self._waiting: collections.deque[tuple[str, Future[Looked]]] = collections.deque()
        self._guard, self._turn = threading.Lock(), threading.Lock()

    def __call__(self, text: str) -> Query:
        """The query of a text.

        Raises:
            ValueError: no word of it is one that the model knows.
        """
        with self._guard:
            if text in self._kept:
                self._kept.move_to_end(text)
                return self._kept[text]
        query = text_query(self._embedder, text, self._look_up)
        if len(text) <= _KEPT_CHARACTERS:
            with self._guard:
                self._kept[text] = query
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return query

    def _look_up(self, sentence: str) -> Looked:
        found: Future[Looked] = Future()
        with self._guard:
            self._waiting.append((sentence, found))
        # The first thread to reach the model embeds all waiting texts; the others find their results.
        while not found.done():
            with self._turn:
                if not found.done():
                    self._run()
        return found.result()

    def _run(self) -> None:
        with self._guard:
            batch = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
        try:
            made = look_up_all(self._embedder, [sentence for sentence, _ in batch])
            for (_, found), its in zip(batch, made, strict=True):
                found.set_result(its)
        except Exception:  # of one of them; which, says each by itself
            for sentence, found in batch:
                try:
                    found.set_result(look_up_all(self._embedder, [sentence])[0])
                except Exception as error:
                    found.set_exception(error)
        finally:
            for _, found in batch:
                found.cancel()  # where this thread was stopped before there was a result
