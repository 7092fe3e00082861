"""Where gin files are found: in the working directory, then the repository, then the installation."""

import sysconfig
from pathlib import Path

from vatt.errors import ConfigError, closest

_REPOSITORY = Path(__file__).resolve().parents[2]


def roots() -> tuple[Path, ...]:
    """The directories that a relative gin path is resolved against, in order."""
    return Path.cwd(), _REPOSITORY, Path(sysconfig.get_path("data")) / "share" / "vatt"


def available() -> list[str]:
    """Every gin file under `experiments/` of the first root that has that folder, relative to the root."""
    for root in roots():
        files = sorted((root / "experiments").rglob("*.gin"))
        if files:
            return [file.relative_to(root).as_posix() for file in files]
    return []


def listing() -> str:
    """The files of `available`, as the end of a message."""
    return "Gin files here:" + ("".join(f"\n  {file}" for file in available()) or "\n  (none)")


def resolve(name: str) -> Path:
    """Finds the file of a `--gin_file` or an `include`; raises `ConfigError` where there is none."""
    given = Path(name).expanduser()
    for root in roots():
        if (root / given).is_file():
            return root / given
    near = closest(str(given), available())
    raise ConfigError(f"A gin file must exist. Received: {name or 'no name'}.{near} {listing()}")


def short_name(path: Path) -> str:
    """A path relative to the working directory or the repository, if it is in one of them."""
    for root in (Path.cwd(), _REPOSITORY):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return str(path)
