"""The interface of HEAR (Turian et al. 2022) for a trained model: the harness loads this module by its name.

    python -m heareval.embeddings.runner vatt.harness.hear --model RUN --tasks-dir tasks

Audio must be in the task's folder of the model's sample rate, as for every model of that benchmark.
"""

import numpy as np
import tensorflow as tf

import vatt
from vatt.harness.timed import TimedAudio
from vatt.protocols import Tensor

_HOP_MS = 50.0  # what the challenge asks for events


class HearModel(tf.Module):
    """A model with the attributes that the harness reads."""

    def __init__(self, timed: TimedAudio):
        super().__init__()
        self.timed = timed
        self.sample_rate = timed.clip.sample_rate_hz
        self.scene_embedding_size = self.timestamp_embedding_size = timed.width


def load_model(model_file_path: str = "", hop_ms: float = _HOP_MS) -> HearModel:
    """Opens a trained model.

    Args:
        model_file_path: what `vatt.load` accepts.
        hop_ms: from one instant to the next, in milliseconds.
    """
    if not model_file_path:
        raise ValueError("HEAR needs a trained model. Received: no `--model`. Name a run.")
    return HearModel(TimedAudio(vatt.load(model_file_path), hop_ms))


def get_timestamp_embeddings(audio: Tensor, model: HearModel) -> tuple[Tensor, Tensor]:
    """Features over time.

    Args:
        audio: float32 [B, S] at `model.sample_rate`.
        model: what `load_model` gives.

    Returns:
        float32 [B, T, D], and instants in milliseconds, float32 [B, T].
    """
    features, instants = model.timed.features(np.asarray(audio))
    return tf.constant(features), tf.constant(np.tile(instants, (len(features), 1)), tf.float32)


def get_scene_embeddings(audio: Tensor, model: HearModel) -> Tensor:
    """Features of whole recordings, float32 [B, D]: the mean over consecutive clips; see
    `get_timestamp_embeddings`."""
    return tf.constant(model.timed.mean(np.asarray(audio)))
