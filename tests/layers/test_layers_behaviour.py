"""What the layers compute, against the release's tables and naive twins."""

import keras
import numpy as np
import pytest
import scipy.interpolate

from tests import goldens
from tests.goldens import assert_near, rnd
from vatt.layers import draws
from vatt.layers.architecture import Form, Size
from vatt.layers.drop_token import DropToken, tokens_kept
from vatt.layers.dropout import Dropout
from vatt.layers.interpolation import interpolation_matrix
from vatt.layers.patches import PatchEmbedding
from vatt.layers.positions import FactorisedPositions
from vatt.layers.relative_bias import RelativeBias, relative_buckets
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.layers.word_tokenizer import WordTokenizer

SPLINES = goldens.arrays("posinterp")
RESIZES = sorted({key.split("/")[0] for key in SPLINES})


@pytest.mark.parametrize("resize", RESIZES)
def test_natural_cubic_is_the_release_s_spline_in_exact_arithmetic(resize):
    size, new_size = map(int, resize.split("to"))
    table = SPLINES[f"{resize}/before"]
    ours = interpolation_matrix(size, new_size) @ table.astype("float64")
    assert_near(ours, SPLINES[f"{resize}/natural_cubic_float64"], 1e-9)
    if size <= 14:  # beyond, the release's float32 solution is garbage; at 14 it is off by 2.2e-3
        assert_near(ours, SPLINES[f"{resize}/after"], 2.5e-3)


# Keys' kernel a quarter past a knot, in closed form.
KEYS = {
    "bicubic": [-0.0234375, 0.2265625, 0.8671875, -0.0703125],  # a = -0.5
    "torch_bicubic": [-0.03515625, 0.26171875, 0.87890625, -0.10546875],  # a = -0.75
}


@pytest.mark.parametrize("method", KEYS)
def test_cubic_convolution_keeps_constants_and_straight_lines_inside(method):
    matrix = interpolation_matrix(14, 20, method)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    centres = (np.arange(20) + 0.5) * 14 / 20 - 0.5
    inside = (centres > 1) & (centres < 12)
    kernel = interpolation_matrix(14, 28, method)[13]  # a quarter past knot 6
    np.testing.assert_allclose(sorted(kernel[kernel != 0]), sorted(KEYS[method]))
    exact = 1e-9 if method == "bicubic" else 0.06  # a = -0.5 alone keeps straight lines
    np.testing.assert_allclose(matrix[inside] @ np.arange(14.0), centres[inside], atol=exact)


@pytest.mark.parametrize(("size", "new_size"), [(14, 20), (14, 28), (8, 12), (14, 9), (2, 5), (3, 3)])
def test_bicubic_is_that_of_tf_image(size, new_size):
    tf = pytest.importorskip("tensorflow")
    table = np.eye(size, dtype="float32")[:, None, :]  # rows × 1 column × channels
    wanted = tf.image.resize(table, (new_size, 1), method="bicubic")[:, 0]
    # tf.image reads the kernel off a table of 1,024 places; with a = -0.75 the difference is 0.03 and more.
    assert_near(interpolation_matrix(size, new_size, "bicubic"), wanted, 1e-3)


def test_buckets_of_relative_positions():
    golden = goldens.arrays("t5_buckets")
    reach = golden["relative_position"].max()
    for distance in (64, 128):
        table = relative_buckets(int(reach) + 1, 32, distance)
        for relative, bucket in zip(golden["relative_position"], golden[f"bucket_32_{distance}"]):
            query = max(0, -relative)
            assert table[query, query + relative] == bucket


def test_patches_are_the_strided_convolution():
    layer = PatchEmbedding(patch=(2, 2, 4), channels=3, width=5)
    layer.build()
    video = rnd(1, (2, 4, 6, 8, 3))
    wanted = keras.ops.conv(video, layer.kernel, strides=layer.patch, padding="valid") + layer.bias
    assert_near(layer(layer.cut(video)), wanted, 1e-5)


