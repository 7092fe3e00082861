"""Reads off the shapes of a released checkpoint which of our models it is, and of what size."""

from collections.abc import Mapping

from vatt.convert import released_names as names
from vatt.convert.released_conv_nets import conv_net_of
from vatt.convert.report import ConversionError
from vatt.layers.architecture import SIZES, Form, Size
from vatt.layers.positions import FactorisedPositions
from vatt.layers.signal_tokenizer import SignalTokenizer
from vatt.layers.text_encoder import TextEncoder
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.layers.word_tokenizer import WordTokenizer
from vatt.models.agnostic import agnostic_vatt
from vatt.models.classifier import Classifier
from vatt.models.common_spaces import CommonSpaces
from vatt.models.tokenizer_for import TOKENIZERS
from vatt.models.tower import Tower
from vatt.models.vatt import VATT

_TEXT = f"{names.TEXT_BASE}/base_lm"
_ATTENTION = f"{_TEXT}/layers/0/self_attention/attention"
_RELATIVE, _QUERIES = f"{_ATTENTION}/relative_attention_bias/embeddings", f"{_ATTENTION}/q/kernel"
_KINDS = ("video", "audio", "spectrogram")


def released_model(shapes: Mapping[str, tuple[int, ...]], head_width: int | None = None) -> VATT | Classifier:
    """The model that a released checkpoint holds, with initial weights.

    Args:
        shapes: name -> shape of the model's variables.
        head_width: features per attention head; None where it is known otherwise: the relative positions of a
            text model determine it, see `assumed_heads`, and in the release's own sizes it is 64, as in its
            code.

    Raises:
        ConversionError: it is no such checkpoint, or of a size that the release has not, whose heads no shape
            tells.
    """
    if head_width is not None and head_width < 1:
        raise ConversionError(f"`head_width` must be positive. Received: {head_width}.")
    stated = _stated_head_width(shapes)
    if stated is not None and head_width not in (None, stated):
        raise ConversionError(
            "The width of a head must be that of the relative positions of the text model. Received: "
            f"--head_width {head_width}. Leave it out, or give --head_width {stated}."
        )
    reader = _Shapes(shapes, head_width or stated)
    if reader.any_under(names.UNIFIED_BASE):
        return _modality_agnostic(reader)
    if reader.any_under(f"{names.VIDEO_BASE}/tx") and reader.any_under(f"{names.TEXT_BASE}/base_lm/layers"):
        return _modality_specific(reader)
    conv_net = conv_net_of(reader)
    if conv_net is not None:
        return conv_net
    if reader.any_under(f"{names.FINETUNE_BASE}/tx") and reader.any_under(names.CLASSIFIER):
        return _classifier(reader)
    raise _unknown(reader)


def assumed_heads(shapes: Mapping[str, tuple[int, ...]], head_width: int | None) -> list[str]:
    """What of the heads is taken over from one part to others, in words for the report."""
    stated = _stated_head_width(shapes)
    if stated is None or head_width is not None:
        return []
    return [f"heads of {stated} features in video and audio: as in the text model, whose shapes determine it"]


def _stated_head_width(shapes) -> int | None:
    """By the relative positions, whose table has a column for each head."""
    if _RELATIVE not in shapes or _QUERIES not in shapes:
        return None
    heads, inner = shapes[_RELATIVE][-1:], shapes[_QUERIES][-1:]
    return inner[0] // heads[0] or None if heads > (0,) and inner else None


