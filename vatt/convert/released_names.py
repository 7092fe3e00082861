"""Where each weight of our models stands in a checkpoint of the original release.

The mapping is this module's structure: it walks our layers and names each one's place in the release's object
graph. It is used in both directions, and a name that it does not produce is a name that we do not know.
"""

from collections.abc import Iterator
from typing import Any

from vatt.convert import released_conv_names as conv_names
from vatt.convert.report import ConversionError
from vatt.layers.architecture import NORM_EPSILON
from vatt.layers.i3d import BLOCKS, I3D
from vatt.layers.linear_text import LinearText
from vatt.layers.resnet import ResNet
from vatt.layers.signal_tokenizer import SignalTokenizer
from vatt.models.classifier import Classifier
from vatt.models.conv_tower import ConvTower
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
_CONV_NETS = {"video": I3D, "audio": ResNet, "spectrogram": ResNet, "text": LinearText}
AGGREGATES = {"video": "vid_agg_embedding", "audio": "aud_agg_embedding", "text": "txt_agg_embedding"}

Named = Iterator[tuple[str, object]]  # (name in the release, our variable)


def released_names(model: Any) -> dict:
    """Name in the release -> our variable, for every weight of a `VATT` or a `Classifier`."""
    _require_released_layout(model)
    if isinstance(model, Classifier):
        return dict(_classifier(model))
    if is_convolutional(model):
        return dict(_convolutional(model))
    return dict(_modality_agnostic(model) if model.shares_encoder else _modality_specific(model))


def is_convolutional(model: Any) -> bool:
    """Whether ConvNets alone read the signals (`mmv_fac`, `i3d`, `resnet2d_50`)."""
    return all(isinstance(tower, ConvTower) for tower in model.towers.values())


def _require_released_layout(model) -> None:
    if not isinstance(model, VATT | Classifier):
        raise ConversionError(
            f"The release's layout has a place for VATT and Classifier. Received: {type(model).__name__}."
        )
    wrong = dict(_unreleased(model))
    if wrong:
        raise ConversionError(
            "A model has a place in the release's layout only with the release's parts. Received: "
            f"{'; '.join(f'{part} {fault}' for part, fault in wrong.items())}. Build it under "
            "experiments/overlay/released_pretrain.gin."
        )


def _unreleased(model) -> Iterator[tuple[str, str]]:
    """(part, what about it the release has not)."""
    if isinstance(model, VATT):
        absent = {"video", "audio", "text"} - set(model.towers)
        if absent:
            yield "the model", f"has no tower for {', '.join(sorted(absent))}"
        if model.spaces is None or model.spaces.form != "released":
            yield "CommonSpaces", "are not of form='released'"
    if not is_convolutional(model) and any(isinstance(each, ConvTower) for each in model.towers.values()):
        yield "the model", "mixes ConvNets and Transformers"
        return
    for modality, tower in model.towers.items():
        if isinstance(tower, ConvTower):
            yield from _unreleased_conv_net(f"the {modality} tower's", modality, tower)
            continue
        tokenizer, encoder = tower.tokenizer, tower.encoder
        at = f"the {modality} tower's"
        if encoder.form.norm_epsilon != NORM_EPSILON:
            yield f"{at} encoder", f"has norm_epsilon={encoder.form.norm_epsilon} instead of {NORM_EPSILON}"
        if encoder.relative_bias is not None and encoder.relative_bias.blocks != "all":
            yield f"{at} RelativeBias", "has blocks='first' instead of 'all'"
        if getattr(tokenizer, "log_mel", None) is not None:
            yield f"{at} tokenizer", "makes its spectrogram itself (log_mel)"
        positions = tokenizer.positions
        if positions is not None and not positions.normalise:
            yield f"{at} FactorisedPositions", "have normalise=False"
        if positions is not None and positions.joint_axes:
            yield f"{at} FactorisedPositions", f"have joint_axes={positions.joint_axes}"
        if modality == "text" and tokenizer.table_width is None:
            yield f"{at} WordTokenizer", "has table_width=None instead of 300"
        if isinstance(model, VATT) and model.shares_encoder:
            if isinstance(tokenizer, SignalTokenizer) and not tokenizer.projection:
                yield f"{at} tokenizer", "has projection=False"
            if not tower.projection_width:
                yield f"{at} output", "has projection_width=0"


