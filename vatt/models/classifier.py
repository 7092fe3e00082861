"""A backbone with a linear classifier on its AGG output: fine-tuning on video, sound or images (paper 4.2,
A.2.5, A.3).
"""

import math

import gin
import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.architecture import NORM_EPSILON, Form
from vatt.layers.configured import Configured
from vatt.layers.dropout import Dropout
from vatt.layers.transformer import Encoder
from vatt.models.backbone import Backbone
from vatt.models.multimodal import DRAW_KEY
from vatt.models.parts import IMAGE, SIGNALS, grid_of, signal_embedder, signal_kind
from vatt.models.presets import size_of
from vatt.spec import AUDIO, VIDEO


@gin.register
@keras.saving.register_keras_serializable("vatt")
class Classifier(Configured, keras.Model):
    """Backbone → dropout on AGG's output → dense to classes.

    Args:
        classes: number of classes, C.
        modality: "video", "audio" (waveform), "spectrogram" (made elsewhere) or "image".
        size: size of the Transformer: "small", "base", "medium", "large" or a `Size`.
        grid: positions of the tables along each axis; None derives them from `clip`.
        clip: a `ClipSpec`, None for the paper's.
        spectrogram: a `LogMel` that the waveform of modality "audio" goes through in front of its patches, or
            None.
        patch: size of a patch along each axis, None for the paper's: (4, 16, 16), (128,) or (16, 5).
        edge: "pad" or "drop", see `PatchEmbedding`.
        norm_epsilon, use_bias: see `Form`; the release's spectrogram model has no biases.
        input_projection: whether a gelu projection stands in front of the encoder, and
        output_width: features of one behind it, 0 for none: for weights of the modality-agnostic model.
        normalise_positions, position_order, joint_axes: see `FactorisedPositions`.
        drop_token_rate, drop_token_pattern: DropToken in training (the paper fine-tunes without, the release
            with 0.5, see `docs/fidelity.md`).
        dropout_rate: dropout inside the Transformer and on its inputs.
        head_dropout_rate: dropout on AGG's output (release: 0.5 for video and images, 0 for sound).
        views: in evaluation, the logits of this many consecutive rows, the views of one clip, are averaged.

    Input: a dict with the modality's signal, float in [-1, 1]: video [B, T, H, W, 3], audio
        [B, S] or [B, S, 1], spectrogram [B, T, F] or [B, T, F, 1], image [B, H, W, 3], which is repeated over
        a temporal patch, or in its place a video of that one frame, as batches hold it. `draw_key` as in
        `MultimodalModel`.
    Output: a dict: "logits" float32 [B, C], in evaluation [B / views, C]; "<modality>/pooled" [B, D];
        "<modality>/tokens" [B, N, D].
    """

    def __init__(
        self,
        *,
        classes,
        modality=VIDEO,
        size="base",
        grid=None,
        clip=None,
        spectrogram=None,
        patch=None,
        edge="pad",
        use_bias=True,
        norm_epsilon=NORM_EPSILON,
        input_projection=False,
        output_width=0,
        normalise_positions=True,
        position_order="row_major",
        joint_axes=(),
        drop_token_rate=0.0,
        drop_token_pattern="per_sample",
        dropout_rate=0.1,
        head_dropout_rate=0.0,
        views=1,
        name="classifier",
        dtype=None,
    ):
        # Each part casts what it is given; cast here, the waveform would reach `spectrogram` in bfloat16.
        super().__init__(name=name, dtype=dtype, autocast=False)
        if modality not in SIGNALS:
            raise ValueError(f"`modality` must be one of {tuple(SIGNALS)}. Received: modality={modality!r}.")
        if classes < 2:
            raise ValueError(f"`classes` must be at least 2. Received: classes={classes}.")
        if views < 1:
            raise ValueError(f"`views` must be at least 1. Received: views={views}.")
        self.classes = classes
        self.modality = modality
        self.size = size_of(size)
        if spectrogram is not None and modality != AUDIO:
            raise ValueError(
                f"`spectrogram` is made of the waveform of modality {AUDIO!r}. Received: "
                f"modality={modality!r}. Leave it out."
            )
        self.spectrogram = spectrogram
        kind = signal_kind(modality, spectrogram)
        self.patch = tuple(patch or SIGNALS[kind].patch)
        self.grid = tuple(grid or grid_of(kind, self.patch, clip, spectrogram, edge))
        self.clip = None  # the grid says it
        self.edge = edge
        self.use_bias = use_bias
        self.norm_epsilon = norm_epsilon
        self.input_projection = input_projection
        self.output_width = output_width
        self.normalise_positions = normalise_positions
        self.position_order = position_order
        self.joint_axes = tuple(joint_axes)
        self.drop_token_rate = drop_token_rate
        self.drop_token_pattern = drop_token_pattern
        self.dropout_rate = dropout_rate
        self.head_dropout_rate = head_dropout_rate
        self.views = views
        self.backbone = Backbone(
            embedder=signal_embedder(
                kind,
                width=self.size.width,
                patch=self.patch,
                grid=self.grid,
                edge=edge,
                projection=input_projection,
                normalise_positions=normalise_positions,
                position_order=position_order,
                joint_axes=joint_axes,
                position_dropout_rate=dropout_rate,
                drop_token_rate=drop_token_rate,
                drop_token_pattern=drop_token_pattern,
                dtype=dtype,
            ),
            encoder=Encoder(
                size=self.size,
                form=Form(use_bias=use_bias, norm_epsilon=norm_epsilon),
                dropout_rate=dropout_rate,
                name="encoder",
                dtype=dtype,
            ),
            projection_width=output_width,
            name="backbone",
            dtype=dtype,
        )
        self.dropout = Dropout(head_dropout_rate, name="dropout", dtype=dtype)
        pictures = modality in (VIDEO, IMAGE)
        self.head = keras.layers.Dense(
            classes,
            kernel_initializer="glorot_normal" if pictures else "glorot_uniform",
            # Sounds carry several labels, each rare: sigmoid(-ln(C − 1)) = 1 / C starts them at that chance.
            bias_initializer="zeros" if pictures else keras.initializers.Constant(-math.log(classes - 1)),
            name="head",
            dtype="float32",
        )
        self.build()

    def build(self, input_shape=None):
        self.backbone.build()
        self.dropout.build()
        self.head.build((None, self.backbone.width))

    def call(self, inputs, training=False):
        signal = self._signal(inputs)
        if self.spectrogram is not None:
            signal = self.spectrogram(signal)
        with draws.keyed(inputs.get(DRAW_KEY)):
            pooled, tokens = self.backbone(signal, training=training)
            logits = self.head(self.dropout(pooled, training=training))
        if self.views > 1 and not training:
            logits = self._over_views(logits)
        return {"logits": logits, f"{self.modality}/pooled": pooled, f"{self.modality}/tokens": tokens}

    def _signal(self, inputs):
        """What the backbone, or the spectrogram in front of it, is given."""
        signal = inputs.get(self.modality)
        if self.modality == IMAGE:
            frames = inputs.get(VIDEO) if signal is None else signal[:, None]
            if frames is not None and frames.shape[1] != 1:
                raise ValueError(
                    f"A picture is a clip of one frame. Received: {VIDEO} of shape {tuple(frames.shape)}. "
                    "Set `ClipSpec.frames = 1`, or `modality = 'video'`."
                )
            signal = None if frames is None else ops.repeat(frames, self.patch[0], axis=1)
        if signal is None:
            raise ValueError(f"The inputs must hold {self.modality!r}. Received: keys {tuple(inputs)}.")
        return signal

    def _over_views(self, logits):
        rows = logits.shape[0]
        if rows is not None and rows % self.views:
            raise ValueError(
                f"In evaluation `views` must divide the batch. Received: views={self.views}, batch of "
                f"{rows}. Give all views of a clip in consecutive rows, or set `views` to 1."
            )
        return ops.mean(ops.reshape(logits, (-1, self.views, self.classes)), axis=1)