def test_edges_are_padded_or_dropped_and_the_log_says_so(caplog):
    padded = PatchEmbedding(patch=(4,), channels=1, width=3, edge="pad")
    dropped = PatchEmbedding(patch=(4,), channels=1, width=3, edge="drop")
    wave = rnd(2, (1, 10, 1))
    with caplog.at_level("INFO", logger="vatt"):
        assert padded(padded.cut(wave)).shape == (1, 3, 3) and padded.cut(wave).shape == (1, 3, 4)
        assert dropped(dropped.cut(wave)).shape == (1, 2, 3)
    said = [record.getMessage() for record in caplog.records if "do not divide" in record.getMessage()]
    assert len(said) == 2 and "padded with zeros" in said[0] and "dropped" in said[1]
    dropped.set_weights(padded.get_weights())
    assert_near(padded(padded.cut(wave))[:, :2], dropped(dropped.cut(wave)), 0)
    whole = np.concatenate([wave, np.zeros((1, 2, 1), "float32")], axis=1)
    assert_near(padded.cut(wave), padded.cut(whole), 0)


def test_a_signal_smaller_than_a_patch_is_refused():
    layer = PatchEmbedding(patch=(4, 16, 16), channels=3, width=3, edge="drop")
    with pytest.raises(ValueError, match="at least one patch of .* Received: sizes .* Give a longer"):
        layer.cut(np.zeros((1, 3, 16, 16, 3), "float32"))
    with pytest.raises(ValueError, match="the signal must be"):
        layer.cut(np.zeros((1, 16, 16, 3), "float32"))


