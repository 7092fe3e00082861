"""Tools for assistants, asked by the protocol's own client."""

import asyncio
import sys

import mcp
import pytest

import vatt
from tests.toy_embedder import ToyEmbedder
from vatt.search.mcp_cli import tools_of
from vatt.search.open_index import OpenIndex


@pytest.fixture
def ask(made, monkeypatch):
    """ask(tool, **arguments) -> result."""
    monkeypatch.setattr(vatt, "load", lambda path: ToyEmbedder())
    server = tools_of(OpenIndex(made / "index"))

    async def asked(tool, arguments):
        async with mcp.Client(server) as client:
            names = {each.name for each in (await client.list_tools()).tools}
            assert names == {"search_text", "search_like", "index_facts"}
            return await client.call_tool(tool, arguments)

    return lambda tool, **arguments: asyncio.run(asked(tool, arguments))


def test_a_sentence(ask):
    result = ask("search_text", text="red", count=1)
    (hit,) = result.structured_content["hits"]
    assert not result.is_error and hit["file"] == "red.mp4" and hit["end_seconds"] > hit["start_seconds"]


def test_a_file(ask, made):
    result = ask("search_like", path=str(made / "media" / "green.avi"), count=1)
    assert result.structured_content["hits"][0]["file"] == "green.avi"


def test_facts(ask):
    facts = ask("index_facts").structured_content
    assert facts["files"] > 2 and facts["windows"] > 2 and facts["searched_by"][0] == "video"


@pytest.mark.parametrize(
    "tool, arguments, rule",
    [
        ("search_text", {"text": ""}, "A sentence must have a word"),
        ("search_text", {"text": "red", "at_least": 0.5}, "needs a calibration"),
        ("search_text", {"text": "red", "by": "smell"}, "A search is by"),
        ("search_text", {"text": "red", "count": 0}, "`count` of 1 to 60. Received: 0"),
        ("search_text", {"text": "red", "count": 61}, "`count` of 1 to 60. Received: 61"),
        ("search_like", {"path": "a.mp4", "count": 1000}, "`count` of 1 to 60. Received: 1000"),
        ("search_like", {"path": "/nowhere.mp4"}, "nowhere.mp4"),
        ("search_like", {"path": "a.mp4", "modality": "smell"}, "must be video or audio"),
    ],
)
def test_what_can_not_be_answered_is_said(ask, tool, arguments, rule):
    result = ask(tool, **arguments)
    assert result.is_error and rule in result.content[0].text


def test_without_the_package_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(ValueError, match=r"pip install 'vatt\[mcp\]'"):
        tools_of(None)
