"""What is screened by int8 is what the float32 scan gives, bit by bit, ties included."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from vatt.search import layout
from vatt.search.ranking import Vectors
from vatt.search.screen import Screen, quantise
from vatt.unit_rows import unit_rows


def screen_of(matrix):
    codes = np.zeros(matrix.shape, np.int8)
    return Screen(codes=codes, **quantise(matrix, codes))


def drawn(seed, rows, width, kind, dtype):
    """(matrix, query, present): unit rows, some of them equal, near the query, or zeros where absent."""
    draw = np.random.default_rng(seed)
    matrix = draw.standard_normal((rows, width))
    if kind == "ties":
        matrix = matrix[draw.integers(0, max(1, rows // 7), rows)]
    if kind == "near":
        matrix = matrix[:1] + 0.02 * matrix
    if kind == "sparse":
        matrix *= draw.random((rows, width)) < 0.1
        matrix[:, 0] += 1e-3
    present = draw.random(rows) < (0.6 if kind == "ties" else 1.0)
    matrix = unit_rows(matrix).astype(dtype)
    matrix[~present] = 0
    query = unit_rows(
        draw.standard_normal((1, width)) if kind != "near" else matrix[-1:].astype(float) + 1e-9
    )
    return matrix, query[0].astype(np.float32), present


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    seed=strategies.integers(0, 2**32 - 1),
    rows=strategies.sampled_from([1, 2, 50, 1023, 1024, 3000]),
    width=strategies.sampled_from([1, 7, 64, 128]),
    count=strategies.sampled_from([1, 3, 10, 100, 5000]),
    kind=strategies.sampled_from(["random", "ties", "near", "sparse"]),
    dtype=strategies.sampled_from(["float32", "float16"]),
)
def test_screened_answers_are_those_of_the_scan(seed, rows, width, count, kind, dtype):
    matrix, query, present = drawn(seed, rows, width, kind, dtype)
    scan, screened = Vectors(matrix, query, present), Vectors(matrix, query, present, screen_of(matrix))
    found, expected = screened.best(count), scan.best(count)
    assert found.tolist() == expected.tolist()
    np.testing.assert_array_equal(screened.scores(found), scan.scores(found))
    assert screened.usual() == scan.usual()


@pytest.mark.parametrize("kind", ["random", "ties", "sparse"])
def test_the_bound_holds_for_every_row(kind):
    matrix, query, present = drawn(1, 2000, 96, kind, "float32")
    screen = screen_of(matrix)
    step = np.abs(query.astype(np.float64)).max() / 127
    codes = np.rint(query / step).astype(np.int8)
    estimated = screen.scale * step * (screen.codes.astype(np.int64) @ codes.astype(np.int64))
    lost = np.linalg.norm(query - step * codes)
    bound = screen.error * np.linalg.norm(query.astype(np.float64)) + (screen.norm + screen.error) * lost
    apart = np.abs(matrix.astype(np.float64) @ query.astype(np.float64) - estimated)
    assert apart.max() <= bound and apart.max() > bound / 20  # and it is not idle


def test_few_rows_are_left():
    matrix, query, present = drawn(2, 50_000, 128, "random", "float32")
    assert 10 <= len(screen_of(matrix).candidates(query, present, 10)) < 2_000


def test_a_large_index_keeps_its_screens(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "LEAST_ROWS", 40)
    matrix, _, _ = drawn(3, 40, 16, "random", "float32")
    writer = layout.RowsWriter(tmp_path, rows=40, widths={"video/video_text": 16}, dtype="float32")
    writer.put(0, {"video/video_text": matrix})
    screens = writer.close()
    facts = {"rows": 40, "widths": {"video/video_text": 16}, "screens": screens}
    columns = layout.open_rows(tmp_path, facts)
    expected = screen_of(matrix)
    np.testing.assert_array_equal(columns["video/video_text.int8"], expected.codes)
    assert screens["video/video_text"] == {
        "scale": expected.scale, "error": expected.error, "norm": expected.norm
    }  # fmt: skip
