"""`docs/README.md`: every page by its title, in the order in which one needs them."""

from pathlib import Path

_DOCS = Path(__file__).resolve().parents[1]
_SELF = "README.md"
# What stands in none of the groups comes at the end.
_GROUPS = {
    "To begin": ("results.md", "own_videos.md", "released.md", "troubleshooting.md"),
    "To do": (
        "data.md",
        "findings.md",
        "distributed.md",
        "plan.md",
        "report.md",
        "analyses.md",
        "protocols.md",
    ),
    "To use what was trained": ("search.md", "export.md", "model_card.md"),
    "To look up": (
        *("cli.md", "gin.md", "presets.md", "formats.md"),
        *("fidelity.md", "security.md", "licences.md"),
    ),
    "To extend": ("architecture.md", "extending.md"),
}
_REST = "Besides"


def page() -> str:
    """The whole page."""
    there = {path.name: path for path in sorted(_DOCS.glob("*.md")) if path.name != _SELF}
    grouped = {name for names in _GROUPS.values() for name in names}
    groups = _GROUPS | {_REST: tuple(name for name in there if name not in grouped)}
    lines = [
        "# Documents",
        "",
        "Written by `python -m docs.generators`. The [README](../README.md) comes first.",
        "",
    ]
    for title, names in groups.items():
        found = [name for name in names if name in there]
        if found:
            lines += [f"**{title}**", "", *(f"- [{_title(there[name])}]({name})" for name in found), ""]
    return "\n".join(lines)


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
