"""Every layer, one line each, through `checks.check_layer`."""

import numpy as np
import pytest

from tests.checks import check_layer
from vatt.layers.aggregate import AggregateToken
from vatt.layers.architecture import Form, Size
from vatt.layers.attention import SelfAttention
from vatt.layers.batch_norm import GlobalBatchNorm
from vatt.layers.conv_unit import ConvUnit
from vatt.layers.cosine_basis import CosineBasis
from vatt.layers.drop_token import DropToken
from vatt.layers.dropout import Dropout
from vatt.layers.feed_forward import FeedForward
from vatt.layers.i3d import I3D, Mixed
from vatt.layers.linear_text import LinearText
from vatt.layers.log_mel import LogMel
from vatt.layers.max_pool import MaxPool
from vatt.layers.patches import PatchEmbedding
from vatt.layers.positions import FactorisedPositions
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.resnet import Bottleneck, ResNet
from vatt.layers.salient_drop_token import SalientDropToken
from vatt.layers.spectrogram_tokenizer import SpectrogramTokenizer
from vatt.layers.text_encoder import TextEncoder
from vatt.layers.transformer_encoder import Block, TransformerEncoder
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.layers.waveform_tokenizer import WaveformTokenizer
from vatt.layers.word_tokenizer import WordTokenizer

_random = np.random.default_rng(7)
TOKENS = _random.normal(size=(2, 5, 8)).astype("float32")
WORDS = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], "float32")
VIDEO = _random.uniform(-1, 1, (2, 4, 6, 8, 3)).astype("float32")
AUDIO = _random.uniform(-1, 1, (2, 20)).astype("float32")
IDS = np.array([[3, 4, 5, 0], [6, 0, 0, 0]], "int32")

ATTENTION = {"width": 8, "heads": 2, "head_width": 3}
SIZE = Size(depth=2, hidden_width=12, **ATTENTION)
PATCHES = {"patch": (2, 2, 4), "channels": 3, "width": 8}
CUT = _random.uniform(-1, 1, (2, 3, 48)).astype("float32")  # patches
GRID = {"grid": (2, 3, 2), "axes": ("time", "row", "column"), "width": 8}
VOXELS = {"sizes": (4, 6, 8), "patch": (2, 2, 4)}
WIDTH = {"width": 8}


def plain(**options):
    return FactorisedPositions(normalise=False, **options)


