"""T5 encoders in safetensors → our text tower: v1.0 (relu), v1.1 and FLAN (gated gelu), mT5.

Only the encoder is taken: the decoder is reported as skipped. Raffel et al. 2020.
"""

from pathlib import Path

from vatt.convert.loading import Recipe, copied, fill, match, transposed
from vatt.convert.report import ConversionError, Entry, LoadReport
from vatt.convert.safetensors_folder import CONFIG, SafetensorsFolder
from vatt.layers.architecture import Form, Size
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.text_encoder import TextEncoder
from vatt.layers.word_tokenizer import WordTokenizer
from vatt.models.bounds import check_arrays, check_number, weights_of
from vatt.models.tower import Tower
from vatt.models.vatt import VATT
from vatt.spec import PADDING_ID

# `feed_forward_proj` -> (activation of ours, `dense_act_fn`). "gated-gelu" means the tanh form, with which T5
# was trained.
ACTIVATIONS = {"relu": ("relu", "relu"), "gated-gelu": ("gated_gelu", "gelu_new")}
# What a configuration leaves out has these values in transformers; those of before 2021 leave out all,
# and have `feed_forward_proj` by the model's type.
NETWORKS = {"t5": "relu", "mt5": "gated-gelu"}
LIBRARY = {
    "layer_norm_epsilon": 1e-6,
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
}
SHARED, OWN = "shared.weight", "encoder.embed_tokens.weight"  # one table under either name
BLOCKS = "encoder.block."
# The only one: all layers share it.
RELATIVE = f"{BLOCKS}0.layer.0.SelfAttention.relative_attention_bias.weight"
SKIPPED = {"decoder": "decoder", "lm_head": "decoder"}  # first part of a name -> what it belongs to


def convert_t5(path: str | Path) -> tuple[VATT, LoadReport]:
    """A text model with the encoder of a directory of config.json and model.safetensors.

    Its word ids are those of T5's own SentencePiece model, see `vatt.data.sentencepiece`.
    """
    folder = SafetensorsFolder(path)
    tower = t5_tower(folder)
    model = VATT(text=tower, name="t5")
    shapes, skipped = _encoder_shapes(folder.shapes)
    recipes = t5_recipes(tower, words=OWN if OWN in shapes else SHARED)
    encoder = tower.encoder
    report = match(
        recipes,
        shapes,
        source=str(folder.path),
        target=f"T5 encoder ({encoder.size.depth} × {encoder.size.width}, {encoder.form.activation})",
    )
    report.skipped = skipped
    report.assumed = _assumed(folder)
    fill(report, recipes, folder.read)
    return model, report


def t5_tower(folder: SafetensorsFolder) -> Tower:
    """The tower that config.json describes, with initial weights."""
    config = folder.config
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in NETWORKS:
        raise ConversionError(
            f"`model_type` in {CONFIG} must be one of {tuple(NETWORKS)}. Received: {kind!r} in "
            f"{folder.path}. Other text models have another architecture; `vatt convert vit` takes image "
            "ViTs."
        )
    network = config.get("feed_forward_proj", NETWORKS[kind])
    if not isinstance(network, str) or network not in ACTIVATIONS:
        raise ConversionError(
            f"`feed_forward_proj` in {CONFIG} must be one of {tuple(ACTIVATIONS)}. Received: {network!r}. "
            "T5 v1.0, v1.1, FLAN-T5, ByT5 and mT5 have one of them; UL2 and others have no counterpart here."
        )
    if config.get("pad_token_id", PADDING_ID) != PADDING_ID:
        raise ConversionError(
            f"`pad_token_id` in {CONFIG} must be {PADDING_ID}, the id of padding here. Received: "
            f"{config['pad_token_id']}. Renumber the words and the rows of the table."
        )
    activation, function = ACTIVATIONS[network]
    if config.get("dense_act_fn", function) != function:
        raise ConversionError(
            f"`feed_forward_proj` and `dense_act_fn` in {CONFIG} must mean one activation. Received: "
            f"{network!r} and {config['dense_act_fn']!r} in {folder.path}. Take the file that belongs to "
            "these weights."
        )
    size = _size(folder)
    buckets, distance = (
        folder.setting(name) if name in config else LIBRARY[name]
        for name in ("relative_attention_num_buckets", "relative_attention_max_distance")
    )
    _check_arrays(folder, size, buckets, network)
    rate = folder.number("dropout_rate", 0.1)
    return Tower(
        tokenizer=WordTokenizer(
            vocabulary_size=folder.setting("vocab_size"), aggregate=None, dropout_rate=rate
        ),
        encoder=TextEncoder(
            size=size,
            form=Form(
                attention_norm="rms",
                norm_epsilon=folder.number("layer_norm_epsilon", LIBRARY["layer_norm_epsilon"]),
                activation=activation,
                use_bias=False,
                scale_scores=False,
            ),
            relative_bias=RelativeBias(buckets=buckets, max_distance=distance),
            dropout_rate=rate,
        ),
    )


