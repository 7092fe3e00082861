"""Where each weight of our models stands in a checkpoint of the original release.

The mapping is this module's structure: it walks our layers and names each one's place in the release's object
graph. It is used in both directions, and a name that it does not produce is a name that we do not know.
"""

from collections.abc import Iterator

from vatt.convert.report import ConversionError
from vatt.layers.architecture import NORM_EPSILON
from vatt.models.agnostic import AgnosticVATT
from vatt.models.classifier import Classifier
from vatt.models.vatt import VATT

ROOT = "model/layer_with_weights-0"
BASE = f"{ROOT}/_base_layer"
VIDEO_BASE = f"{BASE}/vid_backbone/_base"
AUDIO_BASE = f"{BASE}/aud_backbone/_base"
TEXT_BASE = f"{BASE}/txt_backbone"
UNIFIED_BASE = f"{BASE}/unified_backbone/unified_transformer"
HEADS = f"{ROOT}/_head_layer/_bridge_heads/0"
FINETUNE_BASE = f"{ROOT}/_base"
CLASSIFIER = f"{ROOT}/_ops/cls"

# Name of the patch map, by the kind of signal.
PATCHES = {
    "video": "voxel_to_patch",
    "image": "voxel_to_patch",
    "audio": "wave_to_patch",
    "spectrogram": "spectrum_to_patch",
}
# Axis of ours -> name of its table ("spectoral" is theirs).
TABLES = {
    "time": "temporal",
    "row": "vertical",
    "column": "horizontal",
    "sample": "temporal",
    "word": "temporal",
    "frequency": "spectoral",
}
AGGREGATES = {"video": "vid_agg_embedding", "audio": "aud_agg_embedding", "text": "txt_agg_embedding"}

Named = Iterator[tuple[str, object]]  # (name in the release, our variable)


def released_names(model) -> dict:
    """Name in the release -> our variable, for every weight of a `VATT`, `AgnosticVATT` or `Classifier`."""
    _require_released_layout(model)
    if isinstance(model, VATT):
        named = _modality_specific(model)
    elif isinstance(model, AgnosticVATT):
        named = _modality_agnostic(model)
    else:
        named = _classifier(model)
    return dict(named)


def _require_released_layout(model) -> None:
    if not isinstance(model, VATT | AgnosticVATT | Classifier):
        raise ConversionError(
            "The release's layout has a place for VATT, AgnosticVATT and Classifier. Received: "
            f"{type(model).__name__}."
        )
    config = model.get_config()
    wanted = {"normalise_positions": True, "heads": "released", "relative_layers": "all", "projections": True}
    wanted |= {"joint_axes": (), "norm_epsilon": NORM_EPSILON, "spectrogram": None}
    wrong = {key: config[key] for key, value in wanted.items() if key in config and config[key] != value}
    if config.get("word_table_width", 0) is None:
        wrong["word_table_width"] = None
    if wrong:
        rule = ", ".join(f"{key}={value!r}" for key, value in wanted.items() if key in wrong)
        rule = ", ".join(filter(None, [rule, "word_table_width=300" if "word_table_width" in wrong else ""]))
        raise ConversionError(
            f"A model has a place in the release's layout only with {rule}. Received: {wrong}. "
            "Build it under experiments/overlay/released_pretrain.gin."
        )


def _modality_specific(model: VATT) -> Named:
    yield from _patch_backbone(VIDEO_BASE, model.video, PATCHES["video"])
    yield from _patch_backbone(AUDIO_BASE, model.audio, PATCHES["audio"])
    words = model.text.embedder
    yield f"{TEXT_BASE}/agg_embedding", words.aggregate_token.vector
    yield f"{TEXT_BASE}/embedding/embeddings", words.table.embeddings
    yield from _dense(f"{TEXT_BASE}/pre_proj", words.project)
    yield from _text_encoder(f"{TEXT_BASE}/base_lm", model.text.encoder)
    yield from _heads(model.spaces)


def _modality_agnostic(model: AgnosticVATT) -> Named:
    for modality in ("video", "audio", "text"):
        backbone = getattr(model, modality)
        embedder = backbone.embedder
        tokenizer = f"{UNIFIED_BASE}/raw_to_embeddings/{modality}"
        if modality == "text":
            yield f"{tokenizer}/embeddings", embedder.table.embeddings
            yield f"{UNIFIED_BASE}/{AGGREGATES[modality]}", embedder.aggregate_token.vector
        else:
            yield from _patches(tokenizer, embedder.patches)
            yield f"{UNIFIED_BASE}/{AGGREGATES[modality]}", embedder.aggregate.vector
        yield from _dense(f"{UNIFIED_BASE}/pre_proj/{modality}", embedder.project)
        yield from _positions(f"{UNIFIED_BASE}/pos_embedding_lookup/{modality}", embedder.positions)
        yield from _dense(f"{UNIFIED_BASE}/post_proj/{modality}", backbone.projection)
    yield from _patch_encoder(f"{UNIFIED_BASE}/tx", model.encoder)
    yield from _heads(model.spaces)


