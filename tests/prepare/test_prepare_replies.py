"""Answers of workers are data: what they name is looked at before it is called."""

import collections
import dataclasses
import fractions
import os
import pathlib
import pickle
import subprocess

import numpy as np
import pytest

from vatt.prepare import replies
from vatt.prepare.captions.caption import CaptionError, CaptionFile
from vatt.prepare.pool import Failure
from vatt.prepare.record import Clip

VALUES = [
    {"a": [1, 2.5, None, True, b"x", "ü\udce9", (1,), {2}, frozenset({3}), 1j]},
    collections.Counter("hello"),
    pathlib.Path("a/b"),
    fractions.Fraction(30000, 1001),
    CaptionFile(captions=((0.0, 1.0, "words"),), cues=1),
    Failure("told to", ValueError("told to")),
]


@pytest.mark.parametrize("protocol", [4, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value, protocol):
    found = replies.loads(pickle.dumps(value, protocol))
    assert repr(found) == repr(value) and type(found) is type(value)


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype="<i2").reshape(2, 3), np.float32(2.5), np.zeros((0, 3))]
)
@pytest.mark.parametrize("protocol", [4, pickle.HIGHEST_PROTOCOL])
def test_arrays_come_back(array, protocol):
    found = replies.loads(pickle.dumps(array, protocol))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_errors_of_this_project_come_back():
    found = replies.loads(pickle.dumps(CaptionError(pathlib.Path("a.srt"), "no cue")))
    assert isinstance(found, CaptionError) and "no cue" in str(found)


class Call:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@dataclasses.dataclass
class Stranger:
    number: int = 1


CALLS = {
    "a command": Call(os.system, ("true",)),
    "a program": Call(subprocess.Popen, (["true"],)),
    "an expression": Call(eval, ("1",)),
    "an attribute": Call(getattr, ("a", "upper")),
    "a value of another module": Stranger(),
}


@pytest.mark.parametrize("call", CALLS)
def test_nothing_else_is_called(call):
    with pytest.raises(replies.UntrustedReply, match="which answers do not hold"):
        replies.loads(pickle.dumps(CALLS[call]))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("vatt.prepare.pool", "subprocess.Popen"),  # via a module of this project
        ("vatt.prepare.pool", "pickle"),
        ("vatt.prepare.pool", "WorkerPool"),
        ("vatt.files.whole_file", "remove_leftovers"),
        ("vatt.prepare.replies", "pickle.loads"),
        ("vattacker", "Clip"),
        ("builtins", "exec"),
        ("numpy", "load"),
    ],
)
def test_a_name_must_be_of_a_class_that_holds_values(module, name):
    content = (
        b"\x80\x04"
        + b"".join(b"\x8c" + bytes([len(each)]) + each.encode() for each in (module, name))
        + b"\x93."
    )
    with pytest.raises(replies.UntrustedReply, match=name):
        replies.loads(content)


def test_a_clip_is_one():
    content = pickle.dumps(Clip)
    assert replies.loads(content) is Clip
