import pytest
import tensorflow as tf

from vatt.prepare.sequence_example import serialise

CONTEXT = {
    "bytes": [b"", b"\x00\xff" * 200],
    "floats": [0.0, -1.5, 3.25e7],
    "ints": [0, 1, 127, 128, -1, 2**62],
    "none": [],
    "é": [b"key"],
}
FRAMES = {"image": [[b"one"], [b"two" * 100], []], "empty": []}


def test_tensorflow_reads_what_was_written():
    parsed = tf.train.SequenceExample.FromString(serialise(CONTEXT, FRAMES))
    context = parsed.context.feature
    assert list(context["bytes"].bytes_list.value) == CONTEXT["bytes"]
    assert list(context["floats"].float_list.value) == CONTEXT["floats"]
    assert list(context["ints"].int64_list.value) == CONTEXT["ints"]
    assert "none" not in context
    lists = parsed.feature_lists.feature_list
    assert [list(step.bytes_list.value) for step in lists["image"].feature] == FRAMES["image"]
    assert "empty" in lists and not lists["empty"].feature


def test_the_same_message_as_tensorflow_makes():
    parsed = tf.train.SequenceExample.FromString(serialise(CONTEXT, FRAMES))
    expected = tf.train.SequenceExample()
    feature = expected.context.feature
    feature["bytes"].bytes_list.value.extend(CONTEXT["bytes"])
    feature["floats"].float_list.value.extend(CONTEXT["floats"])
    feature["ints"].int64_list.value.extend(CONTEXT["ints"])
    feature["é"].bytes_list.value.append(b"key")
    images = expected.feature_lists.feature_list["image"].feature
    for step in FRAMES["image"]:
        images.add().bytes_list.value.extend(step)
        if not step:
            images[-1].Clear()
    expected.feature_lists.feature_list["empty"].SetInParent()
    assert parsed == expected


def test_the_order_of_the_keys_does_not_matter():
    assert serialise(dict(reversed(CONTEXT.items())), FRAMES) == serialise(CONTEXT, FRAMES)


def test_mixed_types_are_refused():
    with pytest.raises(TypeError, match="`x` must hold values of one type"):
        serialise({"x": [1, 2.0]}, {})
