"""T5 encoders in safetensors → our text backbone: v1.0 (relu), v1.1 and FLAN (gated gelu), mT5.

Only the encoder is taken: the decoder is reported as skipped. Raffel et al. 2020.
"""

from vatt.convert.loading import Recipe, copied, fill, match, transposed
from vatt.convert.report import ConversionError, Entry, LoadReport
from vatt.convert.safetensors_folder import CONFIG, SafetensorsFolder
from vatt.layers.architecture import NORM_EPSILON, Form, Size
from vatt.layers.embedders import WordEmbedder
from vatt.layers.transformer import Encoder
from vatt.models.backbone import Backbone
from vatt.models.unimodal import Unimodal
from vatt.spec import PADDING_ID, TEXT

MODEL_TYPES = ("t5", "mt5")
# `feed_forward_proj` -> activation of ours. "gated-gelu" means the tanh form, with which T5 was trained.
ACTIVATIONS = {"relu": "relu", "gated-gelu": "gated_gelu"}
SHARED, OWN = "shared.weight", "encoder.embed_tokens.weight"  # one table under either name
SKIPPED = {"decoder": "decoder", "lm_head": "decoder"}  # first part of a name -> what it belongs to


def convert_t5(path) -> tuple[Unimodal, LoadReport]:
    """A text model with the encoder of a directory of config.json and model.safetensors.

    Its word ids are those of T5's own SentencePiece model, see `vatt.data.sentencepiece`.
    """
    folder = SafetensorsFolder(path)
    model = Unimodal(backbone=t5_backbone(folder), modality=TEXT, name="t5")
    shapes, skipped = _encoder_shapes(folder.shapes)
    recipes = t5_recipes(model.backbone, words=OWN if OWN in shapes else SHARED)
    encoder = model.backbone.encoder
    report = match(
        recipes,
        shapes,
        source=str(folder.path),
        target=f"T5 encoder ({encoder.size.depth} × {encoder.size.width}, {encoder.form.activation})",
    )
    report.skipped = skipped
    fill(report, recipes, folder.read)
    return model, report


def t5_backbone(folder: SafetensorsFolder) -> Backbone:
    """The backbone that config.json describes, with initial weights."""
    config = folder.config
    kind = config.get("model_type")
    if kind not in MODEL_TYPES:
        raise ConversionError(
            f"`model_type` in {CONFIG} must be one of {MODEL_TYPES}. Received: {kind!r} in {folder.path}. "
            "Other text models have another architecture; `vatt convert vit` takes image ViTs."
        )
    network = config.get("feed_forward_proj", "relu")
    if network not in ACTIVATIONS:
        raise ConversionError(
            f"`feed_forward_proj` in {CONFIG} must be one of {tuple(ACTIVATIONS)}. Received: {network!r}. "
            "No published T5 has another."
        )
    if config.get("pad_token_id", PADDING_ID) != PADDING_ID:
        raise ConversionError(
            f"`pad_token_id` in {CONFIG} must be {PADDING_ID}, the id of padding here. Received: "
            f"{config['pad_token_id']}. Renumber the words and the rows of the table."
        )
    width = folder.setting("d_model")
    rate = config.get("dropout_rate", 0.1)
    return Backbone(
        embedder=WordEmbedder(
            vocabulary_size=folder.setting("vocab_size"),
            width=width,
            aggregate=False,
            dropout_rate=rate,
            name="embedder",
        ),
        encoder=Encoder(
            size=Size(
                depth=folder.setting("num_layers"),
                width=width,
                hidden_width=folder.setting("d_ff"),
                heads=folder.setting("num_heads"),
                head_width=folder.setting("d_kv"),
            ),
            form=Form(
                attention_norm="rms",
                norm_epsilon=config.get("layer_norm_epsilon", NORM_EPSILON),
                activation=ACTIVATIONS[network],
                use_bias=False,
                scale_scores=False,
            ),
            relative_buckets=config.get("relative_attention_num_buckets", 32),
            relative_max_distance=config.get("relative_attention_max_distance", 128),
            dropout_rate=rate,
            name="encoder",
        ),
        name=TEXT,
    )


def t5_recipes(backbone: Backbone, words: str = SHARED) -> list[Recipe]:
    """Where each weight of a T5 encoder stands; `words` is the name of the word table."""
    encoder = backbone.encoder
    at = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"  # the only one; all layers share it
    recipes = [
        copied(words, backbone.embedder.table.embeddings),
        copied(f"{at}.weight", encoder.relative_bias.table),
        copied("encoder.final_layer_norm.weight", encoder.final_norm.scale),
    ]
    for number, block in enumerate(encoder.blocks):
        at = f"encoder.block.{number}.layer"
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
