"""The paper's models, composed (A.2.2): what experiments/overlay/paper.gin and paper_agnostic.gin build."""

from vatt.layers.architecture import Size, size_of
from vatt.layers.drop_token import DropToken
from vatt.layers.positions import FactorisedPositions
from vatt.layers.text_encoder import TextEncoder
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.layers.waveform_tokenizer import WaveformTokenizer
from vatt.layers.word_tokenizer import WordTokenizer
from vatt.models.agnostic import agnostic_vatt
from vatt.models.classifier import Classifier
from vatt.models.common_spaces import CommonSpaces
from vatt.models.tower import Tower
from vatt.models.vatt import VATT
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

SizeOrName = str | Size


def paper_vatt(
    *,
    video: SizeOrName = "medium",
    audio: SizeOrName = "base",
    text: SizeOrName = "small",
    clip: ClipSpec | None = None,
) -> VATT:
    """The modality-specific VATT.

    Args:
        video, audio, text: size of each encoder; "MBS" is the default, BBS and LBS differ in `video`.
        clip: what the position tables are for; None: the paper's clips.
    """
    clip = clip or ClipSpec()
    return VATT(
        video=Tower(
            tokenizer=VoxelTokenizer(sizes=clip.sizes(VIDEO), drop_token=DropToken(rate=0.5)),
            encoder=TransformerEncoder(size=video),
        ),
        audio=Tower(
            tokenizer=WaveformTokenizer(sizes=clip.sizes(AUDIO), drop_token=DropToken(rate=0.5)),
            encoder=TransformerEncoder(size=audio),
        ),
        text=Tower(tokenizer=WordTokenizer(), encoder=TextEncoder(size=text)),
        spaces=CommonSpaces(),
    )


def paper_agnostic(
    *, size: SizeOrName = "medium", clip: ClipSpec | None = None, projections: bool = False
) -> VATT:
    """The modality-agnostic VATT.

    Args:
        size: of the one encoder.
        clip: see `paper_vatt`.
        projections: whether each modality has dense layers with gelu of its own in front of the encoder and
            behind it, as in the release; the paper speaks of the tokenizers alone.
    """
    clip, size = clip or ClipSpec(), size_of(size)
    return agnostic_vatt(
        video=VoxelTokenizer(sizes=clip.sizes(VIDEO), projection=projections, drop_token=DropToken(rate=0.5)),
        audio=WaveformTokenizer(
            sizes=clip.sizes(AUDIO), projection=projections, drop_token=DropToken(rate=0.5)
        ),
        text=WordTokenizer(
            aggregate="after", positions=FactorisedPositions(interpolation=None), sizes=clip.sizes(TEXT)
        ),
        encoder=TransformerEncoder(size=size),
        spaces=CommonSpaces(),
        projection_width=size.width if projections else 0,
    )


def video_classifier(*, classes: int, size: SizeOrName = "base", clip: ClipSpec | None = None) -> Classifier:
    """The network that is fine-tuned on video (A.2.5).

    Args:
        classes: number of classes.
        size: of the encoder.
        clip: see `paper_vatt`.
    """
    tokenizer = VoxelTokenizer(sizes=(clip or ClipSpec()).sizes(VIDEO))
    tower = Tower(tokenizer=tokenizer, encoder=TransformerEncoder(size=size))
    return Classifier(tower=tower, classes=classes)
