"""What the site of `mkdocs.yml` has besides `docs/`: the README as its home, the files that pages link to,
the pages made from the code, and the reference of Python, a page for each package; a hook of MkDocs.

Links are written as the repository's own pages need them; here they become those of the site. So does the
name of a page made from the code, which the repository does not have: `gin.md`.
"""

import json
import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT))  # of `mkdocs`, which is not run as a module
from docs.generators import AT_BUILD, text_of  # noqa: E402
from vatt.main import import_tensorflow  # noqa: E402

_HOME = ("README.md", "docs/README.md")
_LINK = re.compile(r"(\]\()([^)#\s]+)")
_MADE = re.compile(rf"`(?:docs/)?({'|'.join(map(re.escape, AT_BUILD))})`")
_BLOCK = re.compile(r"(^ *```.*?^ *```)", re.MULTILINE | re.DOTALL)

_paths: dict[str, str] = {}  # page of the site -> file of the repository


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of packages, the home, and whatever pages link to, and these in turn."""
    packages = {
        ".".join(path.parent.relative_to(_ROOT).parts): path.parent
        for path in sorted((_ROOT / "vatt").rglob("__init__.py"))
    }
    for name, package in packages.items():
        files.append(File.generated(config, f"api/{name}.md", content=_reference(name, package)))
    files.append(File.generated(config, "api/index.md", content=_packages(packages)))
    import_tensorflow()
    for name in AT_BUILD:
        if written := files.get_file_from_path(name):  # by `python -m docs.generators`, at some time
            files.remove(written)
        files.append(File.generated(config, name, content=text_of(name)))
    for notebook in sorted((_ROOT / "docs").rglob("*.ipynb")):
        path = notebook.relative_to(_ROOT).as_posix()
        files.append(File.generated(config, _uri(path), content=_text(path)))
        _paths[_uri(path)] = path
    pending = ["README.md", *(f"docs/{page.src_uri}" for page in files.documentation_pages())]
    pending = [
        path for path in pending if path.removeprefix("docs/") not in AT_BUILD and (_ROOT / path).is_file()
    ]
    seen = {*pending, *_HOME}
    while pending:
        path = pending.pop()
        _paths[_uri(path)] = path
        if not path.startswith("docs/"):
            files.append(File.generated(config, _uri(path), content=_text(path)))
        if path.endswith(".md"):
            linked = {_target(path, link) for _, link in _LINK.findall(_text(path))} - seen - {None}
            seen |= linked
            pending += linked
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The text with its links from file to file as links from page to page."""
    here = page.file.src_uri
    if here not in _paths:
        return markdown

    def link(match: re.Match) -> str:
        path = _target(_paths[here], match[2])
        return match[1] + posixpath.relpath(_uri(path), posixpath.dirname(here) or ".") if path else match[0]

    def made(match: re.Match) -> str:
        return f"[{match[0]}]({posixpath.relpath(match[1], posixpath.dirname(here) or '.')})"

    parts = _BLOCK.split(markdown)
    return "".join(
        part if number % 2 else _MADE.sub(made, _LINK.sub(link, part)) for number, part in enumerate(parts)
    )


def _target(path: str, link: str) -> str | None:
    """The file of the repository that a link in one of its files leads to; None for an address elsewhere."""
    linked = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return linked if (_ROOT / linked).exists() else None


def _uri(path: str) -> str:
    """Where a file of the repository lies in the site's sources."""
    if path in _HOME:
        return "index.md"
    if path.startswith("docs/"):
        return re.sub(r"\.ipynb$", ".md", path.removeprefix("docs/"))
    page = path if path.endswith(".md") else f"{path}.md"
    return "repository/" + page.removeprefix(".")  # MkDocs leaves hidden folders out


def _text(path: str) -> str:
    """A document as it is, a notebook as one, other files as a page that shows them, a folder as a list."""
    file = _ROOT / path
    if path.endswith(".ipynb"):
        cells = [
            (cell["cell_type"], "".join(cell["source"])) for cell in json.loads(file.read_text())["cells"]
        ]
        return "\n\n".join(f"```python\n{text}\n```" if kind == "code" else text for kind, text in cells)
    if path.endswith(".md"):
        return file.read_text(encoding="utf-8")
    is_folder = file.is_dir()
    lines = sorted(each.name for each in file.iterdir()) if is_folder else [file.read_text(encoding="utf-8")]
    language = "python" if file.suffix in (".py", ".gin") else "text"
    shown = "\n".join(["", f"````{language}", *lines, "````", ""])
    return f"---\nsearch: {{exclude: true}}\n---\n# `{path}`\n{shown}"


def _packages(packages: dict[str, Path]) -> str:
    """The page that lists the packages by what they are for."""
    rows = (f"- [`{name}`]({name}.md): {', '.join(_modules(package))}" for name, package in packages.items())
    return "\n".join(["# Python", "", *rows, ""])


def _reference(name: str, package: Path) -> str:
    """A package's page: its own documentation, then that of its modules."""
    members = (name, *(f"{name}.{module}" for module in _modules(package)))
    return "\n\n".join([f"# `{name}`", *(f"::: {member}" for member in members)])


def _modules(package: Path) -> list[str]:
    """Names of the modules of a package that others use."""
    names = (path.stem for path in sorted(package.glob("*.py")))
    return [name for name in names if name[0] != "_" and name != "cli"]
