"""The ONNX encoders with smaller weights: half precision, and int8."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from vatt.export.asked import ONNX_HALF, ONNX_INT8
from vatt.export.golden import differences
from vatt.export.onnx import quiet, run


def write_smaller_encoders(
    folder: Path,
    plain: Path,
    wanted: Mapping[str, Mapping[str, np.ndarray]],
    given: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Writes the encoders of a folder again, as the name of the new folder says, and runs them.

    Args:
        folder: named as one of `SMALLER`.
        plain: folder of those of `vatt.export.onnx.write_encoders`.
        wanted: golden outputs of each of their signatures.
        given: modality -> what the encoder takes, see `vatt.export.onnx.given_to`.

    Returns:
        file name -> the largest difference from the golden embeddings.
    """
    folder.mkdir()
    found = {}
    for modality, rows in given.items():
        path = folder / f"{modality}.onnx"
        with quiet():
            SMALLER[folder.name][0](plain / path.name, path)
        ((signature, outputs),) = ((s, o) for s, o in wanted.items() if s.endswith(f"_{modality}"))
        found[path.name] = max(differences({signature: outputs}, {signature: run(path, rows)}).values())
    return found


def _to_half(plain: Path, path: Path) -> None:
    """Matrices as float16; they become float32 when a runtime opens the file, and so are the products. What
    is beyond float16's range stays."""
    import onnx

    model = onnx.load(plain)
    graph, casts = model.graph, []
    for weight in graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.ndim < 2 or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name, small = weight.name, f"{weight.name}_half"
        weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), small))
        casts.append(onnx.helper.make_node("Cast", [small], [name], to=onnx.TensorProto.FLOAT))
    for place, node in enumerate(casts):
        graph.node.insert(place, node)
    onnx.save(model, path)


def _to_int8(plain: Path, path: Path) -> None:
    """Weights as int8, a scale for each column. Products are made in int8 as well, by scales of the values
    that arrive (ONNX Runtime's dynamic quantisation)."""
    from onnxruntime import quantization

    quantization.quantize_dynamic(plain, path, weight_type=quantization.QuantType.QInt8, per_channel=True)


# Folder -> how its encoders are made, and the largest difference of an embedding from the model's; of int8
# some thousandths are usual.
SMALLER: dict[str, tuple[Callable[[Path, Path], None], float]] = {
    ONNX_HALF: (_to_half, 1e-3),
    ONNX_INT8: (_to_int8, 0.05),
}
