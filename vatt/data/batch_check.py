"""Whether a batch is what `vatt.spec` promises: names, shapes, dtypes, ranges; all differences are named."""

import numpy as np

from vatt import spec


def expected_features(clip, batch_size, *, evaluation) -> dict:
    """Name -> (dtype name, shape) of every feature of a batch."""
    size = clip.frame_size
    features = {
        spec.VIDEO: ("uint8", (batch_size, clip.frames, size, size, 3)),
        spec.AUDIO: ("float32", (batch_size, clip.samples)),
        spec.TEXT: ("int32", (batch_size, clip.candidates, clip.words)),
        spec.VIDEO_MASK: ("float32", (batch_size,)),
        spec.AUDIO_MASK: ("float32", (batch_size,)),
        spec.TEXT_MASK: ("float32", (batch_size, clip.candidates)),
        spec.EXAMPLE_INDEX: ("int64", (batch_size,)),
    }
    if evaluation:
        strings = dict.fromkeys((spec.CLIP_ID, spec.GROUP, spec.CAPTION), ("string", (batch_size,)))
        features |= {spec.VALID: ("float32", (batch_size,))} | strings
    return features


def check_structure(element_spec, clip, batch_size, *, evaluation):
    """Raises ValueError unless a dataset's `element_spec` has the names, shapes and dtypes of a batch; needs
    no data."""
    expected = expected_features(clip, batch_size, evaluation=evaluation)
    found = {name: (feature.dtype.name, tuple(feature.shape)) for name, feature in element_spec.items()}
    _raise_if(
        f"{name}: got {_describe(found.get(name))}, expected {_describe(expected.get(name))}"
        for name in sorted(expected.keys() | found.keys())
        if found.get(name) != expected.get(name)
    )


def check_values(batch, *, vocabulary_size):
    """Raises ValueError unless every value of a batch (dict of arrays) is in its range."""
    values = {name: np.asarray(value) for name, value in batch.items()}
    ranges = {spec.AUDIO: (-1, 1), spec.TEXT: (0, vocabulary_size - 1), spec.EXAMPLE_INDEX: (0, None)}
    masks = [
        name for name in (spec.VIDEO_MASK, spec.AUDIO_MASK, spec.TEXT_MASK, spec.VALID) if name in values
    ]

    faults = []
    for name, (lowest, highest) in ranges.items():
        low, high = values[name].min(), values[name].max()
        # Written so that NaN, which compares as False, is a fault.
        if not (low >= lowest and (highest is None or high <= highest)):
            limits = f"{lowest} to {highest}" if highest is not None else f"{lowest} or more"
            faults.append(f"{name}: got values from {low} to {high}, expected {limits}")
    for name in masks:
        others = np.setdiff1d(values[name], [0.0, 1.0])
        if others.size:
            faults.append(f"{name}: got {others[0]}, expected 0 or 1 only")
    for name, mask in (
        (spec.VIDEO, spec.VIDEO_MASK),
        (spec.AUDIO, spec.AUDIO_MASK),
        (spec.TEXT, spec.TEXT_MASK),
    ):
        if values[name][values[mask] == 0].any():
            faults.append(f"{name}: got values other than zero where {mask} is 0, expected zeros")
    _raise_if(faults)


def _describe(feature):
    return "nothing" if feature is None else f"{feature[0]} {list(feature[1])}"


def _raise_if(faults):
    faults = list(faults)
    if faults:
        raise ValueError(
            "A batch must be what vatt/spec.py says. Received: "
            + "; ".join(faults)
            + ". Change the dataset, or the ClipSpec."
        )
