"""The gin files of `experiments/`: what the header of each says, and the command that it states."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNNABLE = sorted((ROOT / "experiments").glob("*.gin"))
OVERLAYS = sorted((ROOT / "experiments" / "overlay").glob("*.gin"))


def what(path: Path) -> str:
    """The first sentence of the header."""
    text = " ".join(_header(path).split("\n\n")[0].split())
    return re.split(r"(?<=[.:?])\s+(?=[A-Z(]|$)", text)[0].rstrip(".:")


def own_command(path: Path) -> str:
    """The first command that names the file, over as many lines as the header has it in."""
    name = path.relative_to(ROOT).as_posix()
    for command in re.findall(r"^  +(python -m vatt\.main (?:[^\\\n]|\\\n)*)", _header(path), re.MULTILINE):
        if name in command:
            return re.sub(r"\\\n +", "\\\n    ", re.sub(r"  +#.*", "", command))
    raise ValueError(f"The header of a gin file must state its command. Received: {name} without one.")


def _header(path: Path) -> str:
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return "\n".join(lines)
