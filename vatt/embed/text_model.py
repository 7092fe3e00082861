"""A text encoder as ONNX in a folder, with its words: sentences become vectors by onnxruntime alone, without
Keras and TensorFlow.

`vatt.export.onnx.write_text_model` writes the folder.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt.data.description import read_inputs
from vatt.embed.inputs import word_ids
from vatt.files.json_file import read_object

MODEL_FILE, FACTS_FILE = "text.onnx", "inputs.json"


def fingerprint_of(folder: Path) -> str | None:
    """`Embedder.fingerprint` of the model whose text encoder lies in a folder; None where there is none."""
    path = folder / FACTS_FILE
    return read_object(path).get("fingerprint") if path.is_file() else None


class TextModel:
    """What `Embedder` is for sentences, `embed_text` alone.

    Attributes:
        fingerprint: of the whole model, as `Embedder.fingerprint`.
        clip, tokenizer: see `Embedder`.
    """

    def __init__(self, folder: Path):
        facts = read_object(folder / FACTS_FILE)
        self.fingerprint = facts["fingerprint"]
        self.clip, self.tokenizer, _ = read_inputs(facts, source=folder / FACTS_FILE)
        self._path = folder / MODEL_FILE

    def embed_text(self, sentences: Sequence[str]) -> dict[str, np.ndarray]:
        """See `Embedder.embed_text`."""
        ids = word_ids(sentences, self.tokenizer, self.clip.words)
        names = [each.name for each in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, {"ids": ids}), strict=True))

    @functools.cached_property
    def _session(self) -> Any:
        import onnxruntime

        return onnxruntime.InferenceSession(self._path, providers=["CPUExecutionProvider"])
