"""Where gin files are found: in the working directory, then the repository, then the installed package."""

from pathlib import Path

from vatt.errors import ConfigError, closest

_PACKAGE = Path(__file__).resolve().parents[1]
_REPOSITORY = _PACKAGE.parent
_INSTALLED = _PACKAGE / "shipped"  # in a wheel, `experiments/` and `data/` lie there (setup.py)


def roots() -> tuple[Path, ...]:
    """The directories that a relative gin path is resolved against, in order."""
    return Path.cwd(), _REPOSITORY, _INSTALLED


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
    """Finds the file of a `--gin_file` or an `include`; raises `ConfigError` where there is none.

    `experiments/` may be left out: "pretrain.gin" and "overlay/tiny.gin" are found too.
    """
    given = Path(name).expanduser()
    for root in roots():
        for path in (root / given, root / "experiments" / given):
            if path.is_file():
                return path
    near = closest(str(given), available())
    raise ConfigError(f"A gin file must exist. Received: {name or 'no name'}.{near} {listing()}")


def short_name(path: Path) -> str:
    """A path relative to the first root that it is in, if it is in one."""
    for root in roots():
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return str(path)
