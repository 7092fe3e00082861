"""The modality-specific VATT: one Transformer each for video, audio and text (paper 3, Figure 1)."""

import gin
import keras

from vatt.layers.embedders import WordEmbedder
from vatt.layers.transformer import Encoder
from vatt.models.backbone import Backbone
from vatt.models.multimodal import MultimodalModel
from vatt.models.parts import audio_signal, grid_of, text_encoder
from vatt.models.presets import size_of
from vatt.spec import AUDIO, VIDEO


@gin.register
@keras.saving.register_keras_serializable("vatt")
class VATT(MultimodalModel):
    """Three encoders and the common-space heads; see `MultimodalModel` for inputs and outputs.

    Args:
        video, audio, text: size of each Transformer: "small", "base", "medium", "large" or a `Size`. The
            paper's MBS is the default, BBS and LBS differ in `video`.
        video_grid: (time, row, column) positions of the video tables; 8 × 14 × 14 for the paper's 32 × 224²
            clips.
        audio_grid: (sample,) positions of the audio table; 1,200 for 153,600 samples. With `spectrogram`
            (time, frequency); 10 × 16.
        clip: derives both grids from a `ClipSpec` instead.
        video_patch: (frames, rows, columns) of a voxel patch.
        audio_patch: samples of a waveform patch, with `spectrogram` (time, frequency); None for the paper's,
            128 or (16, 5).
        spectrogram: a `LogMel` that the waveform goes through in front of its patches (Table 10), or None.
        edge: "pad" or "drop", see `PatchEmbedding`.
        vocabulary_size: rows of the word table.
        word_table_width: None for a learned table of the text Transformer's width (paper), or the width of a
            table that a gelu projection follows (release: 300).
        train_word_table: whether the table learns (release: no, it was word2vec).
        word_vectors: Keras initializer of the table, e.g. `vatt.data.word_vectors.WordVectors`; None for a
            random one.
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
        audio_patch=None,
        spectrogram=None,
        edge="pad",
        vocabulary_size=2**16,
        word_table_width=None,
        train_word_table=True,
        word_vectors=None,
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
        self.spectrogram = spectrogram
        audio_kind, self.audio_patch = audio_signal(audio_patch, spectrogram)
        self.video_grid = tuple(video_grid or grid_of(VIDEO, self.video_patch, clip, edge=edge))
        self.audio_grid = tuple(audio_grid or grid_of(audio_kind, self.audio_patch, clip, spectrogram, edge))
        self.edge = edge
        self.vocabulary_size = vocabulary_size
        self.word_table_width = word_table_width
        self.train_word_table = train_word_table
        self.word_vectors = None  # the table holds them
        self.relative_layers = relative_layers
        self.heads = heads
        self.video_audio_width = video_audio_width
        self.video_text_width = video_text_width
        self.normalise_positions = normalise_positions
        self.drop_token_rate = drop_token_rate
        self.drop_token_pattern = drop_token_pattern
        self.dropout_rate = dropout_rate
        self.video = Backbone(
            embedder=self._signal_embedder(VIDEO, width=self.video_size.width, dtype=dtype),
            encoder=Encoder(size=self.video_size, dropout_rate=dropout_rate, name="encoder", dtype=dtype),
            name="video",
            dtype=dtype,
        )
        self.audio = Backbone(
            embedder=self._signal_embedder(AUDIO, width=self.audio_size.width, dtype=dtype),
            encoder=Encoder(size=self.audio_size, dropout_rate=dropout_rate, name="encoder", dtype=dtype),
            name="audio",
            dtype=dtype,
        )
        self.text = Backbone(
            embedder=WordEmbedder(
                vocabulary_size=vocabulary_size,
                width=self.text_size.width,
                table_width=word_table_width,
                train_table=train_word_table,
                table_initializer=word_vectors,
                dropout_rate=dropout_rate,
                name="embedder",
                dtype=dtype,
            ),
            encoder=text_encoder(
                self.text_size, relative_layers=relative_layers, dropout_rate=dropout_rate, dtype=dtype
            ),
            name="text",
            dtype=dtype,
        )
        self.spaces = self._common_spaces()
        self.build()

    def build(self, input_shape=None):
        for part in (self.video, self.audio, self.text, self.spaces):
            part.build()

    def get_config(self):
        sizes = {"video": self.video_size, "audio": self.audio_size, "text": self.text_size}
        return super().get_config() | sizes
