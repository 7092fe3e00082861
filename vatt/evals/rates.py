"""Whether a model is measured at the rates that it was trained at: others make another signal of a clip."""

from collections.abc import Iterable

from vatt.protocols import Dataset, Model
from vatt.spec import AUDIO, VIDEO

_RATES = {VIDEO: ("frame_rate_hz", "frames"), AUDIO: ("sample_rate_hz", "audio samples")}


def rate_warnings(model: Model, datasets: Iterable[Dataset], modalities: Iterable[str]) -> list[str]:
    """A sentence with both numbers for each rate that differs.

    Args:
        model: what is measured; of one whose rates nobody knows nothing is said.
        datasets: whose clips it is shown.
        modalities: those of them that are measured.
    """
    trained = getattr(model, "trained_rates", None)
    said = {}
    for dataset in datasets:
        clip = dataset.info.clip
        for modality in modalities:
            if clip is None or modality not in _RATES or modality not in clip.modalities:
                continue
            field, of = _RATES[modality]
            before, now = getattr(trained, field, None), getattr(clip, field)
            if before is not None and before != now:
                sentence = (
                    f"The model was trained on {before:,g} {of} a second and is measured on {now:,g} of "
                    f"{dataset.info.name}: set `ClipSpec.{field} = {before:g}` to measure it as it was "
                    "trained."
                )
                said[field, now] = sentence
    return list(said.values())
