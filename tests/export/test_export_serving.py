"""The request bodies of docs/export.md fit the signatures, and by Serving's rules they are answered."""

import collections
import json
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.goldens import assert_near

DOCUMENT = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.split("## TensorFlow Serving")[1].split("\n## ")[0]
BODIES = [json.loads(block) for block in re.findall(r"```json\n(.+?)\n```", SECTION, re.DOTALL)]
(SNIPPET,) = re.findall(r"```python\n(.+?)\n```", SECTION, re.DOTALL)


def columns(body):
    """The inputs of a REST body, as Serving reads it: by name, or row by row."""
    if "inputs" in body:
        return body["inputs"]
    rows = body["instances"]
    return {name: [row[name] for row in rows] for name in rows[0]}


def as_served(signature, given):
    """What a signature makes of values by name, of the kinds and shapes that it states."""
    stated = signature.structured_input_signature[1]
    assert set(given) == set(stated), "every input once, and no other"
    tensors = {}
    for name, values in given.items():
        tensor = tf.constant(values, stated[name].dtype)
        assert stated[name].shape.is_compatible_with(tensor.shape), name
        tensors[name] = tensor
    return {name: np.asarray(value) for name, value in signature(**tensors).items()}


def test_every_signature_has_a_body(module):
    assert {body["signature_name"] for body in BODIES} == set(module.signatures) - {"tokenize"}


@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body['signature_name']}-{sorted(body)[0]}")
def test_rest_bodies(module, embedder, body):
    name, given = body["signature_name"], columns(body)
    made = as_served(module.signatures[name], given)
    if name == "similarity":
        assert_near(made["cosine"], [[0.6, 0.0]], 1e-6)
        return
    wanted = {
        "embed_text": lambda: embedder.embed_text(given["sentences"]),
        "embed_audio": lambda: embedder.embed_audio(np.array(given["samples"], "float32")),
        "embed_video": lambda: embedder.embed_video(np.array(given["frames"], "uint8")),
    }[name]()
    for space, rows in wanted.items():
        assert_near(made[space], rows, 1e-5)


def test_the_grpc_request(module, embedder, monkeypatch):
    """The document's code, with a stub that answers as the server would."""
    TensorProto = tf.make_tensor_proto(0).__class__

    class Request:
        def __init__(self):
            self.model_spec = types.SimpleNamespace(name="", signature_name="")
            self.inputs = collections.defaultdict(TensorProto)

    class Stub:
        def __init__(self, channel):
            pass

        def Predict(self, request, timeout):
            assert request.model_spec.name == "vatt"
            signature = module.signatures[request.model_spec.signature_name]
            stated = signature.structured_input_signature[1]
            assert {name: proto.dtype for name, proto in request.inputs.items()} == {
                name: spec.dtype.as_datatype_enum for name, spec in stated.items()
            }
            given = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            made = as_served(signature, given)
            return types.SimpleNamespace(outputs={k: tf.make_tensor_proto(v) for k, v in made.items()})

    apis = types.ModuleType("tensorflow_serving.apis")
    apis.predict_pb2 = types.SimpleNamespace(PredictRequest=Request)
    apis.prediction_service_pb2_grpc = types.SimpleNamespace(PredictionServiceStub=Stub)
    monkeypatch.setitem(sys.modules, "tensorflow_serving", types.ModuleType("tensorflow_serving"))
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", apis)
    fake_grpc = types.SimpleNamespace(insecure_channel=lambda address: address)
    monkeypatch.setitem(sys.modules, "grpc", fake_grpc)
    names = {}
    exec(SNIPPET, names)
    wanted = embedder.embed_video(names["frames"])["video_text"]
    assert_near(names["vectors"], wanted, 1e-5)
