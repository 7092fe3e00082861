"""The flags that set a configuration, which `vatt train` and `vatt plan` share."""

import argparse
import shlex
from collections.abc import Callable, Iterable

from vatt.arguments import COUNT, SEED
from vatt.errors import ConfigError
from vatt.terminal import Parser

# Macro that runnable gin files bind -> its flag, the name of its value in the help, its kind, what it is.
_MACROS = {
    "MODEL_DIR": ("--model_dir", "DIR", str, "the run directory: checkpoints, journal, metrics, report"),
    "DATA_DIR": ("--data_dir", "DIR", str, "prepared data: the directory of `vatt prepare`"),
    "TRAIN_STEPS": ("--steps", "N", COUNT, "training steps of the whole run"),
    "BATCH_SIZE": ("--batch_size", "N", COUNT, "clips in a global batch"),
    "SEED": ("--seed", "N", SEED, "seed of the weights, the order of the clips and every random draw"),
}
# Scripts may give them to any run, so that one without a use is no error.
SHARED_MACROS = (*_MACROS, "CHECKPOINT_EVERY")

_GIN = """\
Values are gin's: numbers, True, None, 'text', (1, 2), @name(), %NAME. Quotes may be left out
where the parameter or macro takes text."""


def _binding(macro: str, kind: type) -> Callable[[str], str]:
    """The binding of a macro to what stands after its flag, as a type of argparse."""

    def bind(text: str) -> str:
        return f"{macro} = {kind(text)!r}"

    bind.__name__ = kind.__name__  # for argparse's message
    return bind


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Declares `--gin_file`, in `gin_file`, and the flags that bind values, in `bindings`.

    `--gin.NAME=VALUE` is shown in the help only: `joined` rewrites it before a command line is parsed.
    """
    group = parser.add_argument_group("configuration", _GIN)
    group.add_argument(
        "--gin_file",
        action="append",
        default=[],
        metavar="FILE",
        help="a gin file; later files win; repeatable",
    )
    bindings = {"dest": "bindings", "action": "append", "default": []}  # in the order given: later wins
    for macro, (flag, metavar, kind, what) in _MACROS.items():
        text = f"{what}; sets {macro}"
        group.add_argument(flag, type=_binding(macro, kind), metavar=metavar, help=text, **bindings)
    group.add_argument(
        "--gin.NAME", dest="_", metavar="VALUE", help="any other value, in one word: --gin.NAME=VALUE"
    )
    group.add_argument(
        "--gin_bindings", metavar="'NAME = VALUE'", help="the same as a line of a gin file", **bindings
    )


def joined(arguments: Iterable[str]) -> list[str]:
    """Rewrites each `--gin.NAME=VALUE` as `--gin_bindings=NAME = VALUE`, which argparse can read."""
    rewritten = []
    for argument in arguments:
        name, equals, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and name.startswith("gin."):
            if not equals or not value:
                raise ConfigError(f"A gin flag must be --gin.NAME=VALUE in one word. Received: {argument}.")
            argument = f"--gin_bindings={name.removeprefix('gin.')} = {value}"
        rewritten.append(argument)
    return rewritten


def files_and_bindings(command: Iterable[str]) -> tuple[list[str], list[str]]:
    """The gin files and the "NAME = VALUE" bindings in the words of a command; none where it is malformed."""
    parser = Parser(exit_on_error=False, add_help=False, allow_abbrev=False)
    add_config_flags(parser)
    try:
        flags, _ = parser.parse_known_args(joined(command))
    except (argparse.ArgumentError, ConfigError):
        return [], []
    return flags.gin_file, flags.bindings


def flag_of(name: str) -> str:
    """The flag that sets a name, as a message suggests it: "--model_dir DIR", "--gin.adam.epsilon=…"."""
    if name in _MACROS:
        flag, metavar, *_ = _MACROS[name]
        return f"{flag} {metavar}"
    return f"--gin.{name}=…"


def quoted_hint(name: str, value: str) -> str:
    """How a value is given as text whatever it looks like, as the end of a message."""
    text = value.strip("'\"")
    if name in _MACROS and _MACROS[name][2] is str:
        return f" To give it as text: {_MACROS[name][0]} {shlex.quote(text)}"
    return f" To give it as text: {shlex.quote(f'--gin.{name}={text!r}')}"
