"""Models for tests, composed from a few options."""

from vatt.layers.architecture import Form, Size, size_of
from vatt.layers.drop_token import DropToken
from vatt.layers.i3d import I3D
from vatt.layers.linear_text import LinearText
from vatt.layers.log_mel import LogMel
from vatt.layers.positions import FactorisedPositions
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.resnet import ResNet
from vatt.layers.spectrogram_tokenizer import SpectrogramTokenizer
from vatt.layers.text_encoder import TextEncoder
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.layers.waveform_tokenizer import WaveformTokenizer
from vatt.layers.word_tokenizer import WordTokenizer
from vatt.models.agnostic import agnostic_vatt
from vatt.models.classifier import Classifier
from vatt.models.common_spaces import CommonSpaces
from vatt.models.conv_tower import ConvTower
from vatt.models.tokenizer_for import TOKENIZERS, read_sizes, signal_sizes
from vatt.models.tower import Tower
from vatt.models.vatt import VATT
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

TINY = Size(depth=1, width=8, hidden_width=16, heads=2, head_width=4)
# Of the paper's patches: 1 × 2 × 2 of video, 3 of audio.
TINY_CLIP = ClipSpec(frames=4, frame_size=32, audio_seconds=384 / 48_000)


def small_vatt(
    size=TINY,
    *,
    agnostic=False,
    text_size=None,
    clip=TINY_CLIP,
    video_sizes=None,
    audio_sizes=None,
    video_patch=None,
    audio_patch=None,
    log_mel=None,
    edge="pad",
    vocabulary_size=11,
    table_width=None,
    train_table=True,
    word_vectors=None,
    relative_blocks="all",
    form="paper",
    widths=(512, 256),
    normalise=True,
    drop_rate=0.5,
    make_drop_token=DropToken,
    dropout_rate=0.1,
    projection_width=None,
    all_pairs=False,
    prediction=None,
) -> VATT:
    """A `VATT` of one size; `agnostic`: one encoder, and projections unless `projection_width` is 0."""
    projects = agnostic and projection_width != 0

    def signal(kind, sizes, patch, **options):
        return kind(
            sizes=sizes,
            patch=patch,
            edge=edge,
            projection=projects,
            positions=FactorisedPositions(normalise=normalise),
            drop_token=make_drop_token(rate=drop_rate),
            dropout_rate=dropout_rate,
            **options,
        )

    audio_sizes = audio_sizes or clip.sizes(AUDIO)
    tokenizers = {
        VIDEO: signal(VoxelTokenizer, video_sizes or clip.sizes(VIDEO), video_patch),
        AUDIO: signal(SpectrogramTokenizer, audio_sizes, audio_patch, log_mel=log_mel)
        if log_mel
        else signal(WaveformTokenizer, audio_sizes, audio_patch),
        TEXT: WordTokenizer(
            vocabulary_size=vocabulary_size,
            table_width=table_width,
            train_table=train_table,
            word_vectors=word_vectors,
            projection_bias=agnostic,
            aggregate="after" if agnostic else "before",
            positions=FactorisedPositions(normalise=normalise, interpolation=None) if agnostic else None,
            sizes=clip.sizes(TEXT),
            dropout_rate=dropout_rate,
        ),
    }
    to = dict(zip(("video_audio_width", "video_text_width"), widths))
    spaces = CommonSpaces(**to, form=form, all_pairs=all_pairs)
    if agnostic:
        return agnostic_vatt(
            **tokenizers,
            encoder=TransformerEncoder(size=size, dropout_rate=dropout_rate),
            spaces=spaces,
            projection_width=(projection_width or size_of(size).width) if projects else 0,
        )
    encoders = {
        VIDEO: TransformerEncoder(size=size, dropout_rate=dropout_rate),
        AUDIO: TransformerEncoder(size=size, dropout_rate=dropout_rate),
        TEXT: TextEncoder(
            size=text_size or size,
            relative_bias=RelativeBias(blocks=relative_blocks),
            dropout_rate=dropout_rate,
        ),
    }
    towers = {name: Tower(tokenizer=tokenizers[name], encoder=encoders[name]) for name in tokenizers}
    return VATT(**towers, spaces=spaces, prediction=prediction)


def small_classifier(
    size=TINY,
    *,
    classes=3,
    modality=VIDEO,
    clip=TINY_CLIP,
    sizes=None,
    patch=None,
    edge="pad",
    log_mel=None,
    use_bias=True,
    projection=False,
    projection_width=0,
    normalise=True,
    order="row_major",
    joint_axes=(),
    drop_rate=0.0,
    dropout_rate=0.1,
    **options,
) -> Classifier:
    """A `Classifier` for clips of a size; `options` are its own other arguments."""
    kind = SpectrogramTokenizer if log_mel else TOKENIZERS[modality]
    patch = patch or kind.paper_patch
    tokenizer = kind(
        sizes=read_sizes(
            modality, sizes or signal_sizes(modality=modality, clip=clip) or kind.paper_sizes, patch
        ),
        patch=patch,
        edge=edge,
        projection=projection,
        positions=FactorisedPositions(normalise=normalise, order=order, joint_axes=joint_axes),
        drop_token=DropToken(rate=drop_rate) if drop_rate else None,
        dropout_rate=dropout_rate,
        **({"log_mel": log_mel} if log_mel else {}),
    )
    encoder = TransformerEncoder(size=size, form=Form(use_bias=use_bias), dropout_rate=dropout_rate)
    tower = Tower(tokenizer=tokenizer, encoder=encoder, projection_width=projection_width)
    return Classifier(tower=tower, classes=classes, modality=modality, **options)


def small_conv_vatt(*, clip=TINY_CLIP, vocabulary_size=11, widths=(8, 8), frozen=False, log_mel=None) -> VATT:
    """A `VATT` of ConvNets; `log_mel` None: one for the clip's rate."""
    rate = clip.sample_rate_hz
    mel = log_mel or LogMel(
        sample_rate_hz=rate,
        frame_seconds=128 / rate,
        step_seconds=8 / rate,
        bins=8,
        lowest_hz=rate / 50,
        highest_hz=rate / 2,
    )
    i3d = I3D(
        width_factor=1 / 8,
        stem_kernel=(3, 3, 3),
        stem_stride=(1, 1, 1),
        blocks=("conv3d_1a_7x7", "mixed_3b"),
        frozen=frozen,
    )
    resnet = ResNet(depths=(1,), stem_channels=4, frozen=frozen)
    words = LinearText(vocabulary_size=vocabulary_size, table_width=6, width=8, train_table=True)
    return VATT(
        video=ConvTower(encoder=i3d),
        audio=ConvTower(encoder=resnet, log_mel=mel),
        text=ConvTower(encoder=words),
        spaces=CommonSpaces(video_audio_width=widths[0], video_text_width=widths[1]),
    )
