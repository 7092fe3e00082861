"""Numbers and checkpoints of the original release (tests/golden), and the seeded recipes they were made
with.
"""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden"
HEAD_WIDTH = 8  # of all tiny models
MANIFESTS = sorted(path.stem for path in (GOLDEN / "manifest").glob("*.json"))


@functools.cache
def arrays(name) -> dict:
    """The arrays of golden/NAME.npz."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def facts(name):
    """The content of golden/NAME.json."""
    return json.loads((GOLDEN / f"{name}.json").read_text())


@functools.cache
def model_and_report(name):
    """Our model of one of the tiny checkpoints; shared, so leave its weights as they are."""
    from vatt.convert.released import load_released

    return load_released(GOLDEN / name, head_width=HEAD_WIDTH)


def inputs(name) -> dict:
    """The inputs of a multimodal golden."""
    return {modality: arrays(name)[f"in/{modality}"] for modality in ("video", "audio", "text")}


def loss_batch(name) -> dict:
    """Masks of a multimodal golden as the losses take them: two candidates share their clip's mask."""
    golden = arrays(name)
    return {
        "audio_mask": golden["in/audio_mask"],
        "text_mask": np.repeat(golden["in/text_mask"][:, None], 2, axis=1),
    }


def recipe(name, shape) -> np.ndarray:
    """The seeded weight of a checkpoint name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    normal = np.random.RandomState(seed).standard_normal(int(np.prod(shape))).reshape(shape)
    leaf = name.split("/")[-1]
    if leaf == "kernel":
        normal = normal / np.sqrt(np.prod(shape[:-1]))
    elif leaf in ("gamma", "weight"):
        normal = 1 + 0.1 * normal
    elif leaf in ("beta", "bias", "moving_mean"):
        normal = 0.1 * normal
    elif leaf == "moving_variance":
        normal = 0.5 + np.abs(normal)
    elif leaf == "embeddings" or leaf.endswith("agg_embedding"):
        normal = 0.5 * normal
    else:
        raise ValueError(f"No recipe for {name}.")
    return normal.astype("float32")


def rnd(seed, shape, lowest=-1) -> np.ndarray:
    """The seeded input."""
    return (np.round(64 * np.random.RandomState(seed).uniform(lowest, 1, shape)) / 64).astype("float32")


def assert_near(got, wanted, tolerance):
    """Absolute difference within the tolerance, everywhere."""
    got = np.asarray(got)
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance)
