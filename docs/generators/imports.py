"""`docs/images/imports.svg`: which folder of `vatt/` imports which, drawn from the imports themselves.

A folder stands above what it imports. An arrow that others imply (a → b → c implies a → c) is left out.
"""

import ast
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_BOX, _ROW, _GAP, _MARGIN = (118, 40), 92, 22, 16  # pixels
_FOUNDATION = "foundation"  # modules of `vatt/` itself that folders import, and this folder
_GROUND = "files"
_STYLE = """
text { font: 13px sans-serif; text-anchor: middle; fill: #222 }
.lines { font-size: 10px; fill: #666 }
rect { fill: #eef3fa; stroke: #4a6fa5; rx: 5 }
path { fill: none; stroke: #8a97a8; marker-end: url(#head) }
"""


def page() -> str:
    """The whole diagram."""
    lines, imports = folders()
    return draw(lines, without_implied(imports))


def folders() -> tuple[dict[str, int], dict[str, set[str]]]:
    """Lines of each folder, and the folders that it imports.

    Modules of `vatt/` itself that import no folder but `files` are one with it, the foundation; another
    stands for itself where a folder imports it. Entry points, which nothing imports, are left out.
    """
    paths = sorted((_ROOT / "vatt").rglob("*.py"))
    found = {path: set(_imported(path)) for path in paths if _folder(path) or not path.stem.startswith("__")}
    top: dict[str, set[str]] = {}
    for path, names in found.items():
        if _folder(path) in (None, _GROUND):
            own = _folder(path) or path.stem
            top.setdefault(own, set()).update(names - {own})
    below = _all_below(top)
    needed = {name for path, names in found.items() if _folder(path) is not None for name in names}
    needed |= {each for name in needed for each in below.get(name, ())}
    foundation = {name for name in needed & set(top) if below[name] <= set(top)}

    def node(name: str) -> str:
        return _FOUNDATION if name in foundation else name

    lines: dict[str, int] = {}
    imports: dict[str, set[str]] = {}
    for path, names in found.items():
        own = _folder(path) or path.stem
        if own in top and own not in needed:
            continue
        lines[node(own)] = lines.get(node(own), 0) + len(path.read_text(encoding="utf-8").splitlines())
        imports.setdefault(node(own), set()).update({node(name) for name in names} - {node(own)})
    return lines, imports


def _all_below(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """All that each name imports, through others too."""
    reached: dict[str, set[str]] = {}

    def of(name: str) -> set[str]:
        if name not in reached:
            reached[name] = set()
            below = imports.get(name, set())
            reached[name] = below.union(*(of(each) for each in below))
        return reached[name]

    for name in imports:
        of(name)
    return reached


def without_implied(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The imports that do not follow from others."""
    reached = _all_below(imports)
    return {
        name: {each for each in below if not any(each in reached[other] for other in below - {each})}
        for name, below in imports.items()
    }


def draw(lines: Mapping[str, int], imports: Mapping[str, set[str]]) -> str:
    """The diagram of a graph without circles."""
    level = _levels(imports)
    rows = [sorted(name for name in lines if level[name] == at) for at in range(max(level.values()) + 1)]
    rows.reverse()  # what imports most stands on top
    width = max(len(row) for row in rows) * (_BOX[0] + _GAP) + 2 * _MARGIN
    places = {}
    for number, row in enumerate(_ordered(rows, imports)):
        left = (width - len(row) * (_BOX[0] + _GAP) + _GAP) / 2
        for at, name in enumerate(row):
            places[name] = (left + at * (_BOX[0] + _GAP), _MARGIN + number * _ROW)
    height = _MARGIN + (len(rows) - 1) * _ROW + _BOX[1] + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 8 4 0 8z" fill="#8a97a8" stroke="none" marker-end="none"/></marker>'
        "</defs>",
    ]
    for name in sorted(imports):
        for other in sorted(imports[name]):
            parts.append(_arrow(places[name], places[other]))
    for name in sorted(places):
        left, top = places[name]
        middle = left + _BOX[0] / 2
        parts.append(f'<rect x="{left:.0f}" y="{top:.0f}" width="{_BOX[0]}" height="{_BOX[1]}"/>')
        parts.append(f'<text x="{middle:.0f}" y="{top + 18:.0f}">{escape(name)}</text>')
        # To the hundred, so that not every change of a line changes the diagram.
        about = f"{round(lines[name], -2):,} lines"
        parts.append(f'<text class="lines" x="{middle:.0f}" y="{top + 32:.0f}">{about}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _imported(path: Path) -> Iterator[str]:
    """The folder or module directly below `vatt` of everything that a file imports of this project."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "vatt":
            names = [f"vatt.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            head, _, rest = name.partition(".")
            if head == "vatt" and rest and not rest.startswith("__"):
                yield rest.split(".")[0]


def _folder(path: Path) -> str | None:
    parts = path.relative_to(_ROOT / "vatt").parts
    return parts[0] if len(parts) > 1 else None


def _levels(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """0 for what imports nothing, else one more than the highest that is imported."""
    level: dict[str, int] = {}

    def of(name: str) -> int:
        if name not in level:
            level[name] = 0
            level[name] = max((1 + of(each) for each in imports.get(name, ())), default=0)
        return level[name]

    for name in imports:
        of(name)
    return level


def _ordered(rows: list[list[str]], imports: Mapping[str, set[str]]) -> list[list[str]]:
    """The rows, each sorted by where the row below has what its folders import."""
    place = {name: at / max(1, len(row)) for row in rows for at, name in enumerate(row)}
    ordered = []
    for row in reversed(rows):
        row = sorted(row, key=lambda name: (_mean([place[each] for each in imports.get(name, ())]), name))
        place |= {name: at / max(1, len(row)) for at, name in enumerate(row)}
        ordered.append(row)
    return ordered[::-1]


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.5


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + _BOX[0] / 2, start[1] + _BOX[1]
    x2, y2 = end[0] + _BOX[0] / 2, end[1]
    bend = min(60.0, (y2 - y1) / 2)
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"/>'
    )
