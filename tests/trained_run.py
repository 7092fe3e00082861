"""A small trained run and a set of clips to try it on, for tests of what is done with a trained model."""

import json

import keras
import numpy as np
import tensorflow as tf

from tests import records_fixture
from tests.small_models import small_vatt
from vatt.data.datasets.prepared import PreparedClips
from vatt.engines.tensorflow.state import State
from vatt.models.vatt import VATT
from vatt.spec import ClipSpec
from vatt.train.checkpoint_folder import CheckpointFolder
from vatt.train.context import INPUTS_FILE, MODEL_FILE

CLIP = ClipSpec(frames=4, frame_rate_hz=10.0, frame_size=16, sample_rate_hz=1000, words=4, candidates=2)
PATCHES = {"video_patch": (2, 8, 8), "audio_patch": (40,)}


def tiny_vatt(**options) -> VATT:
    """A VATT for `CLIP`, always the same one, away from zeros and ones."""
    keras.utils.set_random_seed(11)
    model = small_vatt(**PATCHES | {"clip": CLIP, "vocabulary_size": 20, "widths": (6, 5)} | options)
    draw = np.random.default_rng(5)
    for weight in model.weights:
        weight.assign(weight + 0.1 * draw.normal(size=weight.shape))
        if weight.path.endswith("moving_variance"):
            weight.assign(np.abs(weight) + 0.5)
    return model


def write_run(directory, model, facts=None, **saved):
    """A run directory with one checkpoint, as `train` leaves it."""
    directory.mkdir()
    (directory / MODEL_FILE).write_text(json.dumps(keras.saving.serialize_keras_object(model)))
    if facts is not None:
        (directory / INPUTS_FILE).write_text(json.dumps(facts))
    CheckpointFolder(directory / "checkpoints").save(3, State(model=model, **saved).snapshot())
    return directory


def write_clips(directory, count=5):
    """A prepared set of clips of 0.4 s with random images 20 × 32 and audio; the second has no audio."""
    draw = np.random.default_rng(7)
    serialized = []
    for number in range(count):
        # Grey: at the edge of a crop, a decoder makes colour of fewer pixels than in the whole image.
        grey = np.repeat(draw.integers(0, 256, (4, 20, 32, 1), "uint8"), 3, axis=3)
        pictures = [tf.io.encode_jpeg(frame).numpy() for frame in grey]
        serialized.append(
            records_fixture.record(
                number,
                sample_rate_hz=1000,
                pictures=pictures,
                pcm=draw.integers(-9000, 9000, 400),
                audio=number != 1,
                captions=((("the red disc spins", "a blue star")[number % 2], 0.0, 0.4),),
            )
        )
    return records_fixture.write_set(
        directory, {"train": serialized, "test": serialized}, audio_rate_hz=1000, shards=1
    )


def prepared(directory, **options) -> PreparedClips:
    """The set as a dataset."""
    return PreparedClips(**{"directory": directory, "clip": CLIP, "threads": 1} | options)
