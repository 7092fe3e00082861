"""Reads a `tf.train.SequenceExample` without TensorFlow: the way back from `vatt.prepare.sequence_example`.

A `tf.train.Example` reads as a SequenceExample that has a context only: its one field, `features`, has the
number and the type of `context`. The messages are those of tensorflow/core/example/example.proto and
feature.proto. Nothing is trusted: whatever does not fit is an `ExampleError`.
"""

from typing import Any, NamedTuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, text_format

Values = list[bytes] | list[int] | np.ndarray  # BytesList, Int64List, FloatList (float32)

_FILE = """
name: "example.proto" package: "tensorflow" syntax: "proto3"
message_type { name: "BytesList" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_BYTES } }
message_type { name: "FloatList" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_FIXED32 } }
message_type { name: "Int64List" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_INT64 } }
message_type {
  name: "Feature" oneof_decl { name: "kind" }
  field { name: "bytes_list" number: 1 type: TYPE_MESSAGE type_name: ".tensorflow.BytesList" oneof_index: 0 }
  field { name: "float_list" number: 2 type: TYPE_MESSAGE type_name: ".tensorflow.FloatList" oneof_index: 0 }
  field { name: "int64_list" number: 3 type: TYPE_MESSAGE type_name: ".tensorflow.Int64List" oneof_index: 0 }
}
message_type {
  name: "FeatureList"
  field {
    name: "feature" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".tensorflow.Feature"
  }
}
message_type {
  name: "Features"
  field {
    name: "feature" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE
    type_name: ".tensorflow.Features.FeatureEntry"
  }
  nested_type {
    name: "FeatureEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".tensorflow.Feature" }
  }
}
message_type {
  name: "FeatureLists"
  field {
    name: "feature_list" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE
    type_name: ".tensorflow.FeatureLists.FeatureListEntry"
  }
  nested_type {
    name: "FeatureListEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".tensorflow.FeatureList" }
  }
}
message_type {
  name: "SequenceExample"
  field { name: "context" number: 1 type: TYPE_MESSAGE type_name: ".tensorflow.Features" }
  field { name: "feature_lists" number: 2 type: TYPE_MESSAGE type_name: ".tensorflow.FeatureLists" }
}
"""


class ExampleError(ValueError):
    """Bytes that are no SequenceExample."""


class Example(NamedTuple):
    """A parsed SequenceExample.

    Attributes:
        context: feature name -> values of the whole clip; an empty list for a feature of no kind.
        frames: feature name -> one list of values per frame.
    """

    context: dict[str, Values]
    frames: dict[str, list[Values]]


def _message_class() -> type[message.Message]:
    pool = descriptor_pool.DescriptorPool()  # of its own: TensorFlow registers the same names in the default
    file = descriptor_pb2.FileDescriptorProto()
    pool.Add(text_format.Parse(_FILE, file))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.SequenceExample"))


_SequenceExample = _message_class()


def parse(serialised: bytes) -> Example:
    """Parses a serialised SequenceExample or Example; ExampleError if the bytes are neither."""
    try:
        parsed: Any = _SequenceExample.FromString(bytes(serialised))
    except message.DecodeError as error:
        raise ExampleError(f"{len(serialised)} bytes are no SequenceExample ({error})") from None
    context = {name: _values(feature) for name, feature in parsed.context.feature.items()}
    frames = {
        name: [_values(feature) for feature in steps.feature]
        for name, steps in parsed.feature_lists.feature_list.items()
    }
    return Example(context, frames)


def _values(feature) -> Values:
    kind = feature.WhichOneof("kind")
    if kind is None:
        return []
    values = getattr(feature, kind).value
    # Read as their bits: through Python's floats a NaN that carries a payload would change.
    return np.array(values, np.uint32).view(np.float32) if kind == "float_list" else list(values)
