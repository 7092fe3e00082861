"""The modality-specific VATT: one Transformer each for video, audio and text (paper 3, Figure 1)."""

import gin
import keras

from vatt.layers.embedders import PatchEmbedder, WordEmbedder
from vatt.layers.transformer import Encoder
from vatt.models.backbone import Backbone
from vatt.models.heads import CommonSpaces
from vatt.models.multimodal import MultimodalModel
from vatt.models.presets import Size, size_of
from vatt.spec import ClipSpec, patch_grid

VIDEO_AXES = ("time", "row", "column")
AUDIO_AXES = ("sample",)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class VATT(MultimodalModel):
    """Three encoders and the common-space heads; see `MultimodalModel` for inputs and outputs.

    Args:
        video, audio, text: size of each Transformer: "small", "base", "medium", "large" or a `Size`. The paper's
            MBS is the default, BBS and LBS differ in `video`.
        video_grid: (time, row, column) positions of the video tables; 8 × 14 × 14 for the paper's 32 × 224² clips.
        audio_grid: (sample,) positions of the audio table; 1,200 for 153,600 samples.
        clip: derives both grids from a `ClipSpec` instead.
        video_patch: (frames, rows, columns) of a voxel patch.
        audio_patch: samples of a waveform patch.
        edge: "pad" or "drop", see `PatchEmbedding`.
        vocabulary_size: rows of the word table.
        word_table_width: None for a learned table of the text Transformer's width (paper), or the width of a table
            that a gelu projection follows (release: 300).
        train_word_table: whether the table learns (release: no, it was word2vec).
        relative_layers: see `Encoder`.
        heads: "paper" or "released", see `CommonSpaces`.
        video_audio_width, video_text_width: d_va and d_vt.
        normalise_positions: whether a LayerNorm follows the sum of position tables (release; Eq. 1 has none).
        drop_token_rate, drop_token_pattern: DropToken on video and audio in training.
        dropout_rate: dropout inside the Transformers and on their inputs.
    """

    def __init__(
        self,
        *,
        video="medium",
        audio="base",
        text="small",
        video_grid=None,
        audio_grid=None,
        clip=None,
        video_patch=(4, 16, 16),
        audio_patch=128,
        edge="pad",
        vocabulary_size=2**16,
        word_table_width=None,
        train_word_table=True,
        relative_layers="all",
        heads="paper",
        video_audio_width=512,
        video_text_width=256,
        normalise_positions=True,
        drop_token_rate=0.5,
        drop_token_pattern="per_sample",
        dropout_rate=0.1,
        name="vatt",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.video_size, self.audio_size, self.text_size = size_of(video), size_of(audio), size_of(text)
        self.clip = None  # the grids say it
        self.video_patch = tuple(video_patch)
        self.audio_patch = audio_patch
        self.video_grid, self.audio_grid = grids_of(clip, video_grid, audio_grid, self.video_patch, audio_patch)
        self.edge = edge
        self.vocabulary_size = vocabulary_size
        self.word_table_width = word_table_width
        self.train_word_table = train_word_table
        self.relative_layers = relative_layers
        self.heads = heads
        self.video_audio_width = video_audio_width
        self.video_text_width = video_text_width
        self.normalise_positions = normalise_positions
        self.drop_token_rate = drop_token_rate
        self.drop_token_pattern = drop_token_pattern
        self.dropout_rate = dropout_rate
        shared = {"edge": edge, "dtype": dtype}
        shared |= {"normalise_positions": normalise_positions, "position_dropout_rate": dropout_rate}
        shared |= {"drop_token_rate": drop_token_rate, "drop_token_pattern": drop_token_pattern}
        self.video = Backbone(
            embedder=video_embedder(self.video_size.width, self.video_patch, self.video_grid, **shared),
            encoder=patch_encoder(self.video_size, dropout_rate, dtype),
            name="video",
            dtype=dtype,
        )
        self.audio = Backbone(
            embedder=audio_embedder(self.audio_size.width, audio_patch, self.audio_grid, **shared),
            encoder=patch_encoder(self.audio_size, dropout_rate, dtype),
            name="audio",
            dtype=dtype,
        )
        self.text = Backbone(
            embedder=WordEmbedder(
                vocabulary_size=vocabulary_size,
                width=self.text_size.width,
                table_width=word_table_width,
                train_table=train_word_table,
                dropout_rate=dropout_rate,
                name="embedder",
                dtype=dtype,
            ),
            encoder=text_encoder(self.text_size, dropout_rate, dtype, relative_layers),
            name="text",
            dtype=dtype,
        )
        self.spaces = CommonSpaces(
            video_width=self.video.width,
            audio_width=self.audio.width,
            text_width=self.text.width,
            video_audio_width=video_audio_width,
            video_text_width=video_text_width,
            form=heads,
            name="spaces",
            dtype="float32",  # cosines divided by τ = 0.07 leave no room for bfloat16's three digits
        )
        self.build()

    def build(self, input_shape=None):
        for part in (self.video, self.audio, self.text, self.spaces):
            part.build()

    def get_config(self):
        sizes = {"video": self.video_size, "audio": self.audio_size, "text": self.text_size}
        return super().get_config() | sizes


def grids_of(clip, video_grid, audio_grid, video_patch, audio_patch):
    """The position grids: as given, else from `clip`, else from the paper's clip."""
    clip = clip or ClipSpec()
    size = clip.frame_size
    video = tuple(video_grid) if video_grid else patch_grid((clip.frames, size, size), video_patch)
    audio = tuple(audio_grid) if audio_grid else patch_grid((clip.samples,), (audio_patch,))
    return video, audio


def video_embedder(width, patch, grid, **options):
    """Voxel patches over (time, row, column)."""
    return PatchEmbedder(
        patch=patch, channels=3, grid=grid, axes=VIDEO_AXES, width=width, name="embedder", **options
    )


def audio_embedder(width, patch, grid, **options):
    """Waveform patches over time."""
    return PatchEmbedder(
        patch=(patch,), channels=1, grid=grid, axes=AUDIO_AXES, width=width, name="embedder", **options
    )


def patch_encoder(size: Size, dropout_rate, dtype, name="encoder"):
    """Pre-norm encoder of ViT and WaT."""
    return Encoder(
        depth=size.depth,
        width=size.width,
        hidden_width=size.hidden_width,
        heads=size.heads,
        head_width=size.head_width,
        dropout_rate=dropout_rate,
        name=name,
        dtype=dtype,
    )


def text_encoder(size: Size, dropout_rate, dtype, relative_layers="all"):
    """The release's text model: T5 with a full LayerNorm and exact gelu in the feed-forward, distances up to 64."""
    return Encoder(
        depth=size.depth,
        width=size.width,
        hidden_width=size.hidden_width,
        heads=size.heads,
        head_width=size.head_width,
        attention_norm="rms",
        feed_forward_norm="layer",
        use_bias=False,
        scale_scores=False,
        relative_buckets=32,
        relative_max_distance=64,
        relative_layers=relative_layers,
        dropout_rate=dropout_rate,
        name="encoder",
        dtype=dtype,
    )
