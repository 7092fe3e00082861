"""Ranks by a float32 product and a second look are those of float64 scores, whatever float32 blurs."""

import numpy as np
import pytest

from vatt.metrics import retrieval, screened
from vatt.unit_rows import unit_rows

COUNT, WIDTH = 300, 48


def made_ranks(queries, gallery, query_ids, gallery_ids):
    """The screened ranks of one block; fails if they were given up."""
    screen = screened.ScreenedRanks(
        queries.astype(np.float64), gallery.astype(np.float64), query_ids, gallery_ids
    )
    ranks = screen.of_block(0, len(queries))
    assert ranks is not None
    return ranks


def plain_ranks(queries, gallery, query_ids, gallery_ids):
    """Twin: every score in float64, rounded once."""
    ((_, scores),) = retrieval.score_blocks(queries, gallery, normalise=False, block_rows=len(queries))
    return retrieval.ranks_from_scores(scores, query_ids, gallery_ids)


def near_ties(random, apart):
    """An item for every query and next to it another, `apart` from it along the query: which is the better is
    below float32's resolution of a sum."""
    items = unit_rows(random.normal(size=(COUNT, WIDTH)))
    queries = unit_rows(items + 0.1 * random.normal(size=items.shape))
    others = items + apart * random.choice([-1, 0, 1], size=(COUNT, 1)) * queries
    return queries, np.concatenate([items, others]), np.arange(COUNT), np.arange(2 * COUNT)


@pytest.mark.parametrize("apart", [0.0, 1e-7, 3e-7, 1e-6])
def test_near_ties_are_ranked_as_float64_ranks_them(apart):
    queries, gallery, query_ids, gallery_ids = near_ties(np.random.default_rng(0), apart)
    expected = plain_ranks(queries, gallery, query_ids, gallery_ids)
    assert set(expected) >= ({2} if apart == 0 else {1, 2})
    np.testing.assert_array_equal(made_ranks(queries, gallery, query_ids, gallery_ids), expected)


def test_float32_alone_would_rank_them_otherwise(monkeypatch):
    queries, gallery, query_ids, gallery_ids = near_ties(np.random.default_rng(0), 1e-7)
    monkeypatch.setattr(screened, "UNIT_ROUNDOFF", 0.0)
    ranks = made_ranks(queries, gallery, query_ids, gallery_ids)
    assert (ranks != plain_ranks(queries, gallery, query_ids, gallery_ids)).any()


@pytest.mark.parametrize("noise", [0.3, 3.0, 30.0])  # finds all, some, none
@pytest.mark.parametrize("groups", [COUNT, 60, 3])
def test_groups_and_models_of_any_quality(noise, groups):
    random = np.random.default_rng(1)
    gallery = random.normal(size=(COUNT, WIDTH))
    queries = gallery + noise * random.normal(size=gallery.shape)
    gallery_ids = random.permutation(COUNT) % groups
    order = random.permutation(COUNT)
    queries, query_ids = queries[order], gallery_ids[order]
    np.testing.assert_array_equal(
        made_ranks(queries, gallery, query_ids, gallery_ids),
        plain_ranks(queries, gallery, query_ids, gallery_ids),
    )


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e18])
def test_values_that_float32_does_not_hold(scale):
    random = np.random.default_rng(2)
    gallery = random.normal(size=(COUNT, WIDTH))
    queries = (gallery + random.normal(size=gallery.shape)) * 10.0 ** random.integers(-3, 3, size=(COUNT, 1))
    ids = np.arange(COUNT)
    # float32 scores of the twin only hold what is of a middling size.
    expected = plain_ranks(queries, gallery, ids, ids)
    np.testing.assert_array_equal(made_ranks(queries * scale, gallery * scale, ids, ids), expected)


def test_equal_embeddings_tie_wherever_they_stand():
    random = np.random.default_rng(3)
    gallery = random.normal(size=(COUNT, WIDTH))
    gallery[1::2] = gallery[::2]  # every item twice, for one of them an irrelevant one
    queries, ids = gallery + random.normal(size=gallery.shape), np.arange(COUNT)
    ranks = made_ranks(queries, gallery, ids, ids)
    np.testing.assert_array_equal(ranks[::2] >= 2, True)
    np.testing.assert_array_equal(ranks, plain_ranks(queries, gallery, ids, ids))


def test_a_collapsed_model_is_handed_on():
    same = np.ones((COUNT, WIDTH)) + 1e-9 * np.random.default_rng(4).normal(size=(COUNT, WIDTH))
    assert screened.ScreenedRanks(same, same, np.arange(COUNT), np.arange(COUNT)).of_block(0, COUNT) is None
    ids = np.arange(COUNT)
    np.testing.assert_array_equal(
        retrieval.ranks_from_embeddings(same, same, ids, ids, normalise=False),
        plain_ranks(same, same, ids, ids),
    )


def test_exact_scores_are_float64_sums_rounded_once():
    random = np.random.default_rng(5)
    left, right = random.normal(size=(40, WIDTH)), random.normal(size=(9000, WIDTH))
    rows, items = random.integers(0, 40, 9000), np.arange(9000)  # more pairs than are made at once
    expected = np.array([np.float32(left[i] @ right[j]) for i, j in zip(rows, items, strict=True)])
    np.testing.assert_array_equal(screened.exact_scores(left, right, rows, items), expected)
