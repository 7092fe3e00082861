"""Reads the architecture of an image ViT from its config.json and its shapes; what neither contains must be
given."""

import dataclasses
import math

from vatt.convert.report import ConversionError
from vatt.convert.safetensors_folder import CONFIG, SafetensorsFolder
from vatt.convert.timm_models import timm_model
from vatt.convert.vit_settings import ACTIVATION, CHANNELS, Settings, Stated
from vatt.layers.architecture import Form, Size
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.models.bounds import check_arrays, check_number, weights_of

HUGGING_FACE, TIMM = "hugging_face", "timm"
HALF = (0.5, 0.5, 0.5)  # this mean and this deviation make pixels in [0, 1] ours in [-1, 1]
PREPROCESSING = "preprocessor_config.json"
_LIBRARY = "transformers' own value"
# Arguments of timm's models that arrays show, that are read here, or that change training alone. Others,
# such as `block_fn`, make another network of the same arrays.
_KNOWN = {
    *("num_heads", "embed_dim", "depth", "patch_size", "img_size", "mlp_ratio", "in_chans", "global_pool"),
    *(
        "act_layer",
        "norm_layer",
        "init_values",
        "qkv_bias",
        "proj_bias",
        "class_token",
        "pre_norm",
        "qk_norm",
    ),
    *("num_classes", "reg_tokens", "fc_norm", "dynamic_img_size", "dynamic_img_pad", "strict_img_size"),
    *("drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate"),
    *("weight_init", "fix_init"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageViT:
    """An image ViT."""

    layout: str  # whose names its arrays have
    size: Size  # size of the Transformer
    norm_epsilon: float  # added to the variance in every norm
    patch: tuple[int, int]  # (rows, columns) of a patch in pixels
    grid: tuple[int, int]  # (rows, columns) of patches that it has positions for
    prefix: str = ""  # what stands before every name
    mean: tuple[float, ...] = HALF  # of each colour, on [0, 1], with which it wants pixels normalised
    deviation: tuple[float, ...] = HALF
    dropout_rate: float = 0.0  # dropout in training
    assumed: tuple[str, ...] = ()  # what its files leave out and its library's own values fill in, in words

    def encoder(self) -> TransformerEncoder:
        """The encoder, with initial weights."""
        return TransformerEncoder(
            size=self.size,
            form=Form(norm_epsilon=self.norm_epsilon),
            dropout_rate=self.dropout_rate,
        )

    @property
    def image_size(self) -> tuple[int, int]:
        """(rows, columns) in pixels of the images that its positions are for."""
        return self.grid[0] * self.patch[0], self.grid[1] * self.patch[1]


def read_vit(folder: SafetensorsFolder, stated: Stated = Stated()) -> ImageViT:  # noqa: B008 (frozen)
    """The ViT in a directory.

    Raises:
        ConversionError: it is no image ViT, its configuration contradicts its arrays, or settings are
            missing.
    """
    if folder.config.get("model_type") == "vit":
        return _hugging_face(folder, Settings(stated, folder.path))
    if "patch_embed.proj.weight" in folder.shapes and "blocks.0.attn.qkv.weight" in folder.shapes:
        return _timm(folder, Settings(stated, folder.path))
    first = ", ".join(sorted(folder.shapes)[:3]) or "no array"
    raise ConversionError(
        f'The model must be an image ViT: `model_type` "vit" in {CONFIG}, or arrays named as timm\'s '
        f"VisionTransformer (patch_embed, blocks, norm). Received: model_type="
        f"{folder.config.get('model_type')!r} and {len(folder.shapes)} arrays: {first} …"
    )


def _hugging_face(folder, settings):
    wanted = {"qkv_bias": True, "num_channels": CHANNELS}
    wrong = {
        name: folder.config[name] for name, value in wanted.items() if folder.config.get(name, value) != value
    }
    if wrong:
        raise ConversionError(
            f"{CONFIG} must say {', '.join(f'{name}={wanted[name]!r}' for name in wrong)}; the patch encoder "
            f"has nothing else. Received: {wrong} in {folder.path}."
        )
    prefix = "vit." if any(name.startswith("vit.") for name in folder.shapes) else ""
    width, depth = folder.setting("hidden_size"), folder.setting("num_hidden_layers")
    hidden_width = folder.setting("intermediate_size")
    # What a configuration leaves out has these values in transformers.
    patch = _pair(folder, "patch_size", 16)
    rows, columns = _pair(folder, "image_size", 224)
    grid = rows // patch[0], columns // patch[1]
    _check_arrays(folder, prefix, width, depth, hidden_width, patch, grid)
    heads = settings.take("heads", folder.config.get("num_attention_heads"))
    epsilon = settings.take(
        "norm_epsilon", folder.config.get("layer_norm_eps"), library=1e-12, owner=_LIBRARY
    )
    settings.take("activation", folder.config.get("hidden_act"), library=ACTIVATION, owner=_LIBRARY)
    mean, deviation = _normalisation(folder, settings)
    settings.require_known(f"whose {CONFIG} has no `num_attention_heads`")
    return ImageViT(
        layout=HUGGING_FACE,
        prefix=prefix,
        size=_size(folder, depth=depth, width=width, hidden_width=hidden_width, heads=heads),
        norm_epsilon=epsilon,
        patch=patch,
        grid=grid,
        dropout_rate=folder.number("hidden_dropout_prob", 0.0),
        mean=mean,
        deviation=deviation,
        assumed=tuple(settings.assumed),
    )


def _check_arrays(folder, prefix, width, depth, hidden_width, patch, grid):
    """Raises where config.json contradicts the shapes, before anything is built of either."""
    kernel = f"{prefix}embeddings.patch_embeddings.projection.weight"
    positions = f"{prefix}embeddings.position_embeddings"
    first = f"{prefix}encoder.layer.0"
    folder.require_agreement(
        {
            "hidden_size": (width, f"{first}.attention.attention.query.weight", 1),
            "intermediate_size": (hidden_width, f"{first}.intermediate.dense.weight", 0),
            "patch_size": (patch[0], kernel, 2),
            "patch_size of columns": (patch[1], kernel, 3),
        }
    )
    if min(grid) < 1:
        raise folder.contradiction(f"patch_size={patch} pixels of images of fewer in {CONFIG}")
    blocks = folder.blocks(f"{prefix}encoder.layer.")
    if blocks != depth:
        raise folder.contradiction(f"num_hidden_layers={depth} in {CONFIG}, {blocks} blocks in the arrays")
    places = 1 + math.prod(grid)
    folder.require_agreement({"image_size / patch_size: positions": (places, positions, 1)})
    check_arrays(places * width + CHANNELS * math.prod(patch) * width, folder.numbers, source=folder.path)
    for name, sizes in {"patch": patch, "grid": grid}.items():  # of an encoder alone, which has neither
        for size in (*sizes, math.prod(sizes)):
            check_number(name, size, source=folder.path / CONFIG)


def _normalisation(folder, settings):
    preprocessing = folder.json(PREPROCESSING)
    scale = preprocessing.get("rescale_factor", 1 / 255)
    is_number = isinstance(scale, int | float)
    if not preprocessing.get("do_rescale", True) or not is_number or abs(255 * scale - 1) > 1e-3:
        raise ConversionError(
            f"Pixels must be brought to [0, 1] before they are normalised. Received: do_rescale="
            f"{preprocessing.get('do_rescale', True)}, rescale_factor={scale} in {PREPROCESSING} of "
            f"{folder.path}. State image_mean and image_std on that scale there."
        )
    if preprocessing and not preprocessing.get("do_normalize", True):
        return (0.0,) * CHANNELS, (1.0,) * CHANNELS
    return tuple(
        settings.take(
            name, preprocessing.get(name), where=PREPROCESSING, library=HALF, owner="transformers' for ViT"
        )
        for name in ("image_mean", "image_std")
    )


def _timm(folder, settings):
    needed = {"patch_embed.proj.weight": 4, "pos_embed": 3, "blocks.0.mlp.fc1.weight": 2}
    absent = [name for name, axes in needed.items() if len(folder.shapes.get(name, ())) != axes]
    if absent:
        raise ConversionError(
            f"The architecture is read off the shapes of {', '.join(needed)}. Received: {folder.path} "
            f"without {', '.join(absent)}. Only ViTs with learned positions can be converted."
        )
    shape = folder.shapes["patch_embed.proj.weight"]
    if shape[1] != CHANNELS:
        raise ConversionError(
            f"The images must have {CHANNELS} channels. Received: `patch_embed.proj.weight` of shape "
            f"{list(shape)} in {folder.path}."
        )
    width, _, *patch = shape
    depth = folder.blocks("blocks.")
    name, given, pretrained = (
        folder.config.get("architecture"),
        folder.part("model_args"),
        folder.part("pretrained_cfg"),
    )
    model = timm_model(name)
    _check_timm(folder, model, name, given, width=width, depth=depth, patch=patch)
    changed = "model_args" if given else "architecture"
    settled = {field: getattr(model, field, None) for field in ("heads", "norm_epsilon")}
    heads = settings.take("heads", given.get("num_heads", settled["heads"]), where=f"`{changed}` in {CONFIG}")
    settings_of_norm = None if "norm_layer" in given else settled["norm_epsilon"]
    epsilon = settings.take("norm_epsilon", settings_of_norm, where=f"`architecture` in {CONFIG}")
    activation = given.get("act_layer", ACTIVATION if model else None)
    settings.take("activation", activation, where=f"`{changed}` in {CONFIG}")
    mean, deviation = (
        settings.take(
            f"image_{key}",
            pretrained.get(key),
            where=f"`pretrained_cfg` in {CONFIG}",
            library=getattr(model, f"image_{key}", None),
            owner=f"timm's for {name}",
        )
        for key in ("mean", "std")
    )
    named = f"architecture={name!r}, which is not known here" if name else "no `architecture`"
    settings.require_known(f"whose {CONFIG} has {named}")
    return ImageViT(
        layout=TIMM,
        size=_size(
            folder,
            depth=depth,
            width=width,
            hidden_width=folder.shapes["blocks.0.mlp.fc1.weight"][0],
            heads=heads,
        ),
        norm_epsilon=epsilon,
        patch=tuple(patch),
        grid=_timm_grid(folder, given, pretrained, patch),
        mean=mean,
        deviation=deviation,
        assumed=tuple(settings.assumed),
    )


def _check_timm(folder, model, name, given, *, width, depth, patch):
    """Raises where config.json contradicts the shapes, or the model pools what ours does not."""
    arrays = {"width": width, "depth": depth, "patch": patch[0]}
    changed = {"width": "embed_dim", "depth": "depth", "patch": "patch_size"}
    for key, found in arrays.items():
        said = given.get(changed[key], getattr(model, key, None))
        if said is not None and said != found:
            raise folder.contradiction(
                f"{key} {said} by architecture={name!r} in {CONFIG}, {key} {found} in the arrays"
            )
    unknown = {key: value for key, value in given.items() if key not in _KNOWN and value not in (None, False)}
    if unknown:
        raise ConversionError(
            f"`model_args` in {CONFIG} must be of the form that patch encoders have here: "
            f"{', '.join(sorted(_KNOWN))}. Received: {unknown!r:.200} in {folder.path}. Another form has "
            "no counterpart here; take out what changes nothing."
        )
    pool = given.get("global_pool", folder.config.get("global_pool", "token"))
    if pool not in ("token", ""):
        raise ConversionError(
            "An image ViT must pool by its class token, as its counterpart here does. Received: "
            f"global_pool={pool!r} in {CONFIG} of {folder.path}. Set it to 'token' there, if the features of "
            "the class token are what you want."
        )


def _timm_grid(folder, given, pretrained, patch) -> tuple[int, int]:
    """(rows, columns) of `pos_embed`, whose length alone does not distinguish 4 x 4 from 2 x 8."""
    places = folder.shapes["pos_embed"][1] - 1
    side = math.isqrt(places)
    input_size = pretrained.get("input_size")
    stated = {
        "model_args.img_size": given.get("img_size"),
        "pretrained_cfg.input_size": input_size[1:] if isinstance(input_size, list) else None,
    }
    for name, size in stated.items():
        size = [size, size] if type(size) is int else size
        if not isinstance(size, list) or len(size) != 2 or not all(type(each) is int for each in size):
            continue
        grid = tuple(pixels // step for pixels, step in zip(size, patch))
        if math.prod(grid) == places:
            return grid
        if name == "model_args.img_size":
            raise folder.contradiction(f"{name}={size} in {CONFIG}, {places + 1} positions in the arrays")
    if side * side != places:
        raise ConversionError(
            "`pos_embed` must hold a class token and a square grid, or that of `model_args.img_size` or "
            f"`pretrained_cfg.input_size` in {CONFIG}. Received: {places + 1} positions. ViTs without class "
            "token or with registers have no counterpart here."
        )
    return side, side


def _size(folder, *, depth, width, hidden_width, heads) -> Size:
    if width % heads:
        raise ConversionError(
            f"The number of heads must divide the model's width. Received: {heads} heads, a width of "
            f"{width}, in {folder.path}. Give --heads N of a number that does."
        )
    size = Size(depth=depth, width=width, hidden_width=hidden_width, heads=heads, head_width=width // heads)
    for name, value in size.get_config().items():
        check_number(name, value, source=folder.path)
    check_arrays(weights_of(size), folder.numbers, source=folder.path)
    return size


def _pair(folder, name, library) -> tuple[int, int]:
    value = folder.config.get(name, library)
    pair = [value, value] if isinstance(value, int) else value
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(type(each) is int and each > 0 for each in pair)
    ):
        raise ConversionError(
            f"`{name}` in {CONFIG} must be a positive number of pixels, or rows and columns of them. "
            f"Received: {value!r:.100} in {folder.path}."
        )
    rows, columns = pair
    return rows, columns
