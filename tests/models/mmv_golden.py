"""The ConvNets' golden (tests/golden/mmv_fac.npz): inputs by their recipe, samples of big tensors, our model.

The arrays are those of the original release's own code: big tensors as a few of their values with the
root of their mean square, gradients as l2 norms in the order of the sorted names of the release.
"""

import numpy as np

from tests import goldens
from vatt.convert.checkpoint import LEAF, SLOT
from vatt.convert.released_architecture import released_model
from vatt.convert.released_names import released_names

TABLE = "model/layer_with_weights-0/_base_layer/txt_backbone/embedding/embeddings"
CASES = {  # name of a loss -> masks of the captions and of the audio of six clips
    "none": None,
    "ones": ([1] * 6, [1] * 6),
    "t101101_a111111": ([1, 0, 1, 1, 0, 1], [1] * 6),
    "t000000_a111111": ([0] * 6, [1] * 6),
    "t010000_a111111": ([0, 1, 0, 0, 0, 0], [1] * 6),
    "t101101_a011101": ([1, 0, 1, 1, 0, 1], [0, 1, 1, 1, 0, 1]),
}
_COLOURS = [
    (0.75, -0.75, 0.5),
    (-0.75, 0.5, -0.5),
    (0.25, 0.75, -0.75),
    (-0.5, -0.75, -0.25),
    (0.75, 0.5, 0.75),
    (-0.25, 0.25, 0.75),
]
_LENGTHS = (16, 7, 1, 12, 0, 4, 9, 16, 2, 5, 0, 11)


def inputs() -> dict[str, np.ndarray]:
    """Video, spectrogram and captions of six clips, two captions each."""
    video = 0.5 * np.array(_COLOURS)[:, None, None, None] + 0.25 * goldens.rnd(101, (6, 18, 66, 72, 3))
    video = video + 0.25 * _enlarged(goldens.rnd(111, (6, 3, 3, 4, 3)), (1, 6, 22, 18, 1))
    time, mel = np.ogrid[:75, :40]
    patterns = [
        time // 2 % 2 + 0 * mel,
        mel // 2 % 2 + 0 * time,
        (time // 8 + mel // 8) % 2,
        time // 5 % 2 + 0 * mel,
        mel // 4 % 2 + 0 * time,
        (time // 2 + mel // 2) % 2,
    ]
    audio = 0.5 * np.stack(patterns)[..., None] + 0.25 * goldens.rnd(102, (6, 75, 40, 1), 0)
    audio = audio + 0.25 * _enlarged(goldens.rnd(112, (6, 5, 4, 1), 0), (1, 15, 10, 1))
    text = np.random.RandomState(103).randint(1, 64, (12, 16)).astype("int32")
    text[np.arange(16) >= np.array(_LENGTHS)[:, None]] = 0
    return {"video": video.astype("float32"), "audio": audio.astype("float32"), "text": text}


def _enlarged(array, factors):
    for axis, factor in enumerate(factors):
        array = np.repeat(array, factor, axis=axis)
    return array


def shapes(name="mmv_fac", *, rows=64) -> dict[str, tuple[int, ...]]:
    """Name in the release -> shape of every variable; of the word table a few rows, as its recipe allows."""
    keys = goldens.facts(f"manifest/{name}")["keys"]
    found = {
        key.removesuffix(LEAF): tuple(fact["shape"])
        for key, fact in keys.items()
        if key.startswith("model/") and SLOT not in key
    }
    return found | {TABLE: (rows, found[TABLE][1])}


def model():
    """Our model and its weights by the release's names, initial values still."""
    made = released_model(shapes())
    return made, released_names(made)


def fill(names, *, video_gain=1.0) -> None:
    """Assigns the recipe's weights, I3D's kernels times a gain."""
    for name, variable in names.items():
        value = goldens.recipe(name, tuple(variable.shape))
        is_kernel_of_video = "/vid_backbone/" in name and name.endswith("/kernel")
        variable.assign(value * np.float32(video_gain) if is_kernel_of_video else value)


def batch(case) -> dict[str, np.ndarray]:
    """The masks of a case as the losses take them."""
    if CASES[case] is None:
        return {}
    text, audio = (np.array(mask, "float32") for mask in CASES[case])
    return {"text_mask": np.repeat(text[:, None], 2, axis=1), "audio_mask": audio}


def deviation(key, value) -> float:
    """The largest difference from the golden tensor, in units of the root of its mean square."""
    golden, value = goldens.arrays("mmv_fac"), np.asarray(value, "float64")
    if key in golden:
        assert value.shape == golden[key].shape, key
        return np.abs(value - golden[key]).max() / np.sqrt(np.mean(np.square(golden[key], dtype="float64")))
    assert value.shape == tuple(golden[f"{key}/shape"]), key
    found = value.reshape(-1)[golden[f"{key}/idx"]]
    return np.abs(found - golden[f"{key}/val"]).max() / golden[f"{key}/rms"]


def stage_key(modality, stage) -> str:
    """The golden's name of a stage's output."""
    name = stage.name.split("_", 2)[2] if stage.name.startswith("block_") else stage.name
    if modality == "audio":
        if name in ("stem", "max_pool"):
            name = {"stem": "stem/bn_relu"}.get(name, f"stem/{name}")
        else:
            _, group, place = name.split("_")
            name = f"group_{group}/block_{place}"
    return f"mid/{modality}/{name}"
