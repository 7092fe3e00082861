"""Which bindings of a configuration a run can use: follows the references from the root function `run`.

gin accepts a misspelt macro, a misspelt scope and an unreachable block in silence. Here references are
followed as gin will follow them; what they do not reach is an error, and so is a missing value.
Two rules decide what may be left over:

* A file in a folder named `overlay` is an adjective for any run. What does not apply to this run is dropped,
  and one line of the log says so. In any other file and on the command line it is an error.
* A binding that is reached only through a value that a later file replaced is legitimate, and dropped in
  silence.
"""

import dataclasses
import inspect
import logging
from collections.abc import Iterator, Sequence

from vatt.config.bindings import COMMAND_LINE, Binding, History, Key, source_of, written
from vatt.config.flags import SHARED_MACROS, flag_of, quoted_hint
from vatt.config.gin_internals import (
    CONSTANT,
    MACRO,
    Reference,
    find,
    is_required,
    macro_named,
    parameters_of,
    references,
)
from vatt.config.kinds import fits, in_words, plain_kinds
from vatt.errors import ConfigError, closest

_log = logging.getLogger(__name__)

ROOT = "vatt.run.run"
_NEEDED_BY_ROOT = frozenset({"job"})


@dataclasses.dataclass(frozen=True)
class Visit:
    """A function or class that a run can call in a scope.

    Args:
        scope: the scopes in which it is called.
        selector: its complete name.
        needed: parameters that must be bound.
    """

    scope: tuple[str, ...]
    selector: str
    needed: frozenset[str]

    @property
    def block(self) -> str:
        """Its name in its scope, as a gin file has it."""
        return written("/".join(self.scope), self.selector)


Visits = dict[Visit, dict[str, list[Binding]]]  # with what each can read, by parameter


def check(history: History, dropped: Sequence[str], *, complete: bool) -> set[Key]:
    """Returns the keys that a run can use; raises `ConfigError` with every problem at once.

    Args:
        history: every binding, in the order read.
        dropped: bindings of overlays that the reader has already set aside, to be named in the log.
        complete: whether missing values are an error.
    """
    visits, ever = _walk(history), _walk(history, in_force=False)
    problems = [problem for visit, found in visits.items() for problem in _problems(visit, found, history)]
    reached, dropped = _keys(ever), list(dropped)
    for bindings in (bindings for key, bindings in history.items() if key not in reached):
        last = bindings[-1]
        if last.name in SHARED_MACROS:
            if last.place == COMMAND_LINE:
                _log.info("%s has no effect on this run.", last.name)
        elif all(each.overlay for each in bindings):
            dropped.append(f"{last.name} ({last.place})")
        else:
            problems.append(_unreached([each for each in bindings if not each.overlay][-1], ever))
    missing = [line for visit, found in visits.items() for line in _missing(visit, found)]
    if missing and complete:
        problems.append(
            "Every value marked %gin.REQUIRED, or without a default, must be set. Missing:"
            + "".join(f"\n  {line}" for line in dict.fromkeys(missing))
        )
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    if dropped:
        _log.info("Overlay bindings that this run has no use for: %s", "; ".join(dropped))
    return _keys(visits)


def _walk(history: History, *, in_force: bool = True) -> Visits:
    """Follows the references from the root, as gin will.

    A parameter is looked up under every prefix of the current scope, the longest winning; a reference with a
    scope replaces the current one, a reference without keeps it.

    Args:
        history: every binding, in the order read.
        in_force: whether only the values in force are followed; else all that were ever given.
    """
    blocks: dict[tuple[str, str], list[Key]] = {}
    for key in history:
        blocks.setdefault(key[:2], []).append(key)
    visits: Visits = {}
    pending = [Visit((), ROOT, _NEEDED_BY_ROOT)]
    while pending:
        visit = pending.pop()
        if visit in visits:
            continue
        found = visits[visit] = {}
        for length in range(len(visit.scope) + 1):
            for key in blocks.get(("/".join(visit.scope[:length]), visit.selector), ()):
                values = history[key]
                found[key[2]] = values[-1:] if in_force else found.get(key[2], []) + values
        values = [binding.value for bindings in found.values() for binding in bindings]
        pending += [_visit(reference, visit.scope) for reference in references(values)]
    return visits


def _visit(reference: Reference, scope: tuple[str, ...]) -> Visit:
    named = (
        parameters_of(reference.configurable) if reference.evaluate else {}
    )  # `@name` gets some from its caller
    needed = frozenset(name for name, each in named.items() if each.default is inspect.Parameter.empty)
    return Visit(tuple(reference.scopes) or scope, reference.configurable.selector, needed)


def _keys(visits: Visits) -> set[Key]:
    return {each.key for found in visits.values() for bindings in found.values() for each in bindings}


def _missing(visit: Visit, found: dict[str, list[Binding]]) -> Iterator[str]:
    """What still has to be set, with the flag that sets it."""
    for (binding,) in found.values():
        if any(is_required(reference) for reference in references(binding.value)):
            yield f"{binding.name} (left open at {binding.place}): add {flag_of(binding.name)}"
    if visit.selector not in (MACRO, CONSTANT):
        for parameter in sorted(visit.needed - found.keys()):
            name = f"{visit.block}.{parameter}"
            yield f"{name} (has no default): add {flag_of(name)}"


def _problems(visit: Visit, found: dict[str, list[Binding]], history: History) -> Iterator[str]:
    """Macros without a value, and values of the wrong kind where a signature asks for plain ones."""
    kinds = plain_kinds(find(visit.selector))
    for parameter, (binding,) in found.items():
        for name in filter(None, map(macro_named, references(binding.value))):
            if (name, MACRO, "value") not in history:
                macros = [scope for scope, selector, _ in history if selector == MACRO]
                yield (
                    f"{binding.place}: a macro must be bound before a run. "
                    f"Received: `%{name}` in `{binding.name}`.{closest(name, macros)}"
                )
        source = source_of(binding, history)  # from inside a run, it is hard to tell
        if (macro_named(source.value), MACRO, "value") in history:
            yield f"{source.place}: macros must not name each other in a circle. Received: `{source.name}`."
        if parameter in kinds and not fits(source.value, kinds[parameter]):
            through = "" if source is binding else f", through `%{source.name}`"
            is_text = str in kinds[parameter] and source.place == COMMAND_LINE
            hint = quoted_hint(source.name, str(source.value)) if is_text else ""
            yield (
                f"{source.place}: `{binding.name}` must be {in_words(kinds[parameter])}. "
                f"Received: {source.value!r}{through}.{hint}"
            )


def _unreached(binding: Binding, ever: Visits) -> str:
    """Refuses a binding that no run reads, with the nearest names that are read."""
    scope, selector, _ = binding.key
    if selector == MACRO:
        used = {visit.block for visit in ever if visit.selector == MACRO}
        near = closest(binding.name, used.union(SHARED_MACROS))
        return f"{binding.place}: a macro must be used somewhere. Received: `{binding.name}`.{near}"
    same = {"/".join(visit.scope): visit.block for visit in ever if visit.selector == selector}
    if same:
        used = ", ".join(f"`{same[each]}`" for each in sorted(same))
        way_out = f"{closest(scope, same)} The run uses it as {used}."
    else:
        way_out = closest(
            written(scope, selector), [visit.block for visit in ever if visit.selector != MACRO]
        )
    return f"{binding.place}: a binding must be used somewhere. Nothing reaches `{binding.name}`.{way_out}"
