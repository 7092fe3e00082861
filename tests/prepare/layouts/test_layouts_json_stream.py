import json

import pytest

from vatt.prepare.layouts.annotations import AnnotationError
from vatt.prepare.layouts.json_stream import read_members

CONTENT = {"first": {"a": [1, 2.5], "b": 'quote " brace } é 😀'}, "": [], "long": {"text": ["x" * 200] * 5}}


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_members_as_json_reads_them(tmp_path, chunk, indent, is_ascii):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(CONTENT, indent=indent, ensure_ascii=is_ascii), encoding="utf-8")
    assert list(read_members(path, chunk=chunk)) == list(CONTENT.items())


def test_an_empty_object(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(" { } \n")
    assert list(read_members(path)) == []


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "It ends early at character 0"),
        ("[1]", r"Received: '\[' instead of '\{' at character 0"),
        ('{"a": {"b": 1}', "It ends early at character 14"),
        ('{"a": {"b": 1', "at character 6"),
        ('{"a": {} "b": {}}', "instead of ',' at character 9"),
        ('{"a": {}, }', "at character 10"),
    ],
)
@pytest.mark.parametrize("chunk", [2, 1 << 20])
def test_other_files_are_refused(tmp_path, text, message, chunk):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=f"a.json must hold one JSON object.*{message}"):
        list(read_members(path, chunk=chunk))


def test_only_one_value_lies_in_memory(tmp_path):
    """Members are given as they are read: the end of the file need not be there yet."""
    path = tmp_path / "a.json"
    path.write_text('{"a": {"b": 1}, "c": ')
    members = read_members(path)
    assert next(members) == ("a", {"b": 1})
