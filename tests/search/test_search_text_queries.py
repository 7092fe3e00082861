"""Queries by words that come together share calls of the model, and each gets its own answer."""

import concurrent.futures
import threading

import numpy as np
import pytest

from tests.toy_embedder import ToyEmbedder
from vatt.search.query import text_query
from vatt.search.text_queries import TextQueries

WORDS = ("red", "green", "blue")


class CountingEmbedder(ToyEmbedder):
    """Its first call lasts until `others` sentences have come to wait."""

    def __init__(self):
        super().__init__()
        self.calls, self.all_wait = [], threading.Event()

    def embed_text(self, sentences):
        self.calls.append(list(sentences))
        if len(self.calls) == 1:
            assert self.all_wait.wait(10)
        return super().embed_text(sentences)


def test_those_that_wait_share_a_call_and_each_has_its_answer():
    embedder = CountingEmbedder()
    queries = TextQueries(embedder)
    texts = [f"{word} {'x' * number}" for number in range(1, 12) for word in (*WORDS, "кошка")]
    with concurrent.futures.ThreadPoolExecutor(len(texts)) as threads:
        answers = [threads.submit(queries, text) for text in texts]
        while len(queries._waiting) < len(texts) - 1:
            pass
        embedder.all_wait.set()
        for text, answer in zip(texts, answers, strict=True):
            if text.startswith("кошка"):
                assert f"Received: '{text}'" in answer.result().problem and not answer.result().vectors
                continue
            alone = text_query(ToyEmbedder(), text)
            np.testing.assert_array_equal(answer.result().vectors["video_text"], alone.vectors["video_text"])
            assert answer.result().notes == alone.notes and answer.result().shown == text
    assert max(map(len, embedder.calls)) == 32
    assert sum(len(call) > 1 for call in embedder.calls) == 2  # 43 wait, and go 32 and 11 at a time


def test_the_model_is_asked_once_for_the_same_words():
    embedder = CountingEmbedder()
    embedder.all_wait.set()
    queries = TextQueries(embedder)
    first = queries("something red")
    assert queries("something red") is first and len(embedder.calls) == 1
    for number in range(1_000):
        queries(f"red {number}")
    queries("something red")
    assert len(embedder.calls) == 1_002  # those asked long ago are forgotten
    long = "red " * 300
    queries(long), queries(long)
    assert len(embedder.calls) == 1_004  # long ones are not kept


def test_an_error_of_the_model_reaches_everybody():
    class Broken(ToyEmbedder):
        def embed_text(self, sentences):
            raise RuntimeError("broken")

    queries = TextQueries(Broken())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            queries("red")
