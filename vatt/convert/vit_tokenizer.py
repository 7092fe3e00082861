"""From an image ViT's patches and positions to those of video (paper 3.1 and Eq. 1).

A clip in which nothing moves gives each patch embedding of its image: the kernel is repeated over the
frames of a patch and divided by their number, and the temporal position table starts at zero.
"""

from collections.abc import Iterator

import numpy as np

from vatt.convert.loading import Recipe, copied, resize_note
from vatt.convert.report import ConversionError
from vatt.convert.safetensors_folder import SafetensorsFolder
from vatt.convert.vit_architecture import HALF, HUGGING_FACE, TIMM, ImageViT
from vatt.convert.vit_settings import CHANNELS
from vatt.layers.interpolation import grid_matrix
from vatt.layers.positions import FactorisedPositions
from vatt.layers.voxel_tokenizer import VoxelTokenizer

JOINT, SPLIT = "joint", "split"
POSITIONS = (JOINT, SPLIT)
INTERPOLATION = "torch_bicubic"  # as transformers' ViTs meet images of another size
# What the tokenizer takes -> name after the prefix.
NAMES = {
    HUGGING_FACE: {
        "class": "embeddings.cls_token",
        "positions": "embeddings.position_embeddings",
        "kernel": "embeddings.patch_embeddings.projection.weight",
        "bias": "embeddings.patch_embeddings.projection.bias",
    },
    TIMM: {
        "class": "cls_token",
        "positions": "pos_embed",
        "kernel": "patch_embed.proj.weight",
        "bias": "patch_embed.proj.bias",
    },
}


def video_tokenizer(
    vit: ImageViT, *, frames: int, frame_size: int | None, patch_frames: int, positions: str
) -> VoxelTokenizer:
    """The tokenizer for clips of T = `frames` frames of H = W = `frame_size` pixels, with initial weights."""
    if positions not in POSITIONS:
        raise ConversionError(f"`positions` must be one of {POSITIONS}. Received: {positions!r}.")
    for name, value in {"frames": frames, "frame_size": frame_size, "patch_frames": patch_frames}.items():
        if value is not None and value < 1:
            raise ConversionError(f"`{name}` must be positive. Received: {name}={value}.")
    rows, columns = vit.image_size if frame_size is None else (frame_size, frame_size)
    return VoxelTokenizer(
        sizes=(frames, rows, columns),
        patch=(patch_frames, *vit.patch),
        positions=FactorisedPositions(
            normalise=False,
            interpolation=INTERPOLATION,
            joint_axes=VoxelTokenizer.axes[1:] if positions == JOINT else (),
        ),
        dropout_rate=vit.dropout_rate,
    )


def tokenizer_recipes(vit: ImageViT, tokenizer: VoxelTokenizer, folder: SafetensorsFolder) -> list[Recipe]:
    """How each weight of the tokenizer is made from the arrays of a folder."""
    names = {part: vit.prefix + name for part, name in NAMES[vit.layout].items()}
    width = vit.size.width
    places = (1, 1 + vit.grid[0] * vit.grid[1], width)
    return [
        Recipe(
            tokenizer.agg.vector,
            (names["class"], names["positions"]),
            ((1, 1, width), places),
            lambda token, table: token[0, 0] + table[0, 0],
            "class token + its position",
        ),
        *_patch_recipes(vit, tokenizer.patches, names),
        *_position_recipes(vit, tokenizer.positions, names["positions"], places, folder),
    ]


def _patch_recipes(vit, patches, names) -> Iterator[Recipe]:
    frames = patches.patch[0]
    # x in [-1, 1] is the pixel (x + 1) / 2, wanted as (pixel − mean) / deviation = gain · x + offset.
    gain = 0.5 / np.asarray(vit.deviation, "float32")
    offset = (0.5 - np.asarray(vit.mean, "float32")) / np.asarray(vit.deviation, "float32")
    own_pixels = vit.mean == vit.deviation == HALF
    folded = "" if own_pixels else ", pixel normalisation folded in"
    shape = (patches.width, CHANNELS, *vit.patch)

    def inflate(kernel):
        still = (kernel * gain[:, None, None]).transpose(2, 3, 1, 0) / frames
        return np.repeat(still[None], frames, axis=0)

    def shift(bias, kernel):
        return bias + kernel.sum(axis=(2, 3)) @ offset

    yield Recipe(
        patches.kernel, (names["kernel"],), (shape,), inflate, f"inflated over {frames} frames{folded}"
    )
    if own_pixels:
        yield copied(names["bias"], patches.bias)
    else:
        sources = (names["bias"], names["kernel"])
        yield Recipe(patches.bias, sources, ((patches.width,), shape), shift, folded.strip(", "))


def _position_recipes(vit, positions, name, places, folder) -> Iterator[Recipe]:
    grid = positions.grid[1:]

    def place_table(table):
        table = table[0, 1:]
        if grid == vit.grid:
            return table
        return (grid_matrix(vit.grid, grid, INTERPOLATION) @ table.astype("float64")).astype(table.dtype)

    resized = "" if grid == vit.grid else f", {resize_note(vit.grid, grid, INTERPOLATION)}"
    time, *in_place = positions.tables
    zeros = np.zeros(time.shape, "float32")
    yield Recipe(time, (), (), lambda: zeros, "zeros: no position in time was learned")
    if positions.joint_axes:
        note = f"without the class token{resized}"
        yield Recipe(in_place[0], (name,), (places,), place_table, note)
        return
    lost = ""
    if folder.shapes.get(name) == places:
        lost = f", {100 * split_loss(place_table(folder.read(name)), grid):.1f} % of its variance lost"
    for axis, table in enumerate(in_place):
        yield Recipe(
            table,
            (name,),
            (places,),
            lambda table, axis=axis: split_table(place_table(table), grid)[axis],
            f"least-squares split of the grid{resized}{lost}",
        )


def split_table(table: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The row and column tables [H, D], [W, D] whose sums are nearest to a table [H · W, D] over the grid."""
    square = table.reshape(*grid, -1)
    half_mean = square.mean(axis=(0, 1)) / 2  # in either table half of it, or it would count twice
    return square.mean(axis=1) - half_mean, square.mean(axis=0) - half_mean


def split_loss(table: np.ndarray, grid: tuple[int, int]) -> float:
    """Share of the table's variance over places that `split_table` cannot keep, in [0, 1]."""
    rows, columns = split_table(table, grid)
    square = table.reshape(*grid, -1)
    rest = square - rows[:, None] - columns[None]
    spread = square - square.mean(axis=(0, 1))
    return float(np.square(rest).sum() / max(np.square(spread).sum(), np.finfo("float32").tiny))
