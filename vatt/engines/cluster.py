"""Which processes make up one run on several machines: the variable TF_CONFIG of the environment, which
schedulers set, or flags that say the same.

It imports no framework, so that a wrong start is reported at once, and since the cluster must be known
before a framework starts.
"""

import json
import os

from vatt.errors import RunError
from vatt.files.json_file import parse_json

_VARIABLE = "TF_CONFIG"


def name_cluster(addresses: list[str], index: int) -> None:
    """Names the participants before an engine starts: writes what flags say as TF_CONFIG.

    Args:
        addresses: "host:port" of every worker, the same list on each; the first is the chief.
        index: which of them this is.
    """
    if not 0 <= index < len(addresses):
        raise RunError(
            f"`--worker` must be the place of this machine in `--workers`, from 0. Received: {index} of "
            f"{len(addresses)} workers."
        )
    without_port = [each for each in addresses if not each.rpartition(":")[2].isdigit() or ":" not in each]
    if without_port or len(set(addresses)) < len(addresses):
        raise RunError(
            "`--workers` must be different addresses, each as HOST:PORT, with commas between. "
            f"Received: {','.join(addresses)}."
        )
    _write(addresses, index)


def _write(addresses: list[str], index: int) -> None:
    cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    os.environ[_VARIABLE] = json.dumps(cluster)


def place() -> tuple[int, list[str]]:
    """Number of this process's worker, from 0, and the addresses of all; (0, []) where nobody named any.

    Vertex AI and Kubeflow call the first worker "chief", and count the others from 0. Here, and in TF_CONFIG
    from now on, it is worker 0, and the others follow it.
    """
    text = os.environ.get(_VARIABLE, "")
    if not text.strip():
        return 0, []
    try:
        named = parse_json(text, _VARIABLE)
        cluster, task = named.get("cluster", {}), named.get("task", {})
        chief = [*cluster.get("chief", []), *cluster.get("master", [])]  # there is one or none
        workers = list(cluster.get("worker", []))
        kind, index = task.get("type", "worker"), int(task.get("index", 0))
    except (AttributeError, TypeError, ValueError) as error:
        raise RunError(
            f"The environment variable {_VARIABLE} must be JSON with `cluster` and `task`. "
            f"Received: {text!r} ({getattr(error, 'problem', error)}). "
            "Unset it, or use --workers and --worker."
        ) from error
    if cluster and kind not in ("chief", "master", "worker"):
        raise RunError(
            f"Only the tasks 'chief' and 'worker' of {_VARIABLE} take part in a run. Received: {kind!r}. "
            "To evaluate during a run, unset the variable and add `experiments/overlay/evaluate.gin`."
        )
    if chief:
        index += len(chief) if kind == "worker" else 0
        _write(chief + workers, index)
    return index, chief + workers
