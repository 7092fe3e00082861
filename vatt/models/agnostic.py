"""The modality-agnostic VATT: one Transformer for video, audio and text (paper 3, A.2.2)."""

import gin
import keras

from vatt.layers.embedders import WordEmbedder
from vatt.layers.transformer import Encoder
from vatt.models.backbone import Backbone
from vatt.models.multimodal import MultimodalModel
from vatt.models.parts import audio_signal, grid_of
from vatt.models.presets import size_of
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec


@gin.register
@keras.saving.register_keras_serializable("vatt")
class AgnosticVATT(MultimodalModel):
    """Three embedders in front of one encoder, and the common-space heads; see `MultimodalModel`.

    Each modality keeps its tokenizer, positions (words too have learned absolute ones) and AGG vector; all
    weights of attention and feed-forward are shared.

    Args:
        size: size of the shared Transformer; "medium" is the paper's.
        video_grid: (time, row, column) positions of the video tables.
        audio_grid: (sample,) positions of the audio table, with `spectrogram` (time, frequency).
        words: positions of the text table; longer sentences are refused.
        clip: derives the three from a `ClipSpec` instead.
        video_patch, audio_patch, spectrogram, edge: see `VATT`.
        projections: whether dense layers with gelu stand in front of the encoder (D → D) and behind it
            (D → `output_width`), of each modality its own (release; the paper speaks of the tokenizers
            alone).
        output_width: features of the outputs, if there are projections; None for D.
        vocabulary_size, word_table_width, train_word_table, word_vectors: see `VATT`.
        heads, video_audio_width, video_text_width: see `VATT`.
        normalise_positions, drop_token_rate, drop_token_pattern, dropout_rate: see `VATT`.
    """

    def __init__(
        self,
        *,
        size="medium",
        video_grid=None,
        audio_grid=None,
        words=None,
        clip=None,
        video_patch=(4, 16, 16),
        audio_patch=None,
        spectrogram=None,
        edge="pad",
        projections=True,
        output_width=None,
        vocabulary_size=2**16,
        word_table_width=None,
        train_word_table=True,
        word_vectors=None,
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
        self.size = size_of(size)
        self.video_patch = tuple(video_patch)
        self.spectrogram = spectrogram
        audio_kind, self.audio_patch = audio_signal(audio_patch, spectrogram)
        self.video_grid = tuple(video_grid or grid_of(VIDEO, self.video_patch, clip, edge=edge))
        self.audio_grid = tuple(audio_grid or grid_of(audio_kind, self.audio_patch, clip, spectrogram, edge))
        self.words = words or (clip or ClipSpec()).words
        self.clip = None  # the grids and `words` say it
        self.edge = edge
        self.projections = projections
        self.output_width = output_width
        self.vocabulary_size = vocabulary_size
        self.word_table_width = word_table_width
        self.train_word_table = train_word_table
        self.word_vectors = None  # the table holds them
        self.heads = heads
        self.video_audio_width = video_audio_width
        self.video_text_width = video_text_width
        self.normalise_positions = normalise_positions
        self.drop_token_rate = drop_token_rate
        self.drop_token_pattern = drop_token_pattern
        self.dropout_rate = dropout_rate
        width = self.size.width
        self.encoder = Encoder(size=self.size, dropout_rate=dropout_rate, name="encoder", dtype=dtype)
        signal = {"width": width, "projection": projections, "dtype": dtype}
        embedders = {
            VIDEO: self._signal_embedder(VIDEO, **signal),
            AUDIO: self._signal_embedder(AUDIO, **signal),
            TEXT: WordEmbedder(
                vocabulary_size=vocabulary_size,
                width=width,
                table_width=word_table_width,
                train_table=train_word_table,
                table_initializer=word_vectors,
                projection_bias=True,
                project_aggregate=False,
                words=self.words,
                normalise_positions=normalise_positions,
                dropout_rate=dropout_rate,
                name="embedder",
                dtype=dtype,
            ),
        }
        projection_width = (output_width or width) if projections else 0
        for modality, embedder in embedders.items():
            backbone = Backbone(
                embedder=embedder,
                encoder=self.encoder,
                projection_width=projection_width,
                name=modality,
                dtype=dtype,
            )
            setattr(self, modality, backbone)
        self.spaces = self._common_spaces()
        self.build()

    def build(self, input_shape=None):
        # The encoder first: built inside a backbone, its weights would carry that modality's name.
        for part in (self.encoder, self.video, self.audio, self.text, self.spaces):
            part.build()
