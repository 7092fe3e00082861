"""`python -m vatt.main --gin_file=…`: flags → configuration → run. It makes no decisions of its own."""

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

from vatt import config
from vatt.engines.tensorflow.cluster import name_cluster
from vatt.errors import RunError, reason_of
from vatt.terminal import Parser, say
from vatt.whole_file import whole_file

_EPILOG = """\
A run is described by gin files. Later files win over earlier ones, and the command line over all files.

  python -m vatt.main --gin_file=experiments/pretrain.gin
  python -m vatt.main --gin_file=experiments/pretrain.gin --gin_file=experiments/overlay/tiny.gin
  python -m vatt.main --gin_file=experiments/pretrain.gin --gin.MODEL_DIR='"runs/second"' --gin.SEED=1
  python -m vatt.main --gin_file=experiments/pretrain.gin --gin.adam.epsilon=1e-8 --dry_run
  python -m vatt.main --gin_file=runs/second/config.gin        (continues or repeats a recorded run)

Names every runnable file binds, to be set with --gin.NAME=VALUE (strings in quotes of their own, as above):

  MODEL_DIR          the run directory: checkpoints, journal, metrics, report
  DATA_DIR           where prepared data lie
  TRAIN_STEPS        steps of the whole run
  CHECKPOINT_EVERY   steps between two checkpoints
  BATCH_SIZE         clips of a global batch
  SEED               of the weights, the order of the clips and every random draw

Run the same command again and it goes on from the newest checkpoint, or says that the run is finished.
While it trains, Ctrl-C saves and says how to go on (exit status 130; a second Ctrl-C stops at once), and
SIGTERM does the same with exit status 0. A configuration or a directory that can not be used gives exit
status 2 and one message, a lost machine of several 75: start all of them again. A gin file's `import` lines
run code: read only files you trust.
"""

