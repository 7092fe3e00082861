"""Everything used for JAX that has no public name, see `vatt/engines/private_names.py`.

Two processes use each in `tests/engines/jax/test_engines_jax_workers.py`.
"""

import atexit
import os
import sys
from typing import Any

from jax._src import api, distributed


def coordinator() -> Any:
    """What connects the processes of a run: its keys and barriers, unlike collectives, need no devices."""
    return distributed.global_state.client


def end_without_the_others(status: int) -> None:
    """Ends this process with all that it has to do at its end, but for JAX's wait until the others end too:
    where one is gone, five minutes and SIGABRT."""
    atexit.unregister(end_without_the_others)
    atexit.unregister(api.clean_up)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
