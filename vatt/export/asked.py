"""What is asked of an export: its formats, and the names that a publisher decides."""

import dataclasses

SAVED_MODEL, HUB, KERAS, SAFETENSORS, LITERT, ONNX, ONNX_HALF, ONNX_INT8 = FORMATS = (
    "saved_model",
    "hub",
    "keras",
    "safetensors",
    "litert",
    "onnx",
    "onnx_half",
    "onnx_int8",
)
DEFAULT_FORMATS = FORMATS[:-3]  # what needs no extra


@dataclasses.dataclass(frozen=True, kw_only=True)
class Naming:
    """What a publisher decides."""

    name: str = "vatt"  # of the model, as a file may be called
    publisher: str = "publisher"  # who publishes it
    version: int = 1  # of the model, from 1
    licence: str = ""  # of the weights, an SPDX identifier such as "Apache-2.0"; "" where nobody stated one

    @classmethod
    def of(cls, source: object) -> "Naming":
        """What a command line, or a job, says under the same names."""
        return cls(**{field.name: getattr(source, field.name) for field in dataclasses.fields(cls)})
