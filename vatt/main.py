"""`python -m vatt.main --gin_file=…`: reads the flags, loads the configuration, starts the run."""

import argparse
import contextlib
import errno
import logging
import os
import re
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from vatt import config, resident_memory
from vatt.arguments import PROCESSES, explain
from vatt.config.flags import add_config_flags, joined
from vatt.engines.cluster import name_cluster
from vatt.environment import version_of
from vatt.errors import RunError, reason_of
from vatt.files.whole_file import write_text
from vatt.terminal import Parser, say

_EPILOG = """\
A run is described by gin files. Later files win over earlier ones, and the command line wins over all files.
--gin.NAME=VALUE sets what a gin file sets in capitals, --gin.name.parameter=VALUE a parameter; gin.md of the
documents lists them all.

The same command again resumes from the newest checkpoint, or says that the run is finished. Ctrl-C during
training saves a checkpoint and stops; a second one stops immediately. The `import` lines of a gin file run
code: read only files that you trust.
"""
_EXAMPLES = (
    "vatt train --gin_file=pretrain.gin",
    "vatt train --gin_file=pretrain.gin --gin_file=overlay/folder.gin --data_dir RECORDS",
    "vatt train --gin_file=pretrain.gin --model_dir runs/second --seed 1",
    "vatt train --gin_file=pretrain.gin --gin.adam.epsilon=1e-8 --dry_run",
    "vatt train --gin_file=runs/second/config.gin    # resumes or repeats a recorded run",
)

# Keras imports them if they are installed, which takes a third of the time of TensorFlow's own import, for
# wrappers and plots that are not used here.
_KERAS_EXTRAS = ("sklearn", "matplotlib")
_OF_TRAIN = ("grpcio", "safetensors", "scikit-learn", "scipy")  # and TensorFlow, which has several names
# TensorFlow Lite imports it if it is installed, 120 MB, to convert functions of JAX.
_LITE_EXTRA = "jax"

_FULL = (errno.ENOSPC, errno.EDQUOT)  # numbers of errors of a full disk
_EXHAUSTED = "ResourceExhaustedError"  # TensorFlow's, which may not be imported here

ENGINES = ("tensorflow", "jax")  # as `vatt/engines/start.py` starts them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags of a run."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    files = "".join(f"  {name}\n" for name in config.available()) or "  (none found)\n"
    parser.epilog = f"{_EPILOG}\nGin files here:\n\n{files}"
    explain(parser, *_EXAMPLES, status="0 done or stopped by SIGTERM, 75 a machine was lost, start all again")
    add_config_flags(parser)
    run = parser.add_argument_group("run")
    run.add_argument(
        "--dry_run",
        action="store_true",
        help="print the configuration, the first batch and the model's size; train nothing",
    )
    run.add_argument(
        "--overwrite_config",
        action="store_true",
        help="resume in a run directory that recorded another configuration or other data",
    )
    run.add_argument(
        "--profile", action="store_true", help="record a few steps for TensorBoard's profiler, under events/"
    )
    devices = parser.add_argument_group("devices")
    devices.add_argument(
        "--engine",
        choices=ENGINES,
        help="the framework that trains: the same run, weights and metrics; sets KERAS_BACKEND (default: "
        "tensorflow)",
    )
    devices.add_argument(
        "--tpu",
        metavar="NAME",
        help="train on this TPU: its name, grpc://ADDRESS, or 'local' on a TPU VM; sets `run.strategy`",
    )
    devices.add_argument(
        "--workers",
        metavar="HOST:PORT,…",
        help="the machines of a run with `run.strategy = 'multi_worker'`, the same list on each; the first "
        "one writes the run directory, which all must be able to read (replaces TF_CONFIG)",
    )
    devices.add_argument(
        "--worker", type=PROCESSES, metavar="N", help="the index of this machine in the list, from 0"
    )


def main(arguments: Sequence[str] | None = None, program: str = "python -m vatt.main") -> int:
    """Runs the command line `arguments` (default: the process's own); returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    configure_terminal()
    model_dir = None
    try:
        flags = _parse(given, program)
        bindings = [*flags.bindings, *_device_bindings(flags)]
        for name in flags.gin_file:
            config.resolve(name)  # a missing file is reported at once, TensorFlow takes seconds
        import_tensorflow()
        config.load(flags.gin_file, bindings)

        from vatt.run import Start, run

        model_dir = config.value_of("run.model_dir")
        start = Start(
            command=shlex.join([*program.split(), *given]),
            dry_run=flags.dry_run,
            overwrite_config=flags.overwrite_config,
            profile=flags.profile,
        )
        return run(start=start)  # pyright: ignore[reportCallIssue]  (gin gives the others)
    except (config.ConfigError, RunError) as error:  # foreseen; the message is all there is to know
        return _refuse(error)
    except KeyboardInterrupt:
        say("Stopped immediately. The same command resumes from what was finished.")
        return 130
    except Exception as error:
        if not isinstance(error, (ValueError, TypeError, OSError, RuntimeError, _tensorflow_error())):
            raise
        return _refuse(error, model_dir)


def _parse(given: Sequence[str], program: str) -> argparse.Namespace:
    """Parses a command line; an unknown flag is refused with the nearest ones."""
    parser = Parser(
        prog=program,
        description="Trains, evaluates and reports, as gin files describe.",
        allow_abbrev=False,
    )
    add_arguments(parser)
    flags, unknown = parser.parse_known_args(joined(given))
    if unknown:
        known = [option for action in parser._actions for option in action.option_strings]
        near = config.closest(unknown[0].partition("=")[0], known)
        parser.error(f"a flag must be known. Received: {unknown[0]}.{near}")
    if not flags.gin_file:
        raise config.ConfigError(f"A run needs at least one --gin_file=FILE. {config.listing()}")
    return flags


def _device_bindings(flags: argparse.Namespace) -> list[str]:
    """Tells the engine which workers or TPU are meant; returns the bindings that follow."""
    if flags.engine is not None:
        _choose(flags.engine)
    if (flags.workers is None) != (flags.worker is None):
        raise config.ConfigError("`--workers` and `--worker` belong together. Received: one of the two.")
    if flags.workers is not None:
        name_cluster(flags.workers.split(","), flags.worker)
    if flags.tpu is None:
        return []
    os.environ["TPU_NAME"] = flags.tpu
    return ["run.strategy = 'tpu'"]


def _choose(engine: str) -> None:
    """Makes Keras compute with a framework; Keras chooses once, when it is imported."""
    keras = sys.modules.get("keras")
    if keras is not None and keras.backend.backend() != engine:
        raise RunError(
            "The engine of a process is chosen before Keras is imported. Received: --engine "
            f"{engine}, with Keras on {keras.backend.backend()}. Start a process of its own."
        )
    os.environ["KERAS_BACKEND"] = engine


def configure_terminal() -> None:
    """Logs this project's messages to the terminal, and only errors of TensorFlow's and JAX's Python code."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    logger = logging.getLogger("vatt")
    if not logger.handlers:
        logger.addHandler(_Terminal())
        logger.setLevel(logging.INFO)
        logger.propagate = False
    for library in ("absl", "tensorflow", "jax", "orbax"):
        logging.getLogger(library).setLevel(logging.ERROR)


