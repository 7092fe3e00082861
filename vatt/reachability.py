"""Which bindings of a configuration a run can use: walks the references from the root function `run`.

gin accepts in silence a misspelt macro, a misspelt scope and a block that nothing reaches. Here the
references are followed as gin will follow them; what the walk does not reach is an error, and so is a value
that is missing.
"""

import dataclasses
import difflib
import inspect
import logging
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import gin
from gin import config as gin_config

_log = logging.getLogger(__name__)

ROOT = "vatt.run.run"
JOB = frozenset({"job"})  # what the root cannot do without
COMMAND_LINE = "command line"
# Every runnable file binds these; scripts may hand them to any run, so one without a use is no error.
SHARED_MACROS = ("MODEL_DIR", "DATA_DIR", "TRAIN_STEPS", "CHECKPOINT_EVERY", "BATCH_SIZE", "SEED")

MACRO = "gin.macro"  # the macro NAME is kept by gin as the value of `NAME/gin.macro`
CONSTANT = "gin.constant"
_PLAIN_KINDS = frozenset({bool, int, float, str, type(None)})


class ConfigError(ValueError):
    """A configuration that no run can use; the message is all the user needs to see."""


@dataclasses.dataclass(frozen=True)
class Binding:
    """One `key = value` as read, with where it stands."""

    scope: str
    selector: str  # complete, as in gin's registry
    parameter: str
    value: Any
    place: str  # "experiments/pretrain.gin:12"
    overlay: bool

    @property
    def key(self) -> tuple[str, str, str]:
        return self.scope, self.selector, self.parameter

    @property
    def name(self) -> str:
        """The left side as one would write it."""
        return written(*self.key)


def closest(name: str, names: Iterable[str], count: int = 3) -> str:
    """ "Closest: `a`, `b`." for the names most like `name`, or "" where none is."""
    matches = difflib.get_close_matches(name, sorted(set(names)), n=count, cutoff=0.5)
    return f" Closest: {', '.join(f'`{match}`' for match in matches)}." if matches else ""


