"""Words of many askers at a time: those that wait for the model share its next call, and it is asked once."""

import collections
import threading
from typing import Any

from vatt.search.query import Looked, Query, look_up_all, text_query

_MOST = 32  # sentences in a call of the model
_KEPT, _KEPT_CHARACTERS = 1_000, 1_000  # queries, and of what length


class TextQueries:
    """Makes queries of texts; any number of threads may call it."""

    def __init__(self, embedder: Any):
        self._embedder = embedder
        self._kept: collections.OrderedDict[str, Query] = collections.OrderedDict()
        self._waiting: collections.deque[_Asked] = collections.deque()
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
        asked = _Asked(sentence)
        with self._guard:
            self._waiting.append(asked)
        # The first thread to reach the model embeds all waiting texts; the others find their results.
        while not asked.is_done:
            with self._turn:
                if not asked.is_done:
                    self._run()
        if asked.error is not None:
            raise asked.error
        return asked.found

    def _run(self) -> None:
        with self._guard:
            batch = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
        try:
            found = look_up_all(self._embedder, [each.sentence for each in batch])
            for asked, its in zip(batch, found, strict=True):
                asked.found = its
        except Exception:  # of one of them; which, says each by itself
            for asked in batch:
                try:
                    (asked.found,) = look_up_all(self._embedder, [asked.sentence])
                except Exception as error:
                    asked.error = error
        finally:
            for asked in batch:
                asked.is_done = True


class _Asked:
    """A sentence that waits for what is found of it, or for the reason why that is nothing."""

    def __init__(self, sentence: str):
        self.sentence = sentence
        self.found: Looked = ({}, [])
        self.error: Exception | None = None
        self.is_done = False
