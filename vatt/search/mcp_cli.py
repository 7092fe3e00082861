"""`vatt mcp INDEX`: lets assistants search an index, by tools of the Model Context Protocol."""

import argparse
from typing import Any

import vatt
from vatt.arguments import explain
from vatt.search.answer import MOST_FOR_PROGRAMS, TARGETS, Wanted
from vatt.search.described import answer_facts
from vatt.search.index import Index
from vatt.search.open_index import OpenIndex
from vatt.terminal import say

_ABOUT = """\
Name this command in the settings of an assistant, for example {"command": "vatt", "args": ["mcp", "INDEX"]}.
The tools are search_text, search_like and index_facts. They read the index, and a file that search_like is
given; they write nothing. Needs the extra `vatt[mcp]`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The index."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("index", metavar="INDEX", help="made by `vatt index`")
    parser.add_argument("--model", metavar="RUN", help="default: the one that the index was made with")
    explain(parser, "vatt mcp INDEX", status="0 the assistant closed the connection")


def needs_tensorflow(args: argparse.Namespace) -> bool:
    """Whether sentences need the model: not where the index encodes them itself."""
    return args.model is not None or Index(args.index).text_model() is None


def main(args: argparse.Namespace) -> int:
    """Answers until stdin ends."""
    server = tools_of(OpenIndex(args.index, model=args.model))
    say(f"Answering tools for {args.index} on stdin and stdout")
    server.run("stdio")
    return 0


def tools_of(opened: OpenIndex) -> Any:
    """The tools of an index, as a server of the package `mcp`.

    Raises:
        ValueError: that package is not there.
    """
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError:
        raise ValueError(
            "Tools for assistants need the package mcp. Received: an environment without it. Install it: "
            "pip install 'vatt[mcp]'."
        ) from None
    about = f"Finds scenes in the videos and audio of {opened.index.root}, by what is seen, heard or said."
    server = MCPServer("vatt", instructions=about, version=vatt.__version__, log_level="WARNING")

    def answered(count: int, by: str | None, at_least: float | None, **asked: Any) -> dict[str, Any]:
        try:
            wanted = Wanted(target=by, count=count, most=MOST_FOR_PROGRAMS, at_least=at_least)
            query = opened.query(**asked)
            return answer_facts(query, opened.answer(query, wanted))
        except (ValueError, OSError) as error:
            raise ToolError(str(error)) from None

    @server.tool()
    def search_text(
        text: str, count: int = 10, by: str | None = None, at_least: float | None = None
    ) -> dict[str, Any]:
        """Scenes that a sentence describes, best first: file, start and end in seconds, score, caption.

        `by` is "video", "audio" or "captions"; leave it out for all. `at_least` is a probability from 0 to 1
        that a scene must have; without a calibration of the index leave it out. `count` is 1 to 60.
        """
        return answered(count, by, at_least, text=text)

    @server.tool()
    def search_like(
        path: str, modality: str = "video", count: int = 10, start_seconds: float = 0.0
    ) -> dict[str, Any]:
        """Scenes whose "video" or "audio" is like that of a media file of this machine, best first.

        `count` is 1 to 60.
        """
        if modality not in TARGETS:
            raise ToolError(f"`modality` must be video or audio. Received: {modality}.")
        return answered(count, None, None, start_seconds=start_seconds, **{modality: path})

    @server.tool()
    def index_facts() -> dict[str, Any]:
        """What the index holds: folder, files, windows, and by what can be searched."""
        index = opened.index
        return {
            "folder": str(index.root),
            "files": len(index.files),
            "windows": index.rows,
            "searched_by": [name for name in TARGETS if index.has(name).any()]
            + (["captions"] if index.captions is not None else []),
            "has_probabilities": index.calibration is not None,
        }

    return server