def _unreleased_conv_net(at, modality, tower) -> Iterator[tuple[str, str]]:
    wanted = _CONV_NETS.get(modality)
    if wanted is None or not isinstance(tower.encoder, wanted):
        yield f"{at} encoder", f"is {type(tower.encoder).__name__}"
    elif isinstance(tower.encoder, I3D):
        encoder = tower.encoder
        if encoder.blocks != BLOCKS or (encoder.stem_kernel, encoder.stem_stride) != ((7, 7, 7), (2, 2, 2)):
            yield f"{at} I3D", "has other blocks or another stem"


def _convolutional(model: Any) -> Named:
    yield from conv_names.i3d(VIDEO_BASE, model.video.encoder)
    yield from conv_names.resnet(AUDIO_BASE, model.audio.encoder)
    yield from conv_names.linear_text(TEXT_BASE, model.text.encoder)
    yield from _heads(model.spaces)


def _modality_specific(model: Any) -> Named:
    yield from _patch_tower(VIDEO_BASE, model.video, PATCHES["video"])
    yield from _patch_tower(AUDIO_BASE, model.audio, PATCHES["audio"])
    words = model.text.tokenizer
    yield f"{TEXT_BASE}/agg_embedding", words.agg.vector
    yield f"{TEXT_BASE}/embedding/embeddings", words.table.embeddings
    yield from _dense(f"{TEXT_BASE}/pre_proj", words.project)
    yield from _text_encoder(f"{TEXT_BASE}/base_lm", model.text.encoder)
    yield from _heads(model.spaces)


def _modality_agnostic(model: Any) -> Named:
    for modality, tower in model.towers.items():
        tokenizer = tower.tokenizer
        at = f"{UNIFIED_BASE}/raw_to_embeddings/{modality}"
        if modality == "text":
            yield f"{at}/embeddings", tokenizer.table.embeddings
        else:
            yield from _patches(at, tokenizer.patches)
        yield f"{UNIFIED_BASE}/{AGGREGATES[modality]}", tokenizer.agg.vector
        yield from _dense(f"{UNIFIED_BASE}/pre_proj/{modality}", tokenizer.project)
        yield from _positions(f"{UNIFIED_BASE}/pos_embedding_lookup/{modality}", tokenizer.positions)
        yield from _dense(f"{UNIFIED_BASE}/post_proj/{modality}", tower.projection)
    yield from _patch_encoder(f"{UNIFIED_BASE}/tx", model.video.encoder)
    yield from _heads(model.spaces)


def _classifier(model: Classifier) -> Named:
    if is_convolutional(model):
        of_net = conv_names.i3d if isinstance(model.tower.encoder, I3D) else conv_names.resnet
        yield from of_net(FINETUNE_BASE, model.tower.encoder)
    else:
        yield from _patch_tower(FINETUNE_BASE, model.tower, PATCHES[model.modality])
    yield from _dense(CLASSIFIER, model.head)


def _patch_tower(at, tower, patches) -> Named:
    tokenizer = tower.tokenizer
    yield f"{at}/agg_embedding", tokenizer.agg.vector
    yield from _patches(f"{at}/{patches}", tokenizer.patches)
    if tokenizer.project is not None:
        yield from _dense(f"{at}/pre_proj", tokenizer.project)
    yield from _positions(f"{at}/pos_embedding_lookup", tokenizer.positions)
    yield from _patch_encoder(f"{at}/tx", tower.encoder)
    if tower.projection is not None:
        yield from _dense(f"{at}/post_proj", tower.projection)


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
    yield from conv_names.batch_norm(f"{HEADS}/hid_to_va/pre_bn", spaces.video_hidden_norm)
    yield from _dense(f"{HEADS}/hid_to_va/dense", spaces.video_output)
    yield from conv_names.batch_norm(f"{HEADS}/hid_to_va/bn", spaces.video_output_norm)
    yield from _dense(f"{HEADS}/va_to_vat/dense", spaces.bridge)
    yield from conv_names.batch_norm(f"{HEADS}/va_to_vat/bn", spaces.bridge_norm)
    yield from _dense(f"{HEADS}/aud_to_va", spaces.audio)
    yield from _dense(f"{HEADS}/txt_to_vat", spaces.text)


def _positions(at, positions) -> Named:
    for axis, table in zip(positions.axes, positions.tables):
        yield table_name(at, axis), table
    yield from _norm(f"{at}/layernorm", positions.norm)


def table_name(at: str, axis: str) -> str:
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