def test_positions_add_up_over_the_axes():
    grid = {"grid": (2, 3), "axes": ("time", "row"), "width": 4}
    layer = FactorisedPositions(normalise=False)
    layer.build(**grid)
    time, row = (np.asarray(table) for table in layer.tables)
    wanted = [time[i] + row[j] for i in range(2) for j in range(3)]
    assert_near(layer(grid=(2, 3)), np.stack(wanted), 1e-6)
    columns = FactorisedPositions(normalise=False, order="column_major")
    columns.build(**grid)
    columns.set_weights(layer.get_weights())
    wanted = [time[n % 2] + row[n // 2] for n in range(6)]
    assert_near(columns(grid=(2, 3)), np.stack(wanted), 1e-6)


def test_a_grid_of_another_size_is_a_spline_through_the_table():
    layer = FactorisedPositions(normalise=False)
    layer.build(grid=(7,), axes=("sample",), width=3)
    spline = scipy.interpolate.CubicSpline(np.arange(7) / 7, np.asarray(layer.tables[0]), bc_type="natural")
    wanted = spline(np.arange(5) / 5)
    assert_near(layer(grid=(5,)), wanted, 1e-5)


def test_a_sentence_longer_than_the_table_is_refused_and_a_shorter_one_takes_the_first_rows():
    layer = WordTokenizer(
        vocabulary_size=9,
        table_width=3,
        aggregate="after",
        positions=FactorisedPositions(interpolation=None),
        sizes=(4,),
    )
    layer.build(4)
    ids = np.array([[3, 4, 5, 6]], "int32")
    assert_near(layer(ids[:, :2])[0], layer(ids)[0][:, :3], 1e-6)
    with pytest.raises(
        ValueError, match="must fit the position tables, which hold 4 words. .* Cut the input"
    ):
        layer(np.ones((1, 5), "int32"))


def test_padding_changes_nothing():
    encoder = TransformerEncoder(
        size=Size(depth=2, width=8, hidden_width=16, heads=2, head_width=4),
        form=Form(attention_norm="rms"),
        relative_bias=RelativeBias(buckets=8),
    )
    encoder.build()
    tokens = rnd(3, (1, 6, 8))
    words = np.array([[1, 1, 1, 1, 0, 0]], "float32")
    other = tokens.copy()
    other[:, 4:] = 7
    assert_near(encoder(tokens, words=words)[:, :4], encoder(other, words=words)[:, :4], 1e-6)
    assert_near(encoder(tokens, words=words)[:, :4], encoder(tokens[:, :4]), 1e-5)


def test_drop_token_keeps_a_uniform_subset_in_order():
    layer = DropToken(rate=0.5)
    layer.build()
    tokens = np.tile(np.arange(8, dtype="float32")[None, :, None], (4000, 1, 1))
    key = np.stack([np.full(4000, 3), np.arange(4000)], axis=1).astype("int32")
    with draws.keyed(key):
        kept = np.asarray(layer(tokens, training=True))[..., 0]
    assert kept.shape == (4000, 4) and (np.diff(kept, axis=1) > 0).all()
    shares = np.bincount(kept.astype(int).ravel(), minlength=8) / 4000
    np.testing.assert_allclose(shares, 0.5, atol=0.04)  # five standard deviations
    assert len(np.unique(kept, axis=0)) == 70  # all subsets of four out of eight
    with draws.keyed(key[:10]):
        alone = np.asarray(layer(tokens[:10], training=True))[..., 0]
    np.testing.assert_array_equal(
        alone, kept[:10]
    )  # a sample's subset does not depend on the batch around it
    np.testing.assert_array_equal(layer(tokens), tokens)


def test_one_pattern_per_batch():
    layer = DropToken(rate=0.5, pattern="per_batch")
    layer.build()
    tokens = np.tile(np.arange(8, dtype="float32")[None, :, None], (5, 1, 1))
    kept = np.asarray(layer(tokens, training=True))[..., 0]
    assert (kept == kept[0]).all()


@pytest.mark.parametrize(
    ("tokens", "rate", "kept"), [(1568, 0.5, 784), (1200, 0.75, 300), (12, 0.5, 6), (2, 0.9, 1)]
)
def test_number_of_tokens_kept(tokens, rate, kept):
    assert tokens_kept(tokens, rate) == kept


@pytest.mark.parametrize(
    ("tokens", "rate", "kept"),
    # Fewer than 63 tokens, and a rate of 0, stay as they are.
    [(1568, 0.5, 767), (1200, 0.5, 575), (1568, 0.75, 383), (100, 0.9, 63), (62, 0.5, 31), (1568, 0.0, 1568)],
)
def test_number_of_tokens_kept_is_rounded_with_the_token_in_front(tokens, rate, kept):
    assert tokens_kept(tokens, rate, 64) == kept
    assert tokens_kept(tokens, rate, 1) == tokens_kept(tokens, rate)
    layer = DropToken(rate=rate, round_to=64)
    layer.build()
    found = layer(np.ones((1, tokens, 2), "float32"), training=True)
    assert found.shape[1] == kept


def test_dropout_keeps_the_mean_and_is_a_function_of_the_example():
    layer = Dropout(0.25)
    layer.build()
    x = np.ones((50, 400), "float32")
    key = np.stack([np.zeros(50), np.arange(50)], axis=1).astype("int32")
    with draws.keyed(key):
        first = np.asarray(layer(x, training=True))
        second = np.asarray(layer(x, training=True))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(sorted(set(first.ravel())), [0, 1 / 0.75], rtol=1e-6)
    assert abs(first.mean() - 1) < 0.02
    with draws.keyed(key[::-1].copy()):
        np.testing.assert_array_equal(np.asarray(layer(x, training=True)), first[::-1])


@pytest.mark.parametrize(
    ("constructor", "options", "words"),
    [
        (DropToken, {"rate": 1.0}, r"`rate` must be in \[0, 1\)"),
        (DropToken, {"rate": 0.5, "pattern": "all"}, "`pattern` must be one of"),
        (DropToken, {"round_to": -64}, "`round_to` must be at least 0"),
        (PatchEmbedding, {"patch": (2,), "channels": 1, "width": 2, "edge": "cut"}, "`edge` must be one of"),
        (RelativeBias, {"blocks": "last"}, "`blocks` must be one of"),
        (WordTokenizer, {"aggregate": "never"}, "`aggregate` must be one of"),
    ],
)
def test_bad_options_are_refused(constructor, options, words):
    with pytest.raises(ValueError, match=words):
        constructor(**options)
