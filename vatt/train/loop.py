"""The outer loop of a training run, in plain Python: next batch, step, numbers, checkpoint."""

import time
from collections.abc import Callable, Iterator

from vatt.train.context import RunError
from vatt.train.interruption import Interruption
from vatt.train.progress import ProgressDisplay


class NotFinite(RunError):
    """The loss or a gradient is NaN or infinite."""


def train_loop(
    *,
    batches: Iterator,
    step_function: Callable,
    first_step: int,
    steps: int,
    batch_size: int,
    variable_names: list[str],
    log_every: int,
    seconds_before: float,
    write_line: Callable[[dict], None],
    after_step: Callable[[int], None],
) -> tuple[int, Interruption]:
    """Runs steps `first_step` … `steps` - 1.

    Args:
        batches: global batches, from number `first_step` on.
        step_function: batch -> results of `TrainStep`.
        first_step, steps: steps done before, steps of the whole run.
        batch_size: clips of a global batch.
        variable_names: one name per entry of the results' "squared_norms".
        log_every: steps between two journal lines.
        seconds_before: training time of earlier starts of this run.
        write_line: takes a journal line.
        after_step: called after each step with the number of steps done; saves and evaluates where they are
            due.

    Returns:
        Steps done, and the interruption, whose `signal` says why the loop ended early, if it did.
    """
    step = first_step
    began = time.perf_counter()
    line_began, line_step, waited = began, step, 0.0
    with Interruption() as interruption, ProgressDisplay(first_step, steps) as progress:
        while step < steps and interruption.signal is None:
            asked = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - asked
            results = step_function(batch)
            if not bool(results["finite"]):
                raise NotFinite(_describe(step, results, variable_names))
            step += 1
            line = None
            if step % log_every == 0 or step == steps or step == first_step + 1:
                now = time.perf_counter()
                elapsed = now - line_began
                line = {"step": step}
                line.update(
                    {name: float(value) for name, value in results.items() if name.startswith("loss")}
                )
                line["learning_rate"] = float(results["learning_rate"])
                line["gradient_norm"] = float(results["gradient_norm"])
                line["clips_per_second"] = (step - line_step) * batch_size / elapsed
                line["data_wait_share"] = waited / elapsed
                line["seconds"] = seconds_before + now - began
                write_line(line)
                line_began, line_step, waited = time.perf_counter(), step, 0.0
            progress.show(step, line)
            paused = time.perf_counter()
            after_step(step)
            line_began += time.perf_counter() - paused  # saving and evaluating are not training speed
    return step, interruption


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
