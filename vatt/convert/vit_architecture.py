"""Reads what an image ViT is from its config.json or, in timm's layout, from its shapes."""

import dataclasses
import math

from vatt.convert.report import ConversionError
from vatt.convert.safetensors_folder import CONFIG, SafetensorsFolder
from vatt.layers.architecture import Form, Size
from vatt.layers.transformer import Encoder

HUGGING_FACE, TIMM = "hugging_face", "timm"
CHANNELS = 3
HALF = (0.5, 0.5, 0.5)  # this mean and this deviation make pixels in [0, 1] ours in [-1, 1]
TIMM_EPSILON = 1e-6  # `vision_transformer.py`; its config does not say it
PREPROCESSING = "preprocessor_config.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageViT:
    """An image ViT.

    Args:
        layout: whose names its arrays have.
        prefix: what stands before every name.
        size: size of the Transformer.
        norm_epsilon: added to the variance in every norm.
        patch: (rows, columns) of a patch in pixels.
        grid: (rows, columns) of patches that it has positions for.
        mean, deviation: of each colour, on [0, 1], with which it wants pixels normalised.
        dropout_rate: dropout in training.
    """

    layout: str
    size: Size
    norm_epsilon: float
    patch: tuple[int, int]
    grid: tuple[int, int]
    prefix: str = ""
    mean: tuple[float, ...] = HALF
    deviation: tuple[float, ...] = HALF
    dropout_rate: float = 0.0

    def encoder(self) -> Encoder:
        """The encoder, with initial weights."""
        return Encoder(
            size=self.size,
            form=Form(norm_epsilon=self.norm_epsilon),
            dropout_rate=self.dropout_rate,
            name="encoder",
        )


def read_vit(folder: SafetensorsFolder, head_width: int = 64) -> ImageViT:
    """The ViT in a directory.

    Args:
        folder: the directory.
        head_width: features per attention head, for timm's layout, whose shapes do not tell it.
    """
    if folder.config.get("model_type") == "vit":
        return _hugging_face(folder)
    if "patch_embed.proj.weight" in folder.shapes and "blocks.0.attn.qkv.weight" in folder.shapes:
        return _timm(folder, head_width)
    first = ", ".join(sorted(folder.shapes)[:3]) or "no array"
    raise ConversionError(
        f'The model must be an image ViT: `model_type` "vit" in {CONFIG}, or arrays named as timm\'s '
        f"VisionTransformer (patch_embed, blocks, norm). Received: model_type="
        f"{folder.config.get('model_type')!r} and {len(folder.shapes)} arrays: {first} …"
    )


def _hugging_face(folder):
    wanted = {"hidden_act": "gelu", "qkv_bias": True, "num_channels": CHANNELS}
    wrong = {
        name: folder.config[name] for name, value in wanted.items() if folder.config.get(name, value) != value
    }
    if wrong:
        raise ConversionError(
            f"{CONFIG} must say {', '.join(f'{name}={wanted[name]!r}' for name in wrong)}; the patch encoder "
            f"has nothing else. Received: {wrong} in {folder.path}."
        )
    width, heads = folder.setting("hidden_size"), folder.setting("num_attention_heads")
    if heads < 1 or width % heads:
        raise ConversionError(
            f"`num_attention_heads` in {CONFIG} must divide `hidden_size`. Received: {heads}, {width}."
        )
    # What a configuration leaves out has these values in transformers.
    patch = _pair(folder.config.get("patch_size", 16))
    image = _pair(folder.config.get("image_size", 224))
    preprocessing = folder.json(PREPROCESSING)
    if preprocessing.get("do_normalize", True):
        mean = preprocessing.get("image_mean", HALF)
        deviation = preprocessing.get("image_std", HALF)
    else:
        mean, deviation = (0.0,) * CHANNELS, (1.0,) * CHANNELS
    return ImageViT(
        layout=HUGGING_FACE,
        prefix="vit." if any(name.startswith("vit.") for name in folder.shapes) else "",
        size=Size(
            depth=folder.setting("num_hidden_layers"),
            width=width,
            hidden_width=folder.setting("intermediate_size"),
            heads=heads,
            head_width=width // heads,
        ),
        norm_epsilon=folder.config.get("layer_norm_eps", 1e-12),
        patch=patch,
        grid=tuple(pixels // step for pixels, step in zip(image, patch)),
        dropout_rate=folder.config.get("hidden_dropout_prob", 0.0),
        mean=tuple(mean),
        deviation=tuple(deviation),
    )


def _timm(folder, head_width):
    needed = ("patch_embed.proj.weight", "pos_embed", "blocks.0.mlp.fc1.weight")
    absent = [name for name in needed if name not in folder.shapes]
    if absent:
        raise ConversionError(
            f"The architecture is read off the shapes of {', '.join(needed)}. Received: {folder.path} "
            f"without {', '.join(absent)}. Only ViTs with learned positions can be converted."
        )
    width, channels, *patch = folder.shapes["patch_embed.proj.weight"]
    if channels != CHANNELS:
        raise ConversionError(f"The pictures must have {CHANNELS} channels. Received: {channels}.")
    if head_width < 1 or width % head_width:
        raise ConversionError(
            f"The width of a head must divide the model's. Received: --head_width {head_width}, a model of "
            f"{width} features. Give --head_width {width}/N for its N heads."
        )
    pretrained = folder.config.get("pretrained_cfg", {})
    places = folder.shapes["pos_embed"][1] - 1
    side = math.isqrt(places)
    grid = (side, side)
    if side * side != places:
        _, *pixels = pretrained.get("input_size", (CHANNELS, 0, 0))
        grid = tuple(size // step for size, step in zip(pixels, patch))
    if math.prod(grid) != places:
        raise ConversionError(
            "`pos_embed` must hold a class token and a square grid, or that of `pretrained_cfg.input_size` "
            f"in {CONFIG}. Received: {places + 1} positions. ViTs without class token or with registers have "
            "no counterpart here."
        )
    return ImageViT(
        layout=TIMM,
        size=Size(
            depth=1 + max(int(name.split(".")[1]) for name in folder.shapes if name.startswith("blocks.")),
            width=width,
            hidden_width=folder.shapes["blocks.0.mlp.fc1.weight"][0],
            heads=width // head_width,
            head_width=head_width,
        ),
        norm_epsilon=TIMM_EPSILON,
        patch=tuple(patch),
        grid=grid,
        mean=tuple(pretrained.get("mean", HALF)),
        deviation=tuple(pretrained.get("std", HALF)),
    )


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)
