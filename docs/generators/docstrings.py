"""What a docstring in the style of this house says: its first sentence, and each argument's part."""

import inspect
import re
from collections.abc import Iterator

_SECTION = re.compile(r"^(\w[\w ]*):\s*$", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+(?:, \w+)*): (.*)$")
_SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!et al)(?<!cf)[.:;]\s")


def first_sentence(text: str) -> str:
    """Up to the first full stop, colon or semicolon that ends a part of the sentence, without it."""
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    return _SENTENCE_END.split(paragraph + " ", maxsplit=1)[0].rstrip(".")


def arguments(text: str) -> dict[str, str]:
    """Argument -> what the section "Args:" says of it, on one line."""
    found: dict[str, list[str]] = {}
    names: tuple[str, ...] = ()
    for line in _section(inspect.cleandoc(text), "Args"):
        entry = _ENTRY.match(line)
        if entry:
            names = tuple(entry.group(1).split(", "))
            found.update({name: [entry.group(2)] for name in names})
        else:
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(filter(None, lines)) for name, lines in found.items()}


def _section(text: str, name: str) -> Iterator[str]:
    """The lines of a section without their indent."""
    inside = False
    for line in text.splitlines():
        heading = _SECTION.match(line)
        if heading:
            inside = heading.group(1) == name
        elif inside:
            if line and not line.startswith(" "):
                return
            yield line[4:]