class _Shapes:
    """Shapes by name, with errors that name what is absent."""

    def __init__(self, shapes, head_width):
        self.shapes = shapes
        self.head_width = head_width

    def of(self, name, axes=None):
        if name not in self.shapes:
            raise ConversionError(
                f"The architecture is read off the shapes, for which `{name}` is needed. Received: a "
                f"checkpoint without it ({len(self.shapes)} variables). Is it cut, or of another program?"
            )
        shape = tuple(self.shapes[name])
        if 0 in shape or (axes is not None and len(shape) != axes):
            raise ConversionError(
                f"The architecture is read off the shapes. Received: `{name}` of shape {list(shape)}. Is the "
                "checkpoint cut, or of another program?"
            )
        return shape

    def any_under(self, at):
        return any(name.startswith(f"{at}/") for name in self.shapes)

    def size(self, at, attention="mha"):
        """Size of the Transformer whose layers are at `at`."""
        layers, depth = f"{at}/layers/", self.count(f"{at}/layers")
        width, inner = self.of(f"{layers}0/{attention}/q/kernel", axes=2)
        hidden_width = self.of(f"{layers}0/feed_forward/mlp/wi/kernel", axes=2)[1]
        found = {"depth": depth, "width": width, "hidden_width": hidden_width}
        for name, preset in SIZES.items():
            is_its = all(getattr(preset, key) == value for key, value in found.items())
            is_its = is_its and inner == preset.heads * preset.head_width
            if is_its and self.head_width in (None, preset.head_width):
                return name
        head_width = self.head_width
        if head_width is None:
            raise ConversionError(
                f"The width of a head must be known, and can not be inferred from the shapes of {at}. "
                f"Received: {inner} "
                f"features of all heads together, in a size that the release has not ({found}). "
                "Give --head_width N."
            )
        if inner % head_width:
            raise ConversionError(
                f"The width of a head must divide that of all heads together. Received: --head_width "
                f"{head_width}, heads of {inner} features in {at}. Give the width that the model was trained "
                "with."
            )
        return Size(heads=inner // head_width, head_width=head_width, **found)

    def tokenizer(self, kind, *, patches, tables, **options) -> SignalTokenizer:
        """Of the patch map at `patches` and the position tables at `tables`."""
        patch = self.of(f"{patches}/kernel")[:-2]
        axes = TOKENIZERS[kind].axes
        grid = tuple(self.of(names.table_name(tables, axis))[0] for axis in axes)
        sizes = tuple(places * step for places, step in zip(grid, patch))
        return TOKENIZERS[kind](sizes=sizes, patch=patch, edge="drop", **options)

    def count(self, at):
        """How many numbered parts there are at `at`."""
        numbers = {name[len(at) + 1 :].split("/")[0] for name in self.shapes if name.startswith(f"{at}/")}
        if numbers != {str(number) for number in range(len(numbers))}:
            raise ConversionError(
                f"Layers must be numbered from 0 without gaps. Received: {len(numbers)} in {at}, such as "
                f"{max(numbers, key=len, default='none'):.40}. Is the checkpoint cut, or of another program?"
            )
        return len(numbers)

    def spaces(self) -> CommonSpaces:
        """The release's heads, of these widths."""
        return CommonSpaces(
            video_audio_width=self.of(f"{names.HEADS}/aud_to_va/kernel")[1],
            video_text_width=self.of(f"{names.HEADS}/txt_to_vat/kernel")[1],
            form="released",
        )


def _modality_specific(reader):
    def tower(kind, at):
        tokenizer = reader.tokenizer(
            kind, patches=f"{at}/{names.PATCHES[kind]}", tables=f"{at}/pos_embedding_lookup"
        )
        return Tower(tokenizer=tokenizer, encoder=TransformerEncoder(size=reader.size(f"{at}/tx")))

    reader.of(_RELATIVE)  # raises without it
    vocabulary_size, table_width = reader.of(f"{names.TEXT_BASE}/embedding/embeddings")
    words = WordTokenizer(vocabulary_size=vocabulary_size, table_width=table_width, train_table=False)
    text = reader.size(_TEXT, "self_attention/attention")
    return VATT(
        video=tower("video", names.VIDEO_BASE),
        audio=tower("audio", names.AUDIO_BASE),
        text=Tower(tokenizer=words, encoder=TextEncoder(size=text)),
        spaces=reader.spaces(),
    )


def _modality_agnostic(reader):
    tokenizers = f"{names.UNIFIED_BASE}/raw_to_embeddings"
    tables = f"{names.UNIFIED_BASE}/pos_embedding_lookup"
    vocabulary_size, table_width = reader.of(f"{tokenizers}/text/embeddings")
    signals = {
        kind: reader.tokenizer(
            kind, patches=f"{tokenizers}/{kind}", tables=f"{tables}/{kind}", projection=True
        )
        for kind in ("video", "audio")
    }
    words = WordTokenizer(
        vocabulary_size=vocabulary_size,
        table_width=table_width,
        train_table=False,
        projection_bias=True,
        aggregate="after",
        positions=FactorisedPositions(interpolation=None),
        sizes=reader.of(names.table_name(f"{tables}/text", "word"))[:1],
    )
    return agnostic_vatt(
        **signals,
        text=words,
        encoder=TransformerEncoder(size=reader.size(f"{names.UNIFIED_BASE}/tx")),
        spaces=reader.spaces(),
        projection_width=reader.of(f"{names.UNIFIED_BASE}/post_proj/video/kernel")[1],
    )


def _classifier(reader):
    base = names.FINETUNE_BASE
    kinds = [kind for kind in _KINDS if reader.any_under(f"{base}/{names.PATCHES[kind]}")]
    if len(kinds) != 1:
        raise _unknown(reader)
    kind = kinds[0]
    # The release numbered its spectrogram positions across the grid; its weights know no other order.
    order = "column_major" if kind == "spectrogram" else "row_major"
    tokenizer = reader.tokenizer(
        kind,
        patches=f"{base}/{names.PATCHES[kind]}",
        tables=f"{base}/pos_embedding_lookup",
        projection=f"{base}/pre_proj/kernel" in reader.shapes,
        positions=FactorisedPositions(order=order),
    )
    post = f"{base}/post_proj/kernel"
    tower = Tower(
        tokenizer=tokenizer,
        encoder=TransformerEncoder(
            size=reader.size(f"{base}/tx"),
            form=Form(use_bias=f"{base}/tx/layers/0/mha/q/bias" in reader.shapes),
        ),
        projection_width=reader.of(post)[1] if post in reader.shapes else 0,
    )
    return Classifier(tower=tower, classes=reader.of(f"{names.CLASSIFIER}/kernel")[1], modality=kind)


def _unknown(reader):
    convertible = (
        "modality-specific (tx_fac), modality-agnostic (ut_fac), ConvNets (mmv_fac), fine-tuned (vit, wat, "
        "spt, i3d, resnet2d)"
    )
    if reader.any_under(f"{names.TEXT_BASE}/base_lm") or reader.any_under(names.BASE):
        came = "a multimodal checkpoint with another than the default backbones (the BERT option?)"
    else:
        first = ", ".join(sorted(reader.shapes)[:3]) or "no variable of a model"
        came = f"{len(reader.shapes)} variables: {first} …"
    return ConversionError(
        f"A released VATT checkpoint holds one of: {convertible}. Received: {came}. "
        "A checkpoint of this project needs no conversion."
    )
