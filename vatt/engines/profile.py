"""Records a few steps for TensorBoard's profiler (`--profile`): where the time goes, on which device."""

import logging
from collections.abc import Callable
from pathlib import Path

from vatt.files.whole_file import own_folder

_log = logging.getLogger(__name__)

_CALLS_BEFORE = 5  # the first ones compile and fill the buffers of the input
_CALLS = 5


def profiled(
    run_steps: Callable[..., dict], directory: Path, start: Callable[[str], None], stop: Callable[[], None]
) -> Callable[..., dict]:
    """`run_steps` with a trace of a few of its calls; what is left of a run may be too short for one.

    Args:
        run_steps: a call of steps -> results.
        directory: of the events; the trace is in `plugins/profile` there.
        start, stop: the framework's tracer, into this directory.
    """
    calls = 0

    def run(*arguments) -> dict:
        nonlocal calls
        calls += 1
        if calls == _CALLS_BEFORE + 1:
            own_folder(own_folder(directory / "plugins") / "profile")
            start(str(directory))
        results = run_steps(*arguments)
        if calls == _CALLS_BEFORE + _CALLS:
            bool(results["finite"])  # the devices may still be running
            stop()
            _log.info("Profile of %d calls: tensorboard --logdir=%s", _CALLS, directory)
        return results

    return run
