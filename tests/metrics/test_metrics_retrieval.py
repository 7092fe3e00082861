"""Ranks and recalls against hand-made cases, a slow twin, and the original code's numbers."""

import pathlib

import numpy as np
import pytest

from vatt.metrics import retrieval
from vatt.unit_rows import unit_rows

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "metrics.npz"


def slow_rank(scores, query_id, gallery_ids):
    """Twin: walk down the list, irrelevant items first among equals, until a relevant one comes."""
    order = sorted(range(len(scores)), key=lambda j: (-scores[j], gallery_ids[j] == query_id))
    for rank, j in enumerate(order, start=1):
        if gallery_ids[j] == query_id:
            return rank
    raise AssertionError("no relevant item")


@pytest.mark.parametrize("seed", range(4))
def test_ranks_equal_the_slow_twin_with_many_ties(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, size=(40, 25)) / 4  # few values: ties everywhere
    gallery_ids = rng.integers(0, 7, size=25)
    query_ids = rng.choice(gallery_ids, size=40)
    expected = [slow_rank(row, i, gallery_ids) for row, i in zip(scores, query_ids, strict=True)]
    assert retrieval.ranks_from_scores(scores, query_ids, gallery_ids).tolist() == expected


def test_an_equal_score_of_an_irrelevant_item_ranks_above():
    scores = np.array([[0.5, 0.5, 0.1]])
    assert retrieval.ranks_from_scores(scores, [0], [0, 1, 2]).tolist() == [2]
    assert retrieval.ranks_from_scores(scores, [0], [0, 0, 2]).tolist() == [
        1
    ]  # a tie among right ones is no harm


@pytest.mark.parametrize("width", [1, 7, 256])
@pytest.mark.parametrize("count", [5, 33, 144])
def test_a_collapsed_model_ranks_last_whatever_the_kernel(count, width):
    same = np.tile(np.random.default_rng(0).normal(size=(1, width)), (count, 1)).astype(np.float32)
    ranks = retrieval.ranks_from_embeddings(same, same, np.arange(count), np.arange(count))
    assert (ranks == count).all()


def test_blocks_do_not_change_ranks():
    rng = np.random.default_rng(1)
    queries, gallery = rng.normal(size=(50, 16)), rng.normal(size=(23, 16))
    gallery_ids = rng.integers(0, 5, size=23)
    query_ids = rng.choice(gallery_ids, size=50)
    whole = retrieval.ranks_from_embeddings(queries, gallery, query_ids, gallery_ids)
    for block_rows in (1, 7, 50):
        part = retrieval.ranks_from_embeddings(
            queries, gallery, query_ids, gallery_ids, block_rows=block_rows
        )
        np.testing.assert_array_equal(part, whole)
    scaled = retrieval.ranks_from_embeddings(3e4 * queries, 1e-4 * gallery, query_ids, gallery_ids)
    np.testing.assert_array_equal(scaled, whole)  # cosine: lengths do not matter


def test_several_captions_of_a_clip_are_several_queries():
    gallery = np.eye(3)
    captions = np.array([[1, 0, 0], [0, 1, 0], [0.2, 1, 0.3]])  # the second one belongs to clip 0, and misses
    assert retrieval.ranks_from_embeddings(captions, gallery, [0, 0, 1], [0, 1, 2]).tolist() == [1, 3, 1]


@pytest.mark.parametrize("variant", ["embd", "cosine"])
def test_the_original_code_gives_the_same_numbers(variant):
    golden = np.load(GOLDEN)
    text, video = golden["ret/text"], golden["ret/video"]
    ids = np.arange(len(text))
    rows = video if variant == "embd" else unit_rows(video)  # averaged before or after the cosine
    clips = rows.reshape(len(text), -1, video.shape[1]).mean(axis=1)
    queries, normalise = (text, True) if variant == "embd" else (unit_rows(text), False)
    ranks = retrieval.ranks_from_embeddings(queries, clips, ids, ids, normalise=normalise)
    _, similarity = next(retrieval.score_blocks(queries, clips, normalise=normalise))
    np.testing.assert_allclose(similarity, golden[f"ret/{variant}/similarity"], atol=2e-6)
    for k in (1, 5, 10):
        assert retrieval.recall_at_k(ranks, k) == pytest.approx(float(golden[f"ret/{variant}/R{k}"]))
    assert retrieval.median_rank(ranks) == float(golden[f"ret/{variant}/MedianRank"])


def test_relevance_ids_join_equal_groups_and_keep_empty_ones_apart():
    assert retrieval.relevance_ids(["a", "", "b", "a", ""]).tolist() == [0, 1, 2, 0, 3]


def test_relevant_counts():
    assert retrieval.relevant_counts([5, 2, 5], [2, 5, 5, 9]).tolist() == [2, 1, 2]


def test_summaries_of_known_ranks():
    ranks = np.array([1, 1, 2, 5, 6, 11])
    assert [retrieval.recall_at_k(ranks, k) for k in (1, 5, 10)] == pytest.approx([2 / 6, 4 / 6, 5 / 6])
    assert retrieval.median_rank(ranks) == 3.5
    assert retrieval.mean_rank(ranks) == pytest.approx(26 / 6)


def test_bad_input_is_refused():
    ids = np.arange(2)
    with pytest.raises(ValueError, match="NaN at query 1, item 0"):
        retrieval.ranks_from_scores(np.array([[1, 0], [np.nan, 1]]), ids, ids)
    with pytest.raises(ValueError, match="`gallery` must be finite.*row 1"):
        retrieval.ranks_from_embeddings(np.eye(2), np.array([[1, 0], [np.inf, 1]]), ids, ids)
    with pytest.raises(ValueError, match="one space.*widths 2 and 3"):
        retrieval.ranks_from_embeddings(np.eye(2), np.eye(3), ids, np.arange(3))
    with pytest.raises(ValueError, match="1 of 2 queries without one, the first is query 1"):
        retrieval.ranks_from_scores(np.eye(2), [0, 7], ids)
    with pytest.raises(ValueError, match="row per query"):
        retrieval.ranks_from_scores(np.eye(3), ids, ids)
    with pytest.raises(ValueError, match="at least one item"):
        retrieval.relevant_counts([0], [])
    with pytest.raises(ValueError, match="`k` must be at least 1"):
        retrieval.recall_at_k(np.array([1]), 0)
    with pytest.raises(ValueError, match="at least one query"):
        retrieval.median_rank(np.array([]))
