import numpy as np
import pytest
import tensorflow as tf

from vatt.prepare.example_reader import ExampleError, parse
from vatt.prepare.sequence_example import serialise

CONTEXT = {
    "bytes": [b"", b"\x00\xff" * 200],
    "floats": [0.0, -1.5, 3.25e7],
    "ints": [0, 1, 127, 128, -1, 2**62, -(2**63)],
    "é": [b"key"],
}
FRAMES = {"image": [[b"one"], [b"two" * 100], []], "empty": []}


def plain(values):
    return values.tolist() if isinstance(values, np.ndarray) else values


def as_lists(example):
    frames = {name: [plain(step) for step in steps] for name, steps in example.frames.items()}
    return {name: plain(values) for name, values in example.context.items()}, frames


def test_reads_back_what_was_serialised():
    assert as_lists(parse(serialise(CONTEXT, FRAMES))) == (CONTEXT, FRAMES)


def test_reads_what_tensorflow_wrote():
    message = tf.train.SequenceExample.FromString(serialise(CONTEXT, FRAMES))
    message.context.feature["no kind"].SetInParent()
    assert as_lists(parse(message.SerializeToString())) == (CONTEXT | {"no kind": []}, FRAMES)


def test_an_example_is_a_context():
    message = tf.train.Example()
    message.features.feature["image/encoded"].bytes_list.value.append(b"jpeg")
    assert as_lists(parse(message.SerializeToString())) == ({"image/encoded": [b"jpeg"]}, {})


def test_numbers_that_are_not_packed():
    """Old writers put each number into a field of its own."""
    ints = b"\x1a\x04\x08\x05\x08\x07"  # Int64List with 5 and 7
    floats = b"\x12\x0a\x0d\x00\x00\x80\x3f\x0d\x00\x00\x00\x40"  # FloatList with 1.0 and 2.0
    for feature, values in ((ints, [5, 7]), (floats, [1.0, 2.0])):
        entry = b"\x0a\x01k\x12" + bytes([len(feature)]) + feature
        features = b"\x0a" + bytes([len(entry)]) + entry
        assert as_lists(parse(b"\x0a" + bytes([len(features)]) + features))[0] == {"k": values}


def test_bits_of_floats_are_kept():
    """A NaN that carries a payload is an integer in disguise; it must come through."""
    bits = np.array([-5, -8_000_000, 7], "<i4")
    message = tf.train.SequenceExample()
    message.context.feature["x"].float_list.value.extend([0.0] * 3)
    content = message.SerializeToString().replace(bytes(12), bits.tobytes())
    assert parse(content).context["x"].view("<i4").tolist() == bits.tolist()


def test_damage_is_an_error_and_never_anything_else():
    content = serialise(CONTEXT, FRAMES)
    random = np.random.default_rng(0)
    for end in range(len(content) - 1, 0, -37):
        with pytest.raises(ExampleError):
            parse(content[:end])
    for _ in range(500):
        spoiled = bytearray(content)
        for at in random.integers(0, len(content), 3):
            spoiled[at] = random.integers(0, 256)
        try:
            parse(bytes(spoiled))
        except ExampleError:
            continue
