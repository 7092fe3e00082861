"""The root of every configuration: `run` prepares the run directory and the devices, then lets the job work.

A run directory belongs to one run: it is locked during the run, it records the configuration before
the first step, and a run of another configuration is refused with the difference.
"""

import contextlib
import dataclasses
import datetime
import importlib.metadata
import logging
import os
import platform
import time
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import gin

import vatt
from vatt import config
from vatt.engines import cluster
from vatt.engines.workers import Workers
from vatt.errors import RunError
from vatt.files.places import is_address, plain, refuse_unknown
from vatt.files.whole_file import appended, lock_file, own_folder, whole_file, write_text
from vatt.terminal import show
from vatt.train.context import Job, RunContext
from vatt.train.run_folder import run_folder

_log = logging.getLogger(__name__)

# What a run can lose. Without any of these, a recorded configuration is that of a start that failed.
RESULTS = ("checkpoints", "journal.jsonl", "metrics.json")
_PATIENCE_SECONDS = 60  # NFS remembers for up to a minute that a name was not there
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """How the run was called; comes from the command line, not from the configuration.

    Args:
        command: the shell command, as it would be typed again.
        dry_run: build everything, say what would run, write nothing.
        overwrite_config: resume in a directory that recorded another configuration.
        profile: record a few steps for TensorBoard's profiler.
    """

    command: str = ""
    dry_run: bool = False
    overwrite_config: bool = False
    profile: bool = False


