"""The outer loop of a training run, in plain Python: a few compiled steps, numbers, checkpoint."""

import signal
import time
from collections.abc import Callable

from vatt.engines.tensorflow.live_data import PREFIX
from vatt.engines.tensorflow.preemption import Preemption
from vatt.errors import RunError
from vatt.train.interruption import Interruption
from vatt.train.progress import ProgressDisplay

_SHOWN = ("loss", PREFIX)  # of the results, by how their names begin


class NotFinite(RunError):
    """The loss or a gradient is NaN or infinite.

    Args:
        step: number of the step, from 1; nothing was changed by it, nor by those after it.
    """

    def __init__(self, message: str, step: int):
        super().__init__(message)
        self.step = step


def train_loop(
    *,
    run_steps: Callable[[int], dict],
    first_step: int,
    steps: int,
    steps_per_loop: int,
    batch_size: int,
    variable_names: list[str],
    log_every: int,
    seconds_before: float,
    write_line: Callable[[dict], None],
    is_due: Callable[[int], bool],
    after_step: Callable[[int], None],
    any_worker: Callable[[bool], bool] = bool,
    preemption: Preemption | None = None,
) -> tuple[int, Interruption]:
    """Runs steps `first_step` … `steps` - 1.

    The host starts steps and does not wait for what they give: it looks at the results where a line or
    something else is due. Nothing is lost by that, since after a bad step the compiled ones change nothing.

    Args:
        run_steps: number of steps -> results of `TrainStep.run`.
        first_step, steps: steps done before, steps of the whole run.
        steps_per_loop: steps of one compiled call, which ends at a multiple of it.
        batch_size: clips of a global batch.
        variable_names: one name per entry of the results' "squared_norms".
        log_every: steps between two journal lines.
        seconds_before: training time of earlier starts of this run.
        write_line: takes a journal line.
        is_due: whether `after_step` has anything to do after so many steps.
        after_step: called where it is due, with the number of steps done; saves and evaluates.
        any_worker: whether what is so here is so on any worker, so that all stop after the same step.
        preemption: has been started; SIGTERM is left to it. None: SIGTERM ends the loop like Ctrl-C.

    Returns:
        Steps done, and the interruption, whose `signal` says why the loop ended early, if it did.
    """
    step = first_step
    began = time.perf_counter()
    line_began, line_step, waited = began, step, 0.0
    unseen: list[tuple[int, dict]] = []  # steps done before, results: of calls not looked at yet
    signals = (signal.SIGINT,) if preemption is not None else (signal.SIGINT, signal.SIGTERM)
    with Interruption(signals) as interruption, ProgressDisplay(first_step, steps) as progress:
        while step < steps and not any_worker(interruption.signal is not None):
            count = min(steps_per_loop - step % steps_per_loop, steps - step)
            results = run_steps(count)
            unseen.append((step, results))
            step += count
            line_is_due = step % log_every == 0 or step == steps or step == first_step + count
            line = None
            if line_is_due or is_due(step):
                waited += _seconds_waited(unseen, variable_names)
            if line_is_due:
                now = time.perf_counter()
                elapsed = now - line_began
                line = {"step": step}
                line.update(
                    {name: float(value) for name, value in results.items() if name.startswith(_SHOWN)}
                )
                line["learning_rate"] = float(results["learning_rate"])
                line["gradient_norm"] = float(results["gradient_norm"])
                line["clips_per_second"] = (step - line_step) * batch_size / elapsed
                # The wait is measured by the clock on the wall, which may be set anew at any moment.
                line["data_wait_share"] = min(max(waited / elapsed, 0.0), 1.0)
                line["seconds"] = seconds_before + now - began
                write_line(line)
                line_began, line_step, waited = time.perf_counter(), step, 0.0
            progress.show(step, line)
            if is_due(step):
                paused = time.perf_counter()
                after_step(step)
                line_began += time.perf_counter() - paused  # saving and evaluating are not training speed
            if preemption is not None and preemption.ends_after(step):
                break
        _seconds_waited(unseen, variable_names)
    return step, interruption


def _seconds_waited(unseen: list[tuple[int, dict]], variable_names: list[str]) -> float:
    """Looks at the results that came since the last look, and forgets them; raises at the first bad step."""
    for step, results in unseen:
        if not bool(results["finite"]):
            bad = step + int(results["steps"]) + 1
            raise NotFinite(_describe(bad, results, variable_names), bad)
    seconds = sum(float(results["data_wait_seconds"]) for _, results in unseen)
    unseen.clear()
    return seconds


def _describe(step: int, results: dict, variable_names: list[str]) -> str:
    losses = ", ".join(
        f"{name}={float(value):g}" for name, value in results.items() if name.startswith("loss")
    )
    norms = results["squared_norms"].numpy()
    bad = [name for name, norm in zip(variable_names, norms, strict=True) if not norm < float("inf")]
    where = f" Gradients that are not finite: {len(bad)}, the first of {', '.join(bad[:3])}." if bad else ""
    return (
        f"The loss and every gradient must be finite. Received at step {step}: {losses}.{where} "
        "The weights are those of the step before. Lower the learning rate, clip with "
        "`train.clip_global_norm = 1.0`, or look at the batch of this step."
    )
