"""Whatever is wrong with JSON is one kind of error, which names the file."""

import json
import os

import pytest

from vatt.files.json_file import MAX_DEPTH, JsonError, parse_json, read_json

BROKEN = {
    "nested lists": (b"[" * 100_000, "nested more than"),
    "nested objects": (b'{"a":' * 100_000, "nested more than"),
    "closed, yet deeper than whoever walks through it bears": (b"[" * 900 + b"]" * 900, "nested more than"),
    "cut short": (b'{"a": 1', "Expecting"),
    "empty": (b"", "it is empty"),
    "blank": (b" \n", "it is empty"),
    "no UTF-8": (b'{"a": "\xff"}', r"no text in UTF-8 \(byte 7\)"),
    "two values": (b"{} {}", "Extra data"),
    "a word": (b"root:x:0:0:root:/root:/bin/bash\n", "Expecting value"),
}
NUMBERS = {
    "NaN": "JSON has no NaN",
    "-Infinity": "JSON has no -Infinity",
    "1e999": "larger than a float can be",
    "-1e999": "larger than a float can be",
    str(2**64): "20 digits does not fit 64 bits",
    str(-(2**63) - 1): "19 digits does not fit 64 bits",
    "1" * 4000: "4,000 digits does not fit 64 bits",
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("is_lenient", [False, True])
def test_broken_json_is_one_error(case, is_lenient, tmp_path):
    content, problem = BROKEN[case]
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(JsonError, match=problem) as raised:
        read_json(path, is_lenient=is_lenient)
    assert f"Received: {path}: {raised.value.problem}" in str(raised.value)
    assert len(str(raised.value)) < 400, "never the content"


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_finite_and_fit_64_bits(number):
    with pytest.raises(JsonError, match=NUMBERS[number]):
        parse_json(f'{{"a": [{number}]}}', "x")
    parse_json(f'{{"a": [{number}]}}', "x", is_lenient=True)


def test_a_number_of_5000_digits_is_refused_everywhere():
    for is_lenient in (False, True):
        with pytest.raises(JsonError, match="digits"):
            parse_json("[" + "1" * 5000 + "]", "x", is_lenient=is_lenient)


def test_the_largest_numbers_stay():
    numbers = [2**64 - 1, -(2**63), 0, 1.5, 1e308, -1e-308]
    assert parse_json(json.dumps(numbers), "x") == numbers


def test_depth_is_counted_and_not_size():
    for made in (lambda inner: [inner], lambda inner: {"a": inner, "b": 1}):
        value = "x"
        for _ in range(MAX_DEPTH):
            value = made(value)
        assert parse_json(json.dumps(value), "x") == value
        with pytest.raises(JsonError, match="nested more than"):
            parse_json(json.dumps(made(value)), "x")
    wide = [[[]] * 10_000, "[" * 10_000]
    assert parse_json(json.dumps(wide), "x") == wide


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_encoding_of_json_is_read(encoding):
    assert parse_json('{"a": "ü"}'.encode(encoding), "x") == {"a": "ü"}


def test_text_may_begin_with_a_byte_order_mark():
    assert parse_json('\ufeff{"a": 1}', "x") == {"a": 1}


def test_no_other_thing_than_a_regular_file_is_read(tmp_path):
    fifo = tmp_path / "fifo.json"
    os.mkfifo(fifo)
    for path, kind in {fifo: "a FIFO", tmp_path: "a folder", "/dev/zero": "a device"}.items():
        with pytest.raises(JsonError, match=f"it is {kind}"):
            read_json(path)


def test_a_large_file_is_refused_by_its_size(tmp_path):
    path = tmp_path / "large.json"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(JsonError, match="more than 67,108,864"):
        read_json(path)
    path.write_text("[1, 2]")
    with pytest.raises(JsonError, match="more than 5"):
        read_json(path, max_bytes=5)
    assert read_json(path, max_bytes=6) == [1, 2]


def test_an_absent_file_is_absent(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")