# Keras imports them where they are installed, a third of the time that TensorFlow takes, for wrappers and
# drawings of its own that nothing here uses.
_KERAS_EXTRAS = ("sklearn", "matplotlib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of a run; `--gin.NAME=VALUE` is taken out of the command line before."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    files = "".join(f"  {name}\n" for name in config.available()) or "  (none found)\n"
    parser.epilog = f"{_EPILOG}\nGin files here:\n\n{files}"
    parser.add_argument(
        "--gin_file",
        action="append",
        default=[],
        metavar="FILE",
        help="a gin file; may be given several times",
    )
    parser.add_argument(
        "--gin_bindings",
        action="append",
        default=[],
        metavar="'NAME = VALUE'",
        help="like a line of a gin file",
    )
    parser.add_argument(
        "--gin.NAME", dest="_", metavar="VALUE", help="short for --gin_bindings 'NAME = VALUE'"
    )
    parser.add_argument(
        "--dry_run",
        action="store_true",
        help="print the configuration, the first batch and the model's size; stop",
    )
    parser.add_argument(
        "--overwrite_config",
        action="store_true",
        help="go on in a run directory that recorded another configuration or other data",
    )
    parser.add_argument(
        "--profile", action="store_true", help="record a few steps for TensorBoard's profiler, under events/"
    )
    parser.add_argument(
        "--workers",
        metavar="HOST:PORT,…",
        help="the machines of a run with `run.strategy = 'multi_worker'`, the same on each; the first one "
        "writes the run directory, which all must be able to read (in place of TF_CONFIG)",
    )
    parser.add_argument(
        "--tpu",
        metavar="NAME",
        help="trains on this TPU: its name, grpc://ADDRESS, or 'local' on a TPU VM; sets `run.strategy`",
    )
    parser.add_argument("--worker", type=int, metavar="N", help="which of them this is, from 0")


def main(arguments: Sequence[str] | None = None, program: str = "python -m vatt.main") -> int:
    """Runs the command line `arguments` (default: the process's own); returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    configure_terminal()
    parser = Parser(
        prog=program, description="Trains, evaluates and reports, as gin files say.", allow_abbrev=False
    )
    add_arguments(parser)
    model_dir = None
    try:
        others, gin_flags = config.split_flags(given)
        flags, unknown = parser.parse_known_args(others)
        if unknown:
            known = [option for action in parser._actions for option in action.option_strings]
            near = config.closest(unknown[0].partition("=")[0], known)
            parser.error(f"a flag must be known. Received: {unknown[0]}.{near}")
        if not flags.gin_file:
            raise config.ConfigError(f"A run needs at least one --gin_file=FILE. {config.listing()}")
        if (flags.workers is None) != (flags.worker is None):
            raise config.ConfigError("`--workers` and `--worker` belong together. Received: one of the two.")
        if flags.workers is not None:
            name_cluster(flags.workers.split(","), flags.worker)
        if flags.tpu is not None:
            os.environ["TPU_NAME"] = flags.tpu  # where TensorFlow looks
            gin_flags = [*gin_flags, "run.strategy = 'tpu'"]
        for name in flags.gin_file:
            config.resolve(name)  # a missing file is told at once, TensorFlow takes seconds
        import_tensorflow()
        config.load(flags.gin_file, [*flags.gin_bindings, *gin_flags])

        from vatt.run import Start, run

        model_dir = config.value_of("run.model_dir")
        start = Start(
            command=shlex.join([*program.split(), *given]),
            dry_run=flags.dry_run,
            overwrite_config=flags.overwrite_config,
            profile=flags.profile,
        )
        return run(start=start)
    except (config.ConfigError, RunError) as error:  # foreseen; the message is all there is to know
        return _refuse(error)
    except KeyboardInterrupt:
        say("Stopped at once. The same command goes on from what was finished before.")
        return 130
    except Exception as error:
        if not isinstance(error, (ValueError, TypeError, OSError, RuntimeError, _tensorflow_error())):
            raise
        return _refuse(error, model_dir)


def configure_terminal() -> None:
    """Lets the terminal show what the user needs to see, and TensorFlow only its errors."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    logger = logging.getLogger("vatt")
    if not logger.handlers:
        logger.addHandler(_Terminal())
        logger.setLevel(logging.INFO)
        logger.propagate = False
    logging.getLogger("absl").setLevel(logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def import_tensorflow() -> None:
    """Imports TensorFlow, without what nobody asked for: its libraries' first messages, Keras's extras.

    The former are written before a log level counts, straight to file descriptor 2, so it is turned away
    during the import and the search for devices. Whoever sets TF_CPP_MIN_LOG_LEVEL sees it all.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        with _without(*_KERAS_EXTRAS):
            import tensorflow  # noqa: F401
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # its errors arrive as exceptions
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with _without(*_KERAS_EXTRAS):
            import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


@contextlib.contextmanager
def _without(*packages: str):
    """Inside, importing these fails as if they were not installed; those imported before stay as they are."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def _tensorflow_error() -> type[Exception]:
    """What TensorFlow raises where an operation fails, such as the reading of damaged records."""
    import tensorflow as tf

    return tf.errors.OpError


class _Terminal(logging.Handler):
    """Writes to whatever standard error is at that moment: a live progress bar redirects it."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        say(prefix + record.getMessage())


def _refuse(error: Exception, model_dir: str | None = None) -> int:
    """One message instead of a traceback, which goes to the run directory for whoever looks for a bug."""
    message = reason_of(error)
    original = error
    while isinstance(original, OSError) and original.errno is None and original.__context__ is not None:
        original = original.__context__  # gin adds its calls to the message in a copy without the number
    if isinstance(original, OSError) and original.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" where {original.filename} lies" if original.filename else ""
        message = f"The disk is full{place}. Make room (see `df`), then run the same command again."
    if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's, which may not be imported here
        message = (
            f"A batch must fit into memory. Received: {message}. Take a smaller `train.batch_size`, or less "
            "at a time: `train.cached_chunk` (contrastive losses), `train.accumulate` (supervised ones), "
            "`Size.recompute = True`. `python -m vatt plan` with the same files says what fits."
        )
    if isinstance(error, TypeError):  # Python's words, which say nothing about where
        within = re.search(r"In call to configurable ('\w+')", str(error))
        inside = f" in {within.group(1)}" if within else ""
        message = f"A value of the configuration may be of the wrong kind{inside}: {message}."
    say(f"error: {message}")
    file = Path(model_dir).expanduser() / "traceback.txt" if model_dir else None
    if file is not None and file.parent.is_dir():
        try:
            with whole_file(file) as opened:
                opened.write("".join(traceback.format_exception(error)).encode("utf-8", "replace"))
            say(f"(where it came from: {file})")
        except OSError:
            pass  # the message above already says what is wrong
    return getattr(error, "exit_status", 2)


if __name__ == "__main__":
    sys.exit(main())