def import_tensorflow() -> None:
    """Imports TensorFlow without its libraries' start-up messages and without their optional packages.

    The messages are written to file descriptor 2 before a log level counts, so that it is redirected during
    the import and the search for devices. If TF_CPP_MIN_LOG_LEVEL is set, everything is shown.
    """
    shows_all = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    backend = os.environ.get("KERAS_BACKEND")
    computes_by_tensorflow = backend == "tensorflow"
    resident_memory.share_heaps()
    if backend == "jax":
        resident_memory.keep_freed_for_jax()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors arrive as exceptions
    with contextlib.nullcontext() if shows_all else _standard_error_discarded():
        with _without(*_KERAS_EXTRAS, *([_LITE_EXTRA] if computes_by_tensorflow else [])):
            try:
                import tensorflow as tf
            except ModuleNotFoundError as error:
                raise _without_train(error.name) from error

        tf.config.list_physical_devices()
    for name in _OF_TRAIN:
        if not version_of(name):
            raise _without_train(name)


def _without_train(module: str | None) -> RunError:
    return RunError(
        "Training, and whatever loads a model, needs the packages of the extra `train`. "
        f"Received: no {module} here. `pip install 'vatt[train]'`."
    )


@contextlib.contextmanager
def _standard_error_discarded():
    """Inside, what any library writes to file descriptor 2 is lost."""
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


@contextlib.contextmanager
def _without(*packages: str):
    """Inside, importing these fails as if they were not installed; those imported before stay as they are."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # pyright: ignore[reportCallIssue, reportArgumentType]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def _tensorflow_error() -> type[Exception]:
    """The error that TensorFlow raises where an operation fails, such as reading a damaged record."""
    import tensorflow as tf

    return tf.errors.OpError


class _Terminal(logging.Handler):
    """Writes to whatever standard error is at that moment: a live progress bar redirects it."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        say(prefix + record.getMessage())


def _refuse(error: Exception, model_dir: str | None = None) -> int:
    """Prints one message and writes the traceback to the run directory; returns the exit status."""
    say(f"error: {_message_of(error)}")
    file = Path(model_dir).expanduser() / "traceback.txt" if model_dir else None
    if file is not None and file.parent.is_dir():
        with contextlib.suppress(OSError):  # the message above already says what is wrong
            write_text(file, "".join(traceback.format_exception(_without_copies(error))))
            say(f"(traceback: {file})")
    return getattr(error, "exit_status", 2)


def _without_copies(error: BaseException) -> BaseException:
    """The error itself: gin raises a copy, which adds its calls to the message, without number and cause."""
    while (
        error.__suppress_context__
        and error.__context__ is not None
        and type(error.__context__) in type(error).__mro__[1:]
    ):
        error = error.__context__
    return error


def _message_of(error: Exception) -> str:
    """What went wrong and a way out, in the words of the user's command."""
    own = _without_copies(error)
    for each in filter(None, (own, own.__cause__)):
        if isinstance(each, OSError) and each.errno in _FULL:
            place = f" where {each.filename} is" if each.filename else ""
        elif type(each).__name__ == _EXHAUSTED and any(os.strerror(full) in str(each) for full in _FULL):
            place = f" ({reason_of(error)})"
        else:
            continue
        return f"The disk is full{place}. Make room (see `df`), then run the same command again."
    if _EXHAUSTED in (type(own).__name__, type(own.__cause__).__name__):
        return (
            f"A batch must fit into memory. Received: {reason_of(error)}. Take a smaller --batch_size, or "
            "less at a time: `Execution.gradients = @Cached()` (contrastive losses) or `@Accumulated()` "
            "(supervised ones), `Size.recompute = True`. `python -m vatt plan` with the same files says what "
            "fits."
        )
    if isinstance(error, TypeError):  # Python's message, which does not say where
        within = re.search(r"In call to configurable ('\w+')", str(error))
        inside = f" in {within.group(1)}" if within else ""
        return f"A value of the configuration may be of the wrong kind{inside}: {reason_of(error)}."
    return reason_of(error)


if __name__ == "__main__":
    sys.exit(main())
