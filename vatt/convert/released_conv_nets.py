"""Reads off the shapes of a released checkpoint which ConvNets it holds, and of what size."""

from typing import Any

from vatt.convert import released_conv_names as conv_names
from vatt.convert import released_names as names
from vatt.layers.i3d import BLOCKS, I3D
from vatt.layers.linear_text import LinearText
from vatt.layers.log_mel import LogMel
from vatt.layers.resnet import ResNet
from vatt.models.classifier import SPECTROGRAM, Classifier
from vatt.models.conv_tower import ConvTower
from vatt.models.vatt import VATT
from vatt.spec import VIDEO

_STEM_CHANNELS = 64  # of the published I3D


def conv_net_of(reader: Any) -> VATT | Classifier | None:
    """The model of a released checkpoint of ConvNets, with initial weights; None if it is of others.

    The release makes its spectrograms outside of the model; ours has them made in front of the encoder, as
    the release's data pipeline does, so that it takes waveforms.

    Args:
        reader: shapes by name, see `released_architecture`.
    """
    if reader.any_under(f"{names.VIDEO_BASE}/{BLOCKS[0]}") and reader.any_under(
        f"{names.TEXT_BASE}/base_lm/conv1d"
    ):
        return VATT(
            video=ConvTower(encoder=_i3d(reader, names.VIDEO_BASE)),
            audio=ConvTower(encoder=_resnet(reader, names.AUDIO_BASE), log_mel=LogMel()),
            text=ConvTower(encoder=_linear_text(reader)),
            spaces=reader.spaces(),
        )
    if not reader.any_under(names.CLASSIFIER):
        return None
    if reader.any_under(f"{names.FINETUNE_BASE}/{BLOCKS[0]}"):
        return _classifier(reader, _i3d(reader, names.FINETUNE_BASE), VIDEO)
    if reader.any_under(f"{names.FINETUNE_BASE}/{conv_names.GROUPS}"):
        return _classifier(reader, _resnet(reader, names.FINETUNE_BASE), SPECTROGRAM)
    return None


def _classifier(reader, encoder, modality):
    classes = reader.of(f"{names.CLASSIFIER}/kernel", axes=2)[1]
    return Classifier(tower=ConvTower(encoder=encoder), classes=classes, modality=modality)


def _i3d(reader, at):
    channels = reader.of(f"{at}/{BLOCKS[0]}/conv3d/kernel", axes=5)[-1]
    return I3D(width_factor=channels / _STEM_CHANNELS)


def _resnet(reader, at):
    groups = f"{at}/{conv_names.GROUPS}"
    depths = [reader.count(f"{groups}/{group}/layers") for group in range(reader.count(groups))]
    stem = reader.of(f"{at}/{conv_names.STEM}/0/conv2d/kernel", axes=4)
    return ResNet(depths=depths, stem_channels=stem[-1])


def _linear_text(reader):
    vocabulary_size, table_width = reader.of(f"{names.TEXT_BASE}/embedding/embeddings", axes=2)
    width = reader.of(f"{names.TEXT_BASE}/base_lm/conv1d/kernel", axes=3)[-1]
    return LinearText(vocabulary_size=vocabulary_size, table_width=table_width, width=width)