def _classifier(model: Classifier) -> Named:
    yield from _patch_backbone(FINETUNE_BASE, model.backbone, PATCHES[model.modality])
    yield from _dense(CLASSIFIER, model.head)


def _patch_backbone(at, backbone, patches) -> Named:
    embedder = backbone.embedder
    yield f"{at}/agg_embedding", embedder.aggregate.vector
    yield from _patches(f"{at}/{patches}", embedder.patches)
    if embedder.project is not None:
        yield from _dense(f"{at}/pre_proj", embedder.project)
    yield from _positions(f"{at}/pos_embedding_lookup", embedder.positions)
    yield from _patch_encoder(f"{at}/tx", backbone.encoder)
    if backbone.projection is not None:
        yield from _dense(f"{at}/post_proj", backbone.projection)


def _patch_encoder(at, encoder) -> Named:
    for number, block in enumerate(encoder.blocks):
        layer = f"{at}/layers/{number}"
        yield from _norm(f"{layer}/layer_norm", block.norm1)
        yield from _attention(f"{layer}/mha", block.attention)
        yield from _feed_forward(f"{layer}/feed_forward", block)
    yield from _norm(f"{at}/final_layer_norm", encoder.final_norm)


def _text_encoder(at, encoder) -> Named:
    for number, block in enumerate(encoder.blocks):
        layer = f"{at}/layers/{number}"
        yield from _rms_norm(f"{layer}/self_attention/layer_norm", block.norm1)
        yield from _attention(f"{layer}/self_attention/attention", block.attention)
        yield from _feed_forward(f"{layer}/feed_forward", block)
    bias = f"{at}/layers/0/self_attention/attention/relative_attention_bias"
    yield f"{bias}/embeddings", encoder.relative_bias.table
    yield from _rms_norm(f"{at}/final_layer_norm", encoder.final_norm)


def _attention(at, attention) -> Named:
    yield from _dense(f"{at}/q", attention.query)
    yield from _dense(f"{at}/k", attention.key)
    yield from _dense(f"{at}/v", attention.value)
    yield from _dense(f"{at}/o", attention.output_map)


def _feed_forward(at, block) -> Named:
    yield from _norm(f"{at}/layer_norm", block.norm2)
    yield from _dense(f"{at}/mlp/wi", block.feed_forward.expand)
    yield from _dense(f"{at}/mlp/wo", block.feed_forward.contract)


def _heads(spaces) -> Named:
    yield from _dense(f"{HEADS}/vid_to_hid", spaces.video_hidden)
    yield from _batch_norm(f"{HEADS}/hid_to_va/pre_bn", spaces.video_hidden_norm)
    yield from _dense(f"{HEADS}/hid_to_va/dense", spaces.video_output)
    yield from _batch_norm(f"{HEADS}/hid_to_va/bn", spaces.video_output_norm)
    yield from _dense(f"{HEADS}/va_to_vat/dense", spaces.bridge)
    yield from _batch_norm(f"{HEADS}/va_to_vat/bn", spaces.bridge_norm)
    yield from _dense(f"{HEADS}/aud_to_va", spaces.audio)
    yield from _dense(f"{HEADS}/txt_to_vat", spaces.text)


def _positions(at, positions) -> Named:
    for axis, table in zip(positions.axes, positions.tables):
        yield table_name(at, axis), table
    yield from _norm(f"{at}/layernorm", positions.norm)


def table_name(at, axis) -> str:
    """Name of the position table of one of our axes under the release's position module."""
    return f"{at}/{TABLES[axis]}_position_embeddings/embeddings"


def _patches(at, patches) -> Named:
    yield f"{at}/kernel", patches.kernel
    yield f"{at}/bias", patches.bias


def _dense(at, dense) -> Named:
    yield f"{at}/kernel", dense.kernel
    if dense.use_bias:
        yield f"{at}/bias", dense.bias


def _norm(at, norm) -> Named:
    yield f"{at}/gamma", norm.gamma
    yield f"{at}/beta", norm.beta


def _rms_norm(at, norm) -> Named:
    yield f"{at}/weight", norm.scale


def _batch_norm(at, norm) -> Named:
    yield from _norm(at, norm)
    yield f"{at}/moving_mean", norm.moving_mean
    yield f"{at}/moving_variance", norm.moving_variance
