"""Image ViTs in safetensors → our video tower, and our encoders → the layout of transformers'
`ViTModel`.
"""

from pathlib import Path
from typing import Any

import numpy as np

from vatt.convert.loading import fill, match
from vatt.convert.report import ConversionError, Entry, LoadReport
from vatt.convert.restore import tower_of
from vatt.convert.safetensors_folder import SafetensorsFolder, write_folder
from vatt.convert.vit_architecture import HUGGING_FACE, read_vit
from vatt.convert.vit_names import hugging_face_names, hugging_face_recipes, timm_recipes
from vatt.convert.vit_settings import CHANNELS, Stated
from vatt.convert.vit_tokenizer import JOINT, tokenizer_recipes, video_tokenizer
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.models.tower import Tower
from vatt.models.vatt import VATT
from vatt.spec import VIDEO

# First parts of names that stand behind the features or serve another objective -> what they are.
SKIPPED = {"pooler": "pooler", "classifier": "classifier", "head": "classifier", "decoder": "decoder"}
MASK_TOKEN = "embeddings.mask_token"


def convert_vit(
    path: str | Path,
    *,
    frames: int = 32,
    frame_size: int | None = None,
    patch_frames: int = 4,
    positions: str = JOINT,
    stated: Stated = Stated(),  # noqa: B008 (frozen)
) -> tuple[VATT, LoadReport]:
    """A video model with the weights of an image ViT.

    Args:
        path: directory of config.json and model.safetensors.
        frames: frames of a clip, T.
        frame_size: H = W in pixels, None: the ViT's own; its positions are interpolated to other sizes.
        patch_frames: frames of a patch; a still clip of that length gives the same result as the image.
        positions: "joint" keeps a table over all places of the grid, which is exact; "split" takes the
            nearest tables over rows and columns, VATT's form (Eq. 1), and reports what that loses.
        stated: what its files do not contain.
    """
    folder = SafetensorsFolder(path)
    vit = read_vit(folder, stated)
    tokenizer = video_tokenizer(
        vit, frames=frames, frame_size=frame_size, patch_frames=patch_frames, positions=positions
    )
    encoder = vit.encoder()
    model = VATT(video=Tower(tokenizer=tokenizer, encoder=encoder), name="vit")
    shapes, skipped = _without_heads(folder.shapes, vit.prefix)
    recipes = tokenizer_recipes(vit, tokenizer, folder) + _encoder_recipes(vit, encoder)
    report = match(
        recipes, shapes, source=str(folder.path), target=f"video ViT ({_words(vit, tokenizer.grid)})"
    )
    report.skipped = skipped
    report.assumed = list(vit.assumed)
    fill(report, recipes, folder.read)
    return model, report


def to_vit(encoder: TransformerEncoder) -> dict[str, np.ndarray]:
    """Name in `ViTModel` -> array, for every weight of a patch encoder, bit for bit."""
    _require_vit(encoder)
    return {
        name: np.transpose(np.asarray(variable)) for name, variable in hugging_face_names(encoder).items()
    }


def write_vit(model: Any, path: str | Path, modality: str = VIDEO) -> None:
    """Writes the encoder of one of our models as config.json and model.safetensors.

    What stands before an encoder, patches and positions, has no place in an image ViT and stays out.
    """
    tower = tower_of(model, modality)
    if not isinstance(tower, Tower):
        raise ConversionError(
            "A Transformer alone has a place in a ViT's layout. Received: a tower for "
            f"{modality} with {tower.encoder.summary}. Keep this model as .keras."
        )
    encoder = tower.encoder
    arrays = to_vit(encoder)
    config = {
        "architectures": ["ViTModel"],
        "model_type": "vit",
        "hidden_size": encoder.size.width,
        "num_hidden_layers": encoder.size.depth,
        "num_attention_heads": encoder.size.heads,
        "intermediate_size": encoder.size.hidden_width,
        "hidden_act": "gelu",
        "qkv_bias": True,
        "layer_norm_eps": encoder.form.norm_epsilon,
        "hidden_dropout_prob": encoder.dropout_rate,
        "attention_probs_dropout_prob": encoder.dropout_rate,
    }
    if modality == VIDEO:
        tokenizer = tower.tokenizer
        patch = tokenizer.patch[1:]
        image = [places * step for places, step in zip(tokenizer.grid[1:], patch)]
        config |= {"image_size": image, "patch_size": list(patch), "num_channels": CHANNELS}
    write_folder(path, arrays, config)


def _encoder_recipes(vit, encoder):
    if vit.layout == HUGGING_FACE:
        return hugging_face_recipes(encoder, vit.prefix)
    return timm_recipes(encoder)


def _without_heads(shapes, prefix):
    """Shapes without what the features do not need, and `Entry` for that."""
    kept, skipped = {}, []
    for name, shape in shapes.items():
        inner = name.removeprefix(prefix)
        reason = "mask token" if inner == MASK_TOKEN else SKIPPED.get(inner.split(".")[0])
        if reason:
            skipped.append(Entry(name, None, shape, reason))
        else:
            kept[name] = shape
    return kept, skipped


def _words(vit, grid):
    size = vit.size
    heads = f"{size.heads} heads of {size.head_width}"
    return f"{size.depth} × {size.width}, {heads}, grid {' × '.join(map(str, grid))}"


def _require_vit(encoder):
    wanted = {
        "attention_norm": "layer",
        "norm_placement": "pre",
        "activation": "gelu",
        "use_bias": True,
        "scale_scores": True,
        "relative_bias": None,
    }
    config = {**encoder.form.get_config(), "relative_bias": encoder.relative_bias}
    wrong = {name: config[name] for name, value in wanted.items() if config[name] != value}
    size = encoder.size
    if size.heads * size.head_width != size.width:
        wrong["heads × head_width"] = f"{size.heads} × {size.head_width}"
        wanted["heads × head_width"] = f"width = {size.width}"
    if wrong:
        rule = ", ".join(f"{name}={wanted[name]}" for name in wrong)
        raise ConversionError(
            f"An encoder has a place in a ViT's layout only with {rule}. Received: {wrong}. "
            "Keep this model as .keras."
        )