@gin.configurable(denylist=["start"])
def run(
    *,
    job: type[Job],
    model_dir: str,
    seed: int = 0,
    precision: str = "float32",
    strategy: str = "one_device",
    subfolder: str = "",
    start: Start = Start(),  # noqa: B008 (frozen)
) -> int:
    """Runs a job in a run directory.

    Args:
        job: a `Job`. In gin: `run.job = @Trainer` without parentheses, so that whatever the job needs is
            built here, under the strategy's scope and after its numbers are checked.
        model_dir: the run directory; made if absent.
        seed: of the initial weights, the order of the clips and every random draw.
        precision: "float32"; or "mixed_bfloat16", or "mixed_float16" with loss scaling, to compute in 16 bits
            and keep the weights in 32, which JAX on a CPU does not, since it would be slower.
        strategy: which devices, see `vatt/engines/tensorflow/strategy.py` and `vatt/engines/jax/devices.py`.
        subfolder: for a job that accompanies the run of `model_dir`, such as `CheckpointEvaluation`: the name
            of a folder in there, which has the lock and the records of that job.
        start: given by `vatt.main`.

    Returns:
        The exit status.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {', '.join(PRECISIONS)}. Received: {precision!r}.")
    if not model_dir:
        raise RunError(
            "`run.model_dir` must name the run directory. Received: ''. Name one: --model_dir DIR."
        )
    if not (isinstance(job, type) and issubclass(job, Job)):
        raise RunError(
            f"`run.job` must be a job, such as `@Trainer`, without parentheses. Received: {job!r}. "
            "`gin.md` of the documents lists them."
        )
    refuse_unknown([text := config.config_text()])
    may_write = not start.dry_run and cluster.place()[0] == 0
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(run_folder(model_dir, subfolder=subfolder, writes=may_write))
        directory = place.main / subfolder if subfolder else place.main
        writes = stack.enter_context(_claimed(directory, text, start, is_own_folder=bool(subfolder)))
        place.publish()
        # Keras and TensorFlow take seconds to import; everything above fails without them.
        import keras

        from vatt.engines.start import start_engine
        from vatt.train.interruption import ended_at_once

        with ended_at_once():  # first of all: several workers find each other before anything runs
            engine = start_engine(strategy)
        context = RunContext(
            model_dir=directory,
            seed=seed,
            engine=engine,
            command=start.command,
            dry_run=start.dry_run,
            profile=start.profile,
            forced=start.overwrite_config,
            followed_dir=place.main if subfolder else None,
            publish=place.publish,
            publish_soon=place.publish_soon,
            refresh=place.refresh,
            address=place.address,
        )
        _agree(engine.workers, context, model_dir)
        keras.config.set_dtype_policy(engine.precision(precision))
        keras.utils.set_random_seed(seed % 2**32)
        # Before what it needs is built, which may take minutes.
        job.check(config.numbers_of(config.root_call().calls("job")[0]), replicas=engine.replicas)
        if writes:
            with appended(directory / "command.txt") as file:
                file.write(_describe_start(start.command, engine.describe()))
        with engine.scope():
            built = job()
            if writes:
                write_text(directory / "operative.gin", config.operative_text())
            return built.run(context)


@contextlib.contextmanager
def _claimed(directory: Path, text: str, start: Start, *, is_own_folder: bool) -> Iterator[bool]:
    """Within the block the run directory is this run's; gives whether this process writes there."""
    if start.dry_run:
        show(text)
        yield False
        return
    if cluster.place()[0] > 0:  # the first worker locks the directory and writes all there is to write
        _refuse_other(directory, text, start)
        yield False
        return
    _make(directory, is_own_folder=is_own_folder)
    lock = lock_file(directory / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise RunError(
            f"One run at a time may use a run directory. {directory} is in use by another process. "
            "Wait for it, stop it, or choose another --model_dir DIR."
        ) from error
    try:
        if not _refuse_other(directory, text, start):
            write_text(directory / "config.gin", text)
        yield True
    finally:
        lock.release()


def _refuse_store(place: str) -> None:
    if is_address(plain(place)):
        raise RunError(
            "Workers among whom the weights are divided write their parts of a checkpoint into one folder "
            f"that all of them mount. Received: {place}. Choose a folder as --model_dir, or set "
            "run.strategy='data'."
        )


def _agree(workers: Workers, context: RunContext, place: str) -> None:
    """Raises on every worker unless all of them run one configuration and see one run directory, `place`."""
    if workers.count == 1:
        return
    if context.engine.divides_state:
        _refuse_store(place)
    text, recorded, fault = config.config_text(), context.model_dir / "config.gin", None
    if not workers.has_chiefs(text):
        fault = (
            f"All workers must run one configuration. Worker {workers.index} has another than worker 0"
            f"{_difference(recorded, text)}. Start the same command on each, with one run directory."
        )
    elif not workers.is_chief and not context.dry_run and not _appears(recorded, context.refresh):
        fault = (
            "All workers must see the run directory, where worker 0 writes. Worker "
            f"{workers.index} does not find {recorded}. Choose a folder of a file system that all machines "
            "mount: --model_dir DIR."
        )
    workers.refuse_any(fault)


def _difference(recorded: Path, text: str) -> str:
    try:
        lines = config.difference(recorded.read_text(encoding="utf-8"), text)
    except (OSError, SyntaxError, ValueError, tokenize.TokenError):
        return ""
    whose = {"-": "worker 0: ", "+": "here: "}
    changes = [whose[line[0]] + line[1:] for line in lines if not line.startswith(("---", "+++"))]
    return f" ({'; '.join(changes)})" if changes else ""


def _appears(path: Path, refresh: Callable[[], None]) -> bool:
    """Whether a file of another machine is here, within the time that network file systems may need."""
    for _ in range(_PATIENCE_SECONDS):
        refresh()
        if path.is_file():
            return True
        time.sleep(1)
    return False


def _make(directory: Path, *, is_own_folder: bool) -> None:
    """Makes the run directory, and makes sure that files can be written there before anything long begins."""
    try:
        if is_own_folder:
            own_folder(directory)
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".writable"
        with whole_file(probe):
            pass
        probe.unlink()
    except OSError as error:
        raise RunError(
            f"The run directory must be writable. Received: {directory} ({error.strerror or error}). "
            "Choose another with --model_dir DIR."
        ) from error


def _refuse_other(directory: Path, text: str, start: Start) -> bool:
    """Refuses where another configuration has left results; returns whether this one has."""
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
                + "\nChoose another --model_dir DIR, or resume from its checkpoint with "
                "--overwrite_config."
            )
        return True
    return False


def _describe_start(command: str, devices: str) -> str:
    """What ran, when, on what; one block per start of the run."""
    from vatt.evals.protocol_card import commit  # imports Keras

    code = f" (commit {commit()})" if commit() else ""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    engine = os.environ.get("KERAS_BACKEND", "tensorflow")
    packages = dict.fromkeys(("tensorflow", engine, "keras", "numpy", "gin-config"))
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return (
        f"command: {command}\n"
        f"started: {now}\n"
        f"vatt: {vatt.__version__}{code}\n"
        f"python: {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores\n"
        f"packages: {versions}\n"
        f"devices: {devices}\n\n"
    )
