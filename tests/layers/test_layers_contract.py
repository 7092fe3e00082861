"""Every layer, one line each, through `checks.check_layer`."""

import numpy as np
import pytest

from tests.checks import check_layer
from vatt.layers.aggregate import AggregateToken
from vatt.layers.architecture import Form, Size
from vatt.layers.attention import SelfAttention
from vatt.layers.batch_norm import GlobalBatchNorm
from vatt.layers.drop_token import DropToken
from vatt.layers.dropout import Dropout
from vatt.layers.embedders import PatchEmbedder, WordEmbedder
from vatt.layers.feed_forward import FeedForward
from vatt.layers.log_mel import LogMel
from vatt.layers.patches import PatchEmbedding
from vatt.layers.positions import FactorisedPositions
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.transformer import Block, Encoder

_random = np.random.default_rng(7)
TOKENS = _random.normal(size=(2, 5, 8)).astype("float32")
WORDS = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], "float32")
VIDEO = _random.uniform(-1, 1, (2, 4, 6, 8, 3)).astype("float32")
AUDIO = _random.uniform(-1, 1, (2, 20)).astype("float32")
IDS = np.array([[3, 4, 5, 0], [6, 0, 0, 0]], "int32")

ATTENTION = {"width": 8, "heads": 2, "head_width": 3}
SIZE = Size(depth=2, hidden_width=12, **ATTENTION)
PATCHES = {"patch": (2, 2, 4), "channels": 3, "width": 8}
GRID = {"grid": (2, 3, 2), "axes": ("time", "row", "column"), "width": 8}
VOXELS = PATCHES | GRID
WAVES = {"patch": (4,), "channels": 1, "grid": (5,), "axes": ("sample",), "width": 8}
WORD_TABLE = {"vocabulary_size": 11, "width": 8}

# name -> (class, constructor arguments, call arguments, whether the call takes `training`)
LAYERS = {
    "aggregate": (AggregateToken, {"width": 8}, {"tokens": TOKENS}, False),
    "attention": (SelfAttention, ATTENTION, {"tokens": TOKENS}, True),
    "attention_t5": (
        SelfAttention,
        ATTENTION | {"use_bias": False, "scale_scores": False},
        {"tokens": TOKENS},
        True,
    ),
    "batch_norm": (GlobalBatchNorm, {"width": 8}, {"inputs": TOKENS[:, 0], "rows": WORDS[:, 0]}, True),
    "drop_token": (DropToken, {"rate": 0.5}, {"tokens": TOKENS}, True),
    "drop_token_batch": (DropToken, {"rate": 0.5, "pattern": "per_batch"}, {"tokens": TOKENS}, True),
    "dropout": (Dropout, {"rate": 0.5}, {"inputs": TOKENS}, True),
    "feed_forward": (
        FeedForward,
        {"width": 8, "hidden_width": 12, "dropout_rate": 0.1},
        {"tokens": TOKENS},
        True,
    ),
    "feed_forward_relu": (
        FeedForward,
        {"width": 8, "hidden_width": 12, "activation": "relu", "use_bias": False},
        {"tokens": TOKENS},
        True,
    ),
    "feed_forward_gated": (
        FeedForward,
        {"width": 8, "hidden_width": 12, "activation": "gated_gelu", "use_bias": False},
        {"tokens": TOKENS},
        True,
    ),
    "log_mel": (LogMel, {"bins": 40}, {"waveform": np.tile(AUDIO, (1, 100))}, False),
    "patches": (PatchEmbedding, PATCHES, {"inputs": VIDEO}, False),
    "patches_padded": (PatchEmbedding, PATCHES | {"patch": (3, 4, 5)}, {"inputs": VIDEO}, False),
    "patches_dropped": (
        PatchEmbedding,
        PATCHES | {"patch": (3, 4, 5), "edge": "drop"},
        {"inputs": VIDEO},
        False,
    ),
    "positions": (FactorisedPositions, GRID, {"grid": (2, 3, 2)}, False),
    "positions_interpolated": (FactorisedPositions, GRID, {"grid": (3, 4, 5)}, False),
    "positions_plain": (
        FactorisedPositions,
        GRID | {"normalise": False, "interpolation": "bicubic"},
        {"grid": (3, 4, 5)},
        False,
    ),
    "positions_columns": (FactorisedPositions, GRID | {"order": "column_major"}, {"grid": (2, 3, 2)}, False),
    "relative_bias": (RelativeBias, {"heads": 2}, {"length": 6}, False),
    "block": (Block, {"size": SIZE, "form": Form(), "dropout_rate": 0.1}, {"tokens": TOKENS}, True),
    "block_post": (Block, {"size": SIZE, "form": Form(norm_placement="post")}, {"tokens": TOKENS}, True),
    "encoder": (Encoder, {"size": SIZE}, {"tokens": TOKENS, "words": WORDS}, True),
    "encoder_t5": (
        Encoder,
        {"size": SIZE, "form": Form(attention_norm="rms", use_bias=False), "relative_buckets": 8},
        {"tokens": TOKENS, "words": WORDS},
        True,
    ),
    "encoder_first": (
        Encoder,
        {"size": SIZE, "relative_buckets": 8, "relative_layers": "first"},
        {"tokens": TOKENS, "words": WORDS},
        True,
    ),
    "voxels": (PatchEmbedder, VOXELS, {"signal": VIDEO}, True),
    "voxels_projected": (PatchEmbedder, VOXELS | {"projection": True}, {"signal": VIDEO}, True),
    "waves": (PatchEmbedder, WAVES, {"signal": AUDIO}, True),
    "words": (WordEmbedder, WORD_TABLE, {"ids": IDS}, True),
    "words_released": (
        WordEmbedder,
        WORD_TABLE | {"table_width": 6, "train_table": False},
        {"ids": IDS},
        True,
    ),
    "words_agnostic": (
        WordEmbedder,
        WORD_TABLE | {"table_width": 6, "projection_bias": True, "project_aggregate": False, "words": 4},
        {"ids": IDS},
        True,
    ),
    "words_t5": (WordEmbedder, WORD_TABLE | {"aggregate": False}, {"ids": IDS}, True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_keeps_the_contract(name):
    check_layer(*LAYERS[name])
