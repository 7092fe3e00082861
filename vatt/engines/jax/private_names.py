"""Everything used of JAX that has no public name, see `vatt/engines/private_names.py`.

Two processes use each in `tests/engines/jax/test_engines_jax_workers.py`.
"""

from typing import Any

from jax._src import distributed


def coordinator() -> Any:
    """What connects the processes of a run: its keys and barriers, unlike collectives, need no devices."""
    return distributed.global_state.client
