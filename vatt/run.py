"""The root of every configuration: `run` prepares the run directory and the devices, then lets the job work.

The run directory is one run's alone: it is locked while a run goes on, it records the configuration before
the first step, and a run of another configuration is refused with the difference.
"""

import dataclasses
import datetime
import importlib.metadata
import logging
import os
import platform
import subprocess
import tokenize
from collections.abc import Callable
from pathlib import Path

import filelock
import gin

import vatt
from vatt import config
from vatt.train.context import RunContext, RunError

_log = logging.getLogger(__name__)

# What a run can lose. Without any of these, a recorded configuration is that of a start that failed.
RESULTS = ("checkpoints", "journal.jsonl", "metrics.json")
PRECISIONS = ("float32", "mixed_bfloat16")  # float16 would need loss scaling


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """How the run was called; comes from the command line, not from the configuration.

    Args:
        command: the shell command, as it would be typed again.
        dry_run: build everything, say what would run, write nothing.
        overwrite_config: go on in a directory that recorded another configuration.
    """

    command: str = ""
    dry_run: bool = False
    overwrite_config: bool = False


@gin.configurable(denylist=["start"])
def run(
    *,
    job: Callable[..., int | None],
    model_dir: str,
    seed: int = 0,
    precision: str = "float32",
    strategy: str = "one_device",
    start: Start = Start(),  # noqa: B008 (frozen)
) -> int:
    """Runs a job in a run directory.

    Args:
        job: called with `run=RunContext(...)`. In gin: `run.job = @train` without parentheses, so that
            whatever the job needs is built here, under the strategy's scope.
        model_dir: the run directory; made if absent.
        seed: of the initial weights, the order of the clips and every random draw.
        precision: "float32", or "mixed_bfloat16" to compute in 16 bits and keep the weights in 32.
        strategy: which devices, see `vatt/train/strategy.py`.
        start: given by `vatt.main`.

    Returns:
        The exit status.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {', '.join(PRECISIONS)}. Received: {precision!r}.")
    if not model_dir:
        raise RunError(
            f"`run.model_dir` must name the run directory. Received: {model_dir!r}. "
            "Name one with --gin.MODEL_DIR='\"DIR\"'."
        )
    directory = Path(model_dir).expanduser().absolute()
    text = config.config_text()
    if start.dry_run:
        print(text)
        return _work(job, directory, seed, precision, strategy, start)
    _make(directory)
    lock = filelock.FileLock(directory / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise RunError(
            f"One run at a time may use a run directory. {directory} is in use by another process. "
            "Wait for it, stop it, or choose another --gin.MODEL_DIR='\"DIR\"'."
        ) from error
    try:
        _record(directory, text, start)
        return _work(job, directory, seed, precision, strategy, start)
    finally:
        lock.release()


def _work(job, directory: Path, seed: int, precision: str, strategy: str, start: Start) -> int:
    # Keras and TensorFlow take seconds to import; everything above fails without them.
    import keras

    from vatt.train.strategy import make_strategy

    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed % 2**32)
    devices = make_strategy(strategy)

    def on_built():
        if not start.dry_run:
            _write(directory / "operative.gin", config.operative_text())

    context = RunContext(
        model_dir=directory,
        seed=seed,
        strategy=devices,
        command=start.command,
        on_built=on_built,
        dry_run=start.dry_run,
    )
    if not start.dry_run:
        with (directory / "command.txt").open("a", encoding="utf-8") as file:
            file.write(_describe_start(start.command, devices))
    with devices.scope():
        return job(run=context) or 0


def _make(directory: Path) -> None:
    """Makes the run directory, and makes sure that files can be written there before anything long begins."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise RunError(
            f"The run directory must be writable. Received: {directory} ({error.strerror}). "
            "Choose another with --gin.MODEL_DIR='\"DIR\"'."
        ) from error


def _record(directory: Path, text: str, start: Start) -> None:
    """Writes `config.gin`; refuses where another configuration has left results."""
    recorded = directory / "config.gin"
    has_results = any((directory / name).exists() for name in RESULTS)
    if recorded.is_file() and has_results and not start.overwrite_config:
        try:
            changes = config.difference(recorded.read_text(encoding="utf-8"), text)
        except (SyntaxError, ValueError, tokenize.TokenError) as error:
            raise RunError(
                f"{recorded} can not be read: {error}. Add --overwrite_config to replace it."
            ) from error
        if changes:
            raise RunError(
                f"A run directory belongs to one configuration. {directory} was made with another:\n"
                + "\n".join(f"  {line}" for line in changes)
                + "\nChoose another --gin.MODEL_DIR='\"DIR\"', or go on from its checkpoint with "
                "--overwrite_config."
            )
        return
    _write(recorded, text)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".saving")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _describe_start(command: str, devices) -> str:
    """What ran, when, on what; one block per start of the run."""
    import tensorflow as tf

    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    packages = ("tensorflow", "keras", "numpy", "gin-config")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    names = ", ".join(device.name for device in tf.config.list_logical_devices())
    return (
        f"command: {command}\n"
        f"started: {now}\n"
        f"vatt: {vatt.__version__}{_commit()}\n"
        f"python: {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores\n"
        f"packages: {versions}\n"
        f"devices: {names}; {devices.num_replicas_in_sync} replica(s)\n\n"
    )


def _commit() -> str:
    """The git commit of the code, where it lies in a checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return ""
    try:
        call = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
        answer = subprocess.run(call, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return f" (commit {answer.stdout.strip()})"
