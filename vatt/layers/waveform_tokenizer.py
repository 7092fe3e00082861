"""The tokenizer of audio: patches of a raw waveform (paper 3.1, A.2.2)."""

import gin
import keras

from vatt.layers.signal_tokenizer import SignalTokenizer


@gin.register
@keras.saving.register_keras_serializable("vatt")
class WaveformTokenizer(SignalTokenizer):
    """Segments of a waveform as a sequence; arguments as `SignalTokenizer`.

    The paper's clips are 153,600 samples, 3.2 s at 48 kHz, its patches 128 samples.

    Input: float [B, S] or [B, S, 1] in [-1, 1]. Output: tokens [B, 1 + N, D].
    """

    axes = ("sample",)
    channels = 1
    paper_sizes = (153_600,)
    paper_patch = (128,)
