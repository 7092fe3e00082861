"""Whether a batch is what `vatt.spec` promises: names, shapes, dtypes, ranges; all differences are named."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vatt import spec

Features = dict[str, tuple[str, tuple[int, ...]]]  # name -> (dtype name, shape)


def expected_features(
    clip: spec.ClipSpec,
    batch_size: int,
    *,
    evaluation: bool,
    classes: int = 0,
    views: int = 1,
    reads: Mapping[str, spec.PatchesRead] | None = None,
) -> Features:
    """Name -> (dtype name, shape) of every feature of a batch; without labels `classes` is 0, `views` are
    those of a record in evaluation, and `reads` what the host keeps of a signal, see `kept_patches`.
    """
    size = clip.frame_size
    of_modality: dict[str, Features] = {
        spec.VIDEO: {
            spec.VIDEO: ("uint8", (clip.frames, size, size, 3)),
            spec.VIDEO_MASK: ("float32", ()),
        },
        spec.AUDIO: {spec.AUDIO: ("float32", (clip.samples,)), spec.AUDIO_MASK: ("float32", ())},
        spec.TEXT: {
            spec.TEXT: ("int32", (clip.candidates, clip.words)),
            spec.TEXT_MASK: ("float32", (clip.candidates,)),
        },
    }
    features: Features = {spec.EXAMPLE_INDEX: ("int64", ())}
    for modality in clip.modalities:
        features |= of_modality[modality]
    for modality, read in (reads or {}).items():
        features[modality] = (features[modality][0], (read.count, read.values))
        features[spec.KEPT[modality]] = ("int32", (read.count,))
        if modality == spec.VIDEO:
            features[spec.VIDEO_MEAN] = ("float32", (3,))
    if classes:
        features[spec.LABEL] = ("float32", (classes,))
    if evaluation:
        features |= {spec.VALID: ("float32", ())}
        features |= dict.fromkeys((spec.CLIP_ID, spec.GROUP), ("string", ()))
        if spec.TEXT in clip.modalities:
            features[spec.CAPTION] = ("string", ())
        if views > 1:
            features[spec.VIEW] = ("int32", ())
    return {name: (dtype, (batch_size, *shape)) for name, (dtype, shape) in features.items()}


def check_structure(
    element_spec: Mapping[str, Any], clip: spec.ClipSpec, batch_size: int, *, evaluation: bool, **options: Any
) -> None:
    """Raises ValueError unless a dataset's `element_spec` has the names, shapes and dtypes of a batch; needs
    no data. Arguments as of `expected_features`."""
    expected = expected_features(clip, batch_size, evaluation=evaluation, **options)
    found = {name: (feature.dtype.name, tuple(feature.shape)) for name, feature in element_spec.items()}
    _raise_if(
        f"{name}: got {_describe(found.get(name))}, expected {_describe(expected.get(name))}"
        for name in sorted(expected.keys() | found.keys())
        if found.get(name) != expected.get(name)
    )


def check_values(batch: Mapping[str, Any], *, vocabulary_size: int) -> None:
    """Raises ValueError unless every value of a batch (dict of arrays) is in its range."""
    values = {name: np.asarray(value) for name, value in batch.items()}
    ranges = {
        spec.AUDIO: (-1, 1),
        spec.TEXT: (0, vocabulary_size - 1),
        spec.LABEL: (0, 1),
        spec.EXAMPLE_INDEX: (0, None),
        spec.VIDEO_MEAN: (0, 1),
        spec.VIEW: (0, None),
    }

    faults = []
    for name, (lowest, highest) in ranges.items():
        if name not in values:
            continue
        low, high = values[name].min(), values[name].max()
        # Written so that NaN, which compares as False, is a fault.
        if not (low >= lowest and (highest is None or high <= highest)):
            limits = f"{lowest} to {highest}" if highest is not None else f"{lowest} or more"
            faults.append(f"{name}: got values from {low} to {high}, expected {limits}")
    for name in (*spec.MASKS.values(), spec.VALID):
        others = np.setdiff1d(values.get(name, ()), [0.0, 1.0])
        if others.size:
            faults.append(f"{name}: got {others[0]}, expected 0 or 1 only")
    for name, mask in spec.MASKS.items():
        if name in values and values[name][values[mask] == 0].any():
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