class Checker:
    """Walks the references from the root, as gin will follow them.

    Args:
        history: every value each (scope, selector, parameter) was given, in the order read.
        dropped: overlay bindings that the reader has already set aside, to be named in the log.
        complete: whether values that are missing are an error.
    """

    def __init__(
        self,
        history: dict[tuple[str, str, str], list[Binding]],
        dropped: list[str],
        *,
        complete: bool = True,
    ):
        self._history = history
        self._complete = complete
        self._dropped = list(dropped)
        self._blocks: dict[tuple[str, str], dict[str, list[Binding]]] = {}
        for (scope, selector, parameter), bindings in self._history.items():
            self._blocks.setdefault((scope, selector), {})[parameter] = bindings
        self._problems: list[str] = []
        self._missing: list[str] = []

    def check(self) -> set[tuple[str, str, str]]:
        """Returns the keys in force; raises with every problem at once."""
        live, _ = self._walk(in_force_only=True)
        ever, states = self._walk(in_force_only=False)
        for key, bindings in self._history.items():
            if key not in ever:
                self._judge_unreached(bindings, states)
        if self._missing and self._complete:
            self._problems.append(
                "Every value marked %gin.REQUIRED, or without a default, must be set. Missing:"
                + "".join(f"\n  {line}" for line in dict.fromkeys(self._missing))
            )
        if self._problems:
            raise ConfigError("\n".join(dict.fromkeys(self._problems)))
        if self._dropped:
            _log.info("Overlay bindings that this run has no use for: %s", "; ".join(self._dropped))
        return live

    def _walk(self, *, in_force_only: bool):
        """Every (scope, selector, parameter) that gin can read, and every (scope, selector) that it can call.

        gin looks a parameter up under every prefix of the current scope, the longest winning; a reference
        with a scope replaces the current one, a reference without keeps it.
        """
        reached: set[tuple[str, str, str]] = set()
        states: set[tuple[tuple[str, ...], str]] = set()
        pending = [((), ROOT, JOB)]
        seen = set()
        while pending:
            scope, selector, _ = state = pending.pop()
            if state in seen:
                continue
            seen.add(state)
            states.add((scope, selector))
            found: dict[str, list[Binding]] = {}
            for length in range(len(scope) + 1):
                for parameter, bindings in self._blocks.get(("/".join(scope[:length]), selector), {}).items():
                    if in_force_only:
                        found[parameter] = [bindings[-1]]
                    else:
                        found.setdefault(parameter, []).extend(bindings)
            if in_force_only:
                self._check_complete(state, found)
                self._check_kinds(selector, found)
            for bindings in found.values():
                for binding in bindings:
                    reached.add(binding.key)
                    for reference in references(binding.value):
                        if in_force_only:
                            self._check_reference(reference, binding)
                        target = reference.configurable
                        # Only `@name()` is called without arguments; `@name` gets some from its caller.
                        needed = parameters_of(target, required=True) if reference.evaluate else ()
                        pending.append((tuple(reference.scopes) or scope, target.selector, frozenset(needed)))
        return reached, states

    def _check_reference(self, reference, binding: Binding) -> None:
        if reference.configurable.selector == CONSTANT:
            if reference.scoped_configurable_fn() is gin.REQUIRED:
                self._missing.append(_way_out(binding.name, f"left open at {binding.place}"))
        elif reference.configurable.selector == MACRO:
            name = "/".join(reference.scopes)
            if (name, MACRO, "value") not in self._history:
                macros = [scope for scope, selector, _ in self._history if selector == MACRO]
                self._problems.append(
                    f"{binding.place}: a macro must be bound before a run. "
                    f"Received: `%{name}` in `{binding.name}`.{closest(name, macros)}"
                )

    def _check_complete(self, state, found) -> None:
        scope, selector, required = state
        if selector in (MACRO, CONSTANT):
            return
        for parameter in sorted(required - found.keys()):
            self._missing.append(_way_out(written("/".join(scope), selector, parameter), "has no default"))

    def _check_kinds(self, selector: str, found: dict[str, list[Binding]]) -> None:
        """What a signature asks for in plain kinds is checked here: from inside a run, it is hard to tell."""
        allowed = _plain_kinds(gin_config._REGISTRY[selector])
        for parameter, (binding,) in found.items():
            source = self._source(binding)
            if parameter not in allowed or _fits(source.value, allowed[parameter]):
                continue
            kinds = " or ".join(
                "None" if kind is type(None) else kind.__name__ for kind in allowed[parameter]
            )
            through = "" if source is binding else f", through `%{source.name}`"
            self._problems.append(
                f"{source.place}: `{binding.name}` must be {kinds}. Received: {source.value!r}{through}."
            )

    def _source(self, binding: Binding) -> Binding:
        """Where the value of a binding is written: itself, or the macro that it names."""
        value, seen = binding.value, set()
        while isinstance(value, gin_config.ConfigurableReference) and value.configurable.selector == MACRO:
            key = ("/".join(value.scopes), MACRO, "value")
            if key in seen or key not in self._history:
                break
            seen.add(key)
            binding = self._history[key][-1]
            value = binding.value
        return binding

    def _judge_unreached(self, bindings: list[Binding], states) -> None:
        binding = bindings[-1]
        if binding.selector == MACRO and binding.scope in SHARED_MACROS:
            if binding.place == COMMAND_LINE:
                _log.info("%s has no effect on this run.", binding.scope)
            return
        if all(each.overlay for each in bindings):
            self._dropped.append(f"{binding.name} ({binding.place})")
            return
        binding = next(each for each in reversed(bindings) if not each.overlay)
        if binding.selector == MACRO:
            used = {"/".join(scope) for scope, selector in states if selector == MACRO}
            near = closest(binding.name, used.union(SHARED_MACROS))
            rule = f"a macro must be used somewhere. Received: `{binding.name}`.{near}"
        else:
            scopes = sorted({"/".join(scope) for scope, selector in states if selector == binding.selector})
            blocks = [written("/".join(scope), selector) for scope, selector in states if selector != MACRO]
            if scopes:
                used = ", ".join(f"`{written(scope, binding.selector)}`" for scope in scopes)
                way_out = f"{closest(binding.scope, scopes)} The run uses it as {used}."
            else:
                way_out = closest(written(binding.scope, binding.selector), blocks)
            rule = f"something must reach every block. Nothing reaches `{binding.name}`.{way_out}"
        self._problems.append(f"{binding.place}: {rule}")


def parameters_of(registered, *, required: bool = False) -> list[str]:
    """Parameters of a registered function or class; with `required` only those without a default."""
    try:
        signature = inspect.signature(registered.wrapped)
    except (TypeError, ValueError):  # built-ins have none
        return []
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {name: each for name, each in signature.parameters.items() if each.kind not in open_ended}
    return [name for name, each in named.items() if not required or each.default is inspect.Parameter.empty]


def _plain_kinds(registered) -> dict[str, tuple[type, ...]]:
    """Parameters that take numbers, text, truth values or None and nothing else: name -> which of these."""
    try:
        signature = inspect.signature(registered.wrapped)
    except (TypeError, ValueError):
        return {}
    kinds = {name: alternatives(each.annotation) for name, each in signature.parameters.items()}
    return {name: each for name, each in kinds.items() if set(each) <= _PLAIN_KINDS}


def alternatives(annotation) -> tuple:
    """The kinds of `A | B`; any other annotation is one kind, not that of what a `Sequence[…]` holds."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, gin_config.ConfigurableReference):  # what it will give is not known yet
        return True
    return type(value) in kinds or (type(value) is int and float in kinds)


def references(value: Any, kind=gin_config.ConfigurableReference) -> Iterator[Any]:
    """Every reference nested in a value."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from references(key, kind)
            yield from references(item, kind)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item, kind)


def written(scope: str, selector: str, parameter: str = "") -> str:
    """A key as one would write it in a gin file."""
    if selector == MACRO:
        return scope
    block = "/".join(filter(None, (scope, selector.rsplit(".", 1)[-1])))
    return f"{block}.{parameter}" if parameter else block


def _way_out(name: str, reason: str) -> str:
    return f"{name} ({reason}): add --gin.{name}=…"
