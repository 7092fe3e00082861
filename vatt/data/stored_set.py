"""Records of a prepared set in an object store, fetched when they are asked for."""

import atexit
import contextlib
import functools
import json
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

import tensorflow as tf
from tensorflow.distribute.experimental.rpc.kernels import gen_rpc_ops as _calls

from vatt.files.whole_file import temporary_folder
from vatt.protocols import Tensor
from vatt.terminal import say

_CALL_TIMEOUT_MS = 0  # none: the process waits for the store, and is started again where it dies
_UNAVAILABLE = 14  # what gRPC says of a call during which the process died
_ASKED = 4  # times; then it is the record that has the process die
_PAUSE_SECONDS = 2.0  # before the next start of a process that could not be started


class RecordFetcher:
    """Brings records to this machine, by a process of its own.

    Args:
        place: of the set.
        module: whose `serve` the process runs.
    """

    def __init__(self, place: str, module: str):
        self._place, self._module, self._token, self._port = place, module, secrets.token_hex(16), 0
        self._is_over = False
        stack = contextlib.ExitStack()
        self._folder: Path = stack.enter_context(temporary_folder(name="records"))
        self._start()
        threading.Thread(target=self._start_again, daemon=True).start()
        atexit.register(stack.close)
        atexit.register(self._end)
        with tf.device("CPU"):
            self._client, _ = _calls.rpc_client(
                server_address=f"127.0.0.1:{self._port}", timeout_in_ms=0, shared_name=self._token
            )

    def fetch(self, shard: Tensor, start: Tensor, size: Tensor) -> Tensor:
        """Path of a file that holds the framed record of a shard, string scalar, at a place, int64 scalars;
        usable inside `tf.data` functions. Fails if there is none.
        """
        where = [self._token, shard, tf.strings.as_string(start), tf.strings.as_string(size)]
        asked = tf.strings.join(where, separator="\n")

        def ask(times, _):
            future, deleter = _calls.rpc_call(self._client, "", [asked], _CALL_TIMEOUT_MS)
            code, _ = _calls.rpc_check_status(future)
            is_gone = tf.ensure_shape(code, []) == _UNAVAILABLE
            times = tf.where(is_gone & (times > 1), times - 1, 0)
            path = tf.cond(
                times > 0,
                lambda: tf.constant(""),
                lambda: tf.ensure_shape(_calls.rpc_get_value(future, Tout=[tf.string])[0], []),
            )
            with tf.control_dependencies([path]):
                gone = _calls.delete_rpc_future_resource(future, deleter)
            with tf.control_dependencies([gone] if gone is not None else []):
                return times, tf.identity(path)

        return tf.while_loop(lambda times, _: times > 0, ask, (tf.constant(_ASKED), tf.constant("")))[1]

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import sys; sys.path[:] = {sys.path!r}; from {self._module} import serve; serve()",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the parent's to handle
            text=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        given = {
            "place": self._place,
            "folder": str(self._folder),
            "token": self._token,
            "port": self._port,
        }
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.write(json.dumps(given) + "\n")
            self._process.stdin.flush()
        port = self._process.stdout.readline()
        if not port:
            raise ValueError(
                f"A process of its own must bring the records of this set. Received: {self._place}, whose "
                f"process ended with status {self._process.wait()}. Mend what it says above."
            )
        self._port = int(port)

    def _start_again(self) -> None:
        while not self._is_over:
            self._process.wait()
            if not self._is_over:
                try:
                    self._start()
                except (OSError, ValueError) as error:  # such as a port that another program has taken
                    say(f"warning: {error} It is started again.")
                    time.sleep(_PAUSE_SECONDS)

    def _end(self) -> None:
        """Calls that are under way fail from now on; the process ends with this one, which may wait."""
        self._is_over = True
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write("over\n")
            self._process.stdin.flush()


@functools.cache
def fetcher(place: str, module: str = "vatt.data.record_server") -> RecordFetcher:
    """The one of this process for a set."""
    return RecordFetcher(place, module)
