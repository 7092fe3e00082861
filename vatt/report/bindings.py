"""The bindings of a configuration text, as gin writes them: what differs between two runs."""

import re

_BINDING = re.compile(r"^(?P<name>[\w./%-]+) = ?(?P<value>.*)$")
_PLACES = ("MODEL_DIR",)  # every run has its own


def bindings(text: str) -> dict[str, str]:
    """Name -> value, as text; an import or include stands under its own line, with the value "yes"."""
    found: dict[str, str] = {}
    name = None
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if line[0].isspace() and name is not None:  # a value over several lines
            found[name] = f"{found[name].removesuffix(chr(92)).rstrip()} {bare}".strip()
        elif match := _BINDING.match(line):
            name = match["name"]
            found[name] = match["value"].strip()
        else:
            name = None
            found[bare] = "yes"
    return {name: value.removesuffix("\\").strip() for name, value in found.items()}


def differing(left: str, right: str) -> dict[str, tuple[str, str]]:
    """Name -> (value on the left, on the right), of those that differ; "–" where it is not bound."""
    before, after = bindings(left), bindings(right)
    return {
        name: (before.get(name, "–"), after.get(name, "–"))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name) and name not in _PLACES
    }
