"""Frames are what TensorFlow writes and reads."""

import tensorflow as tf

from vatt.prepare.tfrecord import frame


def test_the_same_bytes_as_tensorflow_writes(tmp_path):
    contents = [b"", b"abc", bytes(range(256)) * 40]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for content in contents:
            writer.write(content)
    assert (tmp_path / "theirs").read_bytes() == b"".join(frame(content) for content in contents)
