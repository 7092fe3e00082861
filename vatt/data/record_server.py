"""A process that fetches records of a set in an object store, one by one, to files that TensorFlow reads.

TensorFlow asks it by its own remote calls (tensorflow/distribute/experimental/rpc), so a pipeline has no
Python function in it, which could hang the program (see `vatt.data.records`). Each answer is the path of a
file with one framed record; TensorFlow's reader checks its checksums. A store that does not answer is asked
again until it does: an outage is no damage, nor is a full disk, and a run that resumes must meet the same
records.
"""

import abc
import collections
import concurrent.futures
import hashlib
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from vatt.files.json_file import parse_json
from vatt.files.places import StoreError, open_store
from vatt.files.whole_file import whole_file
from vatt.terminal import say, show

METHOD = "/tensorflow.rpc.RpcService/Call"
FRAMING_BYTES = 16
_LENGTH = struct.Struct("<Q")
_THREADS = 64
_KEPT_BYTES, _LEAST_KEPT = 1 << 30, 256  # of files, the most recent of all
_PAUSE_SECONDS, _SAY_EVERY_SECONDS = 1.0, 60.0
_STRING = 7  # DT_STRING
_Result = TypeVar("_Result")
# Of tensorflow/core/protobuf/… what is used: strings in, a string out.
_FILE = """
name: "call.proto" package: "call" syntax: "proto3"
message_type { name: "Shape" }
message_type {
  name: "Tensor"
  field { name: "dtype" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "shape" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".call.Shape" }
  field { name: "strings" number: 8 label: LABEL_REPEATED type: TYPE_BYTES }
}
message_type {
  name: "Request"
  field { name: "method" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "tensors" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".call.Tensor" }
}
message_type {
  name: "Reply"
  field { name: "tensors" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".call.Tensor" }
}
"""


def _message(name: str):
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto()
    pool.Add(text_format.Parse(_FILE, file))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"call.{name}"))


class Records(grpc.GenericRpcHandler, abc.ABC):
    """Answers calls whose one string is "TOKEN SHARD START SIZE", in lines.

    Args:
        given: "token"; "folder", where files are put; "place" of the set.
    """

    def __init__(self, given: dict):
        self._folder, self._token = Path(given["folder"]), given["token"]
        self._request, self._reply = _message("Request"), _message("Reply")
        self._kept: collections.OrderedDict[Path, int] = collections.OrderedDict()
        self._kept_bytes, self._alone = 0, threading.Lock()
        self.is_closing = False

    @abc.abstractmethod
    def framed(self, shard: str, start: int, size: int) -> bytes:
        """The framed record of a place; OSError or ValueError: there is none."""

    def service(self, handler_call_details: Any) -> Any:
        """gRPC's own name for what finds a handler."""
        if handler_call_details.method == METHOD:
            return grpc.unary_unary_rpc_method_handler(self._answer)
        return None

    def _answer(self, content: bytes, context: grpc.ServicerContext) -> bytes:
        request: Any = self._request.FromString(content)  # its fields are made at run time
        token, shard, start, size = request.tensors[0].strings[0].decode().split("\n")
        if token != self._token:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "this is another program's")
        try:
            path = self._fetched(shard, int(start), int(size))
        except (OSError, ValueError) as error:
            context.abort(grpc.StatusCode.DATA_LOSS, str(error))
        reply: Any = self._reply()
        tensor = reply.tensors.add(dtype=_STRING, strings=[os.fsencode(path)])
        tensor.shape.SetInParent()
        return reply.SerializeToString()

    def _fetched(self, shard: str, start: int, size: int) -> Path:
        name = hashlib.sha256(f"{shard}\n{start}".encode()).hexdigest()[:24]
        path = self._folder / name
        with self._alone:
            if path in self._kept:
                self._kept.move_to_end(path)
                return path
        content = self.framed(shard, start, size)
        self.patiently(lambda: _write(path, content), OSError)
        with self._alone:
            if path not in self._kept:
                self._kept[path] = len(content)
                self._kept_bytes += len(content)
            while self._kept_bytes > _KEPT_BYTES and len(self._kept) > _LEAST_KEPT:
                oldest, its_size = self._kept.popitem(last=False)
                self._kept_bytes -= its_size
                oldest.unlink(missing_ok=True)
        return path

    def patiently(self, ask: Callable[[], _Result], outage: type[OSError] = StoreError) -> _Result:
        """What `ask` returns, asked until it raises no `outage`, of which it says what it is each minute."""
        began = said = time.monotonic()
        while True:
            try:
                return ask()
            except outage as error:
                if self.is_closing:
                    raise
                if time.monotonic() - said > _SAY_EVERY_SECONDS:
                    said = time.monotonic()
                    say(f"warning: waiting for a record since {said - began:.0f} s: {error}")
                time.sleep(_PAUSE_SECONDS)


def _write(path: Path, content: bytes) -> None:
    with whole_file(path, is_flushed=False) as file:
        file.write(content)


class StoredRecords(Records):
    """Records of an object store."""

    def __init__(self, given: dict):
        super().__init__(given)
        self._store = open_store(given["place"])

    def framed(self, shard: str, start: int, size: int) -> bytes:
        """See `Records`."""
        content = self.patiently(lambda: self._store.read(shard, start, size))
        if _LENGTH.unpack_from(content)[0] + FRAMING_BYTES != size:
            raise ValueError(f"{shard} holds no record of {size} bytes at {start}")
        return content


def serve(kind: Callable[[dict], Records] = StoredRecords) -> None:
    """The life of the process, with records of one kind.

    It reads what it serves from standard input, writes its port to standard output, gives up what it waits
    for at the next line, and ends where the input does.
    """
    given = parse_json(sys.stdin.readline(), "standard input")
    records = kind(given)
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(_THREADS),
        handlers=[records],
        options=[("grpc.so_reuseport", 0)],
    )
    show(server.add_insecure_port(f"127.0.0.1:{given['port']}"))
    server.start()
    while sys.stdin.readline():
        records.is_closing = True
    server.stop(0)
    os._exit(0)  # threads that still wait for the store are of no use to anybody