def _size(folder) -> Size:
    names = {
        "depth": "num_layers",
        "width": "d_model",
        "hidden_width": "d_ff",
        "heads": "num_heads",
        "head_width": "d_kv",
    }
    for ours, theirs in names.items():
        check_number(ours, folder.setting(theirs), source=folder.path / CONFIG)
        if folder.setting(theirs) < 1:
            raise ConversionError(
                f"`{theirs}` in {CONFIG} must be positive. Received: {folder.setting(theirs)} in "
                f"{folder.path}. Take the file that belongs to these weights."
            )
    return Size(**{ours: folder.setting(theirs) for ours, theirs in names.items()})


def _check_arrays(folder, size: Size, buckets: int, network: str) -> None:
    """Raises where config.json contradicts the shapes, before anything is built of either."""
    first = f"{BLOCKS}0.layer"
    attention, dense = f"{first}.0.SelfAttention", f"{first}.1.DenseReluDense"
    inner = size.heads * size.head_width
    folder.require_agreement(
        {
            "d_model": (size.width, f"{attention}.q.weight", 1),
            "num_heads": (size.heads, RELATIVE, 1),
            "relative_attention_num_buckets": (buckets, RELATIVE, 0),
            "num_heads × d_kv": (inner, f"{attention}.q.weight", 0),
            "d_ff": (size.hidden_width, f"{dense}.wo.weight", 1),
            "vocab_size": (folder.setting("vocab_size"), OWN if OWN in folder.shapes else SHARED, 0),
        }
    )
    check_number("vocabulary_size", folder.setting("vocab_size"), source=folder.path / CONFIG)
    check_arrays(
        weights_of(size) + folder.setting("vocab_size") * size.width, folder.numbers, source=folder.path
    )
    blocks = folder.blocks(BLOCKS)
    if blocks != size.depth:
        raise folder.contradiction(f"num_layers={size.depth} in {CONFIG}, {blocks} blocks in the arrays")
    gated = f"{dense}.wi_0.weight" in folder.shapes
    if gated != (network == "gated-gelu") and (gated or f"{dense}.wi.weight" in folder.shapes):
        raise folder.contradiction(
            f"feed_forward_proj={network!r} by {CONFIG}, a {'gated' if gated else 'plain'} network "
            f"({dense}.{'wi_0' if gated else 'wi'}) in the arrays"
        )


def _assumed(folder) -> list[str]:
    """What config.json leaves out, in words."""
    return [
        f"{name} {value}: transformers' own value; {CONFIG} leaves it out"
        for name, value in (LIBRARY | {"feed_forward_proj": NETWORKS[folder.config["model_type"]]}).items()
        if name not in folder.config
    ]


def t5_recipes(tower: Tower, words: str = SHARED) -> list[Recipe]:
    """Where each weight of a T5 encoder stands; `words` is the name of the word table."""
    encoder = tower.encoder
    recipes = [
        copied(words, tower.tokenizer.table.embeddings),
        copied(RELATIVE, encoder.relative_bias.table),
        copied("encoder.final_layer_norm.weight", encoder.final_norm.scale),
    ]
    for number, block in enumerate(encoder.blocks):
        at = f"{BLOCKS}{number}.layer"
        recipes += [
            copied(f"{at}.0.layer_norm.weight", block.norm1.scale),
            copied(f"{at}.1.layer_norm.weight", block.norm2.scale),
        ]
        maps = _attention_maps(f"{at}.0.SelfAttention", block.attention)
        maps |= _feed_forward_maps(f"{at}.1.DenseReluDense", block.feed_forward)
        recipes += [transposed(f"{name}.weight", dense.kernel) for name, dense in maps.items()]
    return recipes


def _attention_maps(at, attention):
    return {
        f"{at}.q": attention.query,
        f"{at}.k": attention.key,
        f"{at}.v": attention.value,
        f"{at}.o": attention.output_map,
    }


def _feed_forward_maps(at, feed_forward):
    if feed_forward.gate is None:
        expanding = {f"{at}.wi": feed_forward.expand}
    else:
        expanding = {f"{at}.wi_0": feed_forward.gate, f"{at}.wi_1": feed_forward.expand}
    return expanding | {f"{at}.wo": feed_forward.contract}


def _encoder_shapes(shapes):
    """Shapes without what the encoder does not need, and `Entry` for that."""
    kept, skipped = {}, []
    for name, shape in shapes.items():
        reason = SKIPPED.get(name.split(".")[0])
        if name == SHARED and OWN in shapes:
            reason = "decoder"  # untied: the encoder has a table of its own
        if reason:
            skipped.append(Entry(name, None, shape, reason))
        else:
            kept[name] = shape
    return kept, skipped