# name -> (makes the layer, arguments of its call, whether that takes `training`, arguments of its `build`)
LAYERS = {
    "aggregate": (lambda: AggregateToken(width=8), {"tokens": TOKENS}, False, {}),
    "attention": (lambda: SelfAttention(**ATTENTION), {"tokens": TOKENS}, True, {}),
    "attention_t5": (
        lambda: SelfAttention(**ATTENTION, use_bias=False, scale_scores=False),
        {"tokens": TOKENS},
        True,
        {},
    ),
    "batch_norm": (
        lambda: GlobalBatchNorm(width=8),
        {"inputs": TOKENS[:, 0], "rows": WORDS[:, 0]},
        True,
        {},
    ),
    "batch_norm_of_positions": (
        lambda: GlobalBatchNorm(width=3),
        {"inputs": VIDEO, "rows": WORDS[:, 1]},
        True,
        {},
    ),
    "batch_norm_frozen": (lambda: GlobalBatchNorm(width=3, frozen=True), {"inputs": VIDEO}, True, {}),
    "conv_unit": (
        lambda: ConvUnit(channels=4, kernel=(3, 3, 3), stride=(1, 2, 2)),
        {"inputs": VIDEO},
        True,
        {"inputs": 3},
    ),
    "conv_unit_explicit": (
        lambda: ConvUnit(channels=4, kernel=(3, 3), stride=(2, 2), padding="explicit", relu=False),
        {"inputs": VIDEO[:, 0]},
        True,
        {"inputs": 3},
    ),
    "max_pool": (
        lambda: MaxPool(window=(1, 3, 3), stride=(1, 2, 2)),
        {"inputs": VIDEO},
        True,
        {"inputs": 3},
    ),
    "mixed": (
        lambda: Mixed(channels=(4, 3, 5, 3, 4, 6)),
        {"inputs": VIDEO},
        True,
        {"inputs": 3},
    ),
    "i3d": (
        lambda: I3D(width_factor=1 / 8, blocks=("conv3d_1a_7x7", "conv3d_2b_1x1", "mixed_3b")),
        {"signal": VIDEO},
        True,
        {},
    ),
    "bottleneck": (
        lambda: Bottleneck(channels=3, stride=2, projects=True),
        {"inputs": VIDEO[:, 0]},
        True,
        {"inputs": 3},
    ),
    "resnet": (
        lambda: ResNet(stem_channels=4, depths=(1, 2)),
        {"signal": np.tile(VIDEO[:, :, :, 0, :1], (1, 3, 3, 1))},
        True,
        {},
    ),
    "linear_text": (
        lambda: LinearText(vocabulary_size=11, table_width=6, width=8),
        {"ids": IDS},
        True,
        {},
    ),
    "drop_token": (DropToken, {"tokens": TOKENS}, True, {}),
    "drop_token_batch": (lambda: DropToken(pattern="per_batch"), {"tokens": TOKENS}, True, {}),
    "dropout": (lambda: Dropout(0.5), {"inputs": TOKENS}, True, {}),
    "feed_forward": (
        lambda: FeedForward(width=8, hidden_width=12, dropout_rate=0.1),
        {"tokens": TOKENS},
        True,
        {},
    ),
    "feed_forward_relu": (
        lambda: FeedForward(width=8, hidden_width=12, activation="relu", use_bias=False),
        {"tokens": TOKENS},
        True,
        {},
    ),
    "feed_forward_gated": (
        lambda: FeedForward(width=8, hidden_width=12, activation="gated_gelu", use_bias=False),
        {"tokens": TOKENS},
        True,
        {},
    ),
    "log_mel": (lambda: LogMel(bins=40), {"waveform": np.tile(AUDIO, (1, 100))}, False, {}),
    "patches": (lambda: PatchEmbedding(**PATCHES), {"patches": CUT}, False, {}),
    "patches_energies": (lambda: PatchEmbedding(**PATCHES, energies=3), {"patches": CUT}, False, {}),
    "positions": (FactorisedPositions, {"grid": (2, 3, 2)}, False, GRID),
    "positions_interpolated": (FactorisedPositions, {"grid": (3, 4, 5)}, False, GRID),
    "positions_plain": (lambda: plain(interpolation="bicubic"), {"grid": (3, 4, 5)}, False, GRID),
    "positions_columns": (
        lambda: FactorisedPositions(order="column_major"),
        {"grid": (2, 3, 2)},
        False,
        GRID,
    ),
    "relative_bias": (RelativeBias, {"length": 6}, False, {"heads": 2}),
    "block": (lambda: Block(size=SIZE, form=Form(), dropout_rate=0.1), {"tokens": TOKENS}, True, {}),
    "block_post": (
        lambda: Block(size=SIZE, form=Form(norm_placement="post")),
        {"tokens": TOKENS},
        True,
        {},
    ),
    "encoder": (lambda: TransformerEncoder(size=SIZE), {"tokens": TOKENS, "words": WORDS}, True, {}),
    "encoder_relative": (
        lambda: TransformerEncoder(size=SIZE, relative_bias=RelativeBias(buckets=8, blocks="first")),
        {"tokens": TOKENS, "words": WORDS},
        True,
        {},
    ),
    "text_encoder": (lambda: TextEncoder(size=SIZE), {"tokens": TOKENS, "words": WORDS}, True, {}),
    "text_encoder_t5": (
        lambda: TextEncoder(
            size=SIZE,
            form=Form(attention_norm="rms", use_bias=False, scale_scores=False, activation="gated_gelu"),
            relative_bias=RelativeBias(buckets=8, max_distance=128),
        ),
        {"tokens": TOKENS, "words": WORDS},
        True,
        {},
    ),
    "voxels": (lambda: VoxelTokenizer(**VOXELS, drop_token=DropToken()), {"signal": VIDEO}, True, WIDTH),
    "voxels_all": (lambda: VoxelTokenizer(**VOXELS), {"signal": VIDEO}, True, WIDTH),
    "voxels_padded": (
        lambda: VoxelTokenizer(sizes=(4, 6, 8), patch=(3, 4, 5)),
        {"signal": VIDEO},
        True,
        WIDTH,
    ),
    "voxels_dropped": (
        lambda: VoxelTokenizer(sizes=(4, 6, 8), patch=(3, 4, 5), edge="drop", positions=plain()),
        {"signal": VIDEO},
        True,
        WIDTH,
    ),
    "voxels_projected": (
        lambda: VoxelTokenizer(**VOXELS, projection=True),
        {"signal": VIDEO},
        True,
        WIDTH,
    ),
    "waves": (
        lambda: WaveformTokenizer(sizes=(20,), patch=4, drop_token=DropToken()),
        {"signal": AUDIO},
        True,
        WIDTH,
    ),
    "waves_salient": (
        lambda: WaveformTokenizer(sizes=(20,), patch=4, drop_token=SalientDropToken()),
        {"signal": AUDIO},
        True,
        WIDTH,
    ),
    "waves_energies": (
        lambda: WaveformTokenizer(
            sizes=(20,), patch=4, energy_share=0.5, patch_initializer=CosineBasis(), drop_token=DropToken()
        ),
        {"signal": AUDIO},
        True,
        WIDTH,
    ),
    "spectrogram": (
        lambda: SpectrogramTokenizer(sizes=(4, 6), patch=(2, 3)),
        {"signal": VIDEO[:, :, :, 0, 0]},
        True,
        WIDTH,
    ),
    "spectrogram_of_a_waveform": (
        lambda: SpectrogramTokenizer(log_mel=LogMel(bins=40), sizes=(2000,), patch=(2, 5)),
        {"signal": np.tile(AUDIO, (1, 100))},
        True,
        WIDTH,
    ),
    "words": (lambda: WordTokenizer(vocabulary_size=11), {"ids": IDS}, True, WIDTH),
    "words_released": (
        lambda: WordTokenizer(vocabulary_size=11, table_width=6, train_table=False),
        {"ids": IDS},
        True,
        WIDTH,
    ),
    "words_agnostic": (
        lambda: WordTokenizer(
            vocabulary_size=11,
            table_width=6,
            projection_bias=True,
            aggregate="after",
            positions=FactorisedPositions(interpolation=None),
            sizes=(4,),
        ),
        {"ids": IDS},
        True,
        WIDTH,
    ),
    "words_t5": (lambda: WordTokenizer(vocabulary_size=11, aggregate=None), {"ids": IDS}, True, WIDTH),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_keeps_the_contract(name):
    make, inputs, trains, build = LAYERS[name]
    check_layer(make, inputs, trains=trains, build=build)
