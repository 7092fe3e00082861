"""What a model was trained to take, in plain values that JSON can hold: the clip, the tokenizer, the classes.

A model's own configuration has grids of patches alone, which give neither seconds nor hertz nor words. With
these facts next to its weights it can be given raw media and sentences, without its training data.
"""

import base64
import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from vatt.files.whole_file import temporary_folder
from vatt.spec import ClipSpec

_VERSION = 1


def describe_inputs(clip: ClipSpec, tokenizer: Any, label_names: Sequence[str] = ()) -> dict[str, Any]:
    """The facts of one data set; of a tokenizer of another package nothing is said, because nobody could
    build it again. Label names are by index.
    """
    return {
        "version": _VERSION,
        "clip": dataclasses.asdict(clip) | {"modalities": list(clip.modalities)},
        "tokenizer": _tokenizer_facts(tokenizer),
        "label_names": list(label_names),
    }


def read_inputs(facts: Mapping[str, Any], *, source: object) -> tuple[ClipSpec, Any, tuple[str, ...]]:
    """What `describe_inputs` described: the clip, the tokenizer or None, the classes; an error names
    `source`.
    """
    try:
        if facts["version"] != _VERSION:
            raise ValueError(f"they are of version {facts['version']}")
        clip = ClipSpec(**facts["clip"])
        tokenizer = _tokenizer(facts["tokenizer"])
        return clip, tokenizer, tuple(facts["label_names"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"The facts on a model's inputs must be what training wrote (version {_VERSION}). Received: "
            f"{source} ({type(error).__name__}: {error}). Copy the run again, or give `clip` and "
            "`vocabulary_file` yourself."
        ) from error


def _tokenizer_facts(tokenizer) -> dict[str, Any] | None:
    kind = type(tokenizer).__name__
    if kind not in _KINDS:
        return None
    switches = {name: value for name, value in vars(tokenizer).items() if isinstance(value, bool)}
    if kind == "SentencePiece":
        return {"kind": kind, "switches": switches, "file": base64.b64encode(tokenizer.model).decode("ascii")}
    return {"kind": kind, "switches": switches, "words": list(tokenizer.words)}


def _tokenizer(facts):
    if facts is None:
        return None
    with temporary_folder(name="words") as folder:  # the tokenizers read files, and keep what they read
        path = folder / "words"
        if "file" in facts:
            path.write_bytes(base64.b64decode(facts["file"]))
        else:
            path.write_text("\n".join(facts["words"]) + "\n", encoding="utf-8", newline="\n")
        # They import TensorFlow.
        module = importlib.import_module(f"vatt.data.{_KINDS[facts['kind']]}")
        return getattr(module, facts["kind"])(path=path, **facts["switches"])


_KINDS = {"Vocabulary": "vocabulary", "WordPiece": "wordpiece", "SentencePiece": "sentencepiece"}  # modules
