"""The protocol card: what a number was measured on and how, so that two are comparable or visibly not.

Every evaluator's artifact holds one under "protocol".
"""

import functools
import hashlib
import pathlib
import subprocess
from typing import Any

import keras
from keras import ops

import vatt
from vatt.protocols import Dataset, Model

TIE_RULE = "equal scores count against the model"
NOT_KNOWN = "not known"

_DIGITS = 16  # of fingerprints, hexadecimal


def protocol_card(model: Model, dataset: Dataset, settings: dict[str, Any]) -> dict[str, Any]:
    """A card in plain values that JSON can hold.

    Args:
        model: what is measured.
        dataset: what it is measured on; its `eval_facts` are on the card where it has them.
        settings: how: every setting of the evaluator that changes its figures.
    """
    return {
        "data": data_facts(dataset),
        **_damage(dataset),
        **settings,
        "weights": weights_fingerprint(model),
        "precision": precision(model),
        "code": code_version(),
    }


def _damage(dataset: Dataset) -> dict[str, int]:
    """Records that could not be read so far, in whose place the next ones stood: another set, then."""
    damaged = dataset.info.corrupt_records()
    return {"damaged_records": damaged} if damaged else {}


def data_facts(dataset: Dataset) -> dict[str, Any]:
    """What a dataset says about its evaluation split; its name alone where it says nothing."""
    info = dataset.info
    return dict(info.eval_facts) if info.eval_facts else {"dataset": info.name}


def weights_fingerprint(model: Model) -> str:
    """A hash of all weights in their order; the names do not count, so that it is that of the same weights in
    another process. "not known" for what has no weights to look at.
    """
    weights = getattr(model, "weights", None)
    if not weights:
        return NOT_KNOWN
    digest = hashlib.sha256()
    for weight in weights:
        values = ops.convert_to_numpy(weight)
        digest.update(f"{values.shape}{values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()[:_DIGITS]


def precision(model: Model) -> str:
    """The dtype policy the model computes in."""
    policy = getattr(model, "dtype_policy", None)
    return policy.name if policy is not None else keras.config.dtype_policy().name


def code_version() -> str:
    """Version, and the git commit if the code is a checkout: "0.1.0 (1a2b3c4d-dirty)"."""
    return f"{vatt.__version__} ({commit()})" if commit() else vatt.__version__


@functools.cache
def commit() -> str:
    """The git commit of the code, if it is a checkout: "1a2b3c4d5e6f-dirty"; "" elsewhere."""
    root = pathlib.Path(vatt.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return ""
    call = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(call, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
