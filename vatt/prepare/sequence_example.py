"""Serialises a `tf.train.SequenceExample` without TensorFlow: the protobuf wire format of six small messages.

Fields are written in the order of their numbers and map entries in sorted order, so equal content gives equal
bytes on every machine (protobuf's own serialiser promises no such thing for maps). Field numbers are those of
tensorflow/core/example/example.proto and feature.proto; tests compare with TensorFlow's own parser.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_LENGTH_DELIMITED = 2  # protobuf wire type

# A feature is a list of one kind: bytes, float (stored in 32 bits) or int.
Feature = Sequence[bytes] | Sequence[float] | Sequence[int]


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF  # negative numbers are written in two's complement of 64 bits
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def _message(field_number: int, *parts: bytes) -> bytes:
    """A length-delimited field holding the concatenation of `parts`."""
    body = b"".join(parts)
    return b"".join((_varint(field_number << 3 | _LENGTH_DELIMITED), _varint(len(body)), body))


def _feature(name: str, values: Sequence[Any]) -> bytes:
    """A `Feature`: BytesList is field 1, FloatList field 2, Int64List field 3; numbers are packed."""
    kinds = {type(value) for value in values}
    if not kinds:
        return b""
    if kinds == {bytes}:
        return _message(1, *(_message(1, value) for value in values))
    if kinds == {float}:
        return _message(2, _message(1, struct.pack(f"<{len(values)}f", *values)))
    if kinds == {int}:
        return _message(3, _message(1, *(_varint(value) for value in values)))
    raise TypeError(
        f"Feature `{name}` must hold values of one type, bytes, float or int. "
        f"Received: {sorted(kind.__name__ for kind in kinds)}."
    )


def _map_entries(entries: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """The entries of a map<string, Message>, which is field 1 of both Features and FeatureLists."""
    return [_message(1, _message(1, key.encode()), _message(2, value)) for key, value in sorted(entries)]


def serialise(context: Mapping[str, Feature], frames: Mapping[str, Sequence[Feature]]) -> bytes:
    """The bytes of a SequenceExample: values of the whole clip, and a list of values for each frame, by name.

    A feature of the context without values is left out: TensorFlow's parser gives a missing feature its
    default, but refuses an empty one.
    """
    features = _map_entries((name, _feature(name, values)) for name, values in context.items() if values)
    lists = _map_entries(
        (name, b"".join(_message(1, _feature(name, step)) for step in steps))
        for name, steps in frames.items()
    )
    return _message(1, *features) + _message(2, *lists)
