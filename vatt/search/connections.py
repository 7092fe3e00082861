"""The server under the page: a thread for each connection, none of which can keep the others out.

A request must come at a pace: within a few seconds, and a second more for each stretch of bytes. There are so
many connections and no more; when all are taken, the one that has waited longest without sending what it
came to say makes room. So neither slow nor idle clients, however many, close the server to those who ask.
"""

import contextlib
import dataclasses
import io
import socket
import threading
import time
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """What a client may take its time with."""

    first_seconds: float = 10.0  # in which a request, headers and body, must have come
    bytes_per_second: float = 250_000.0  # bytes received that extend the deadline by a second
    answer_seconds: float = 30.0  # in which it must take each part of an answer
    # for which the rest of a refused request is still read, so that its client sees why
    rest_seconds: float = 0.5
    connections: int = 256  # at a time


class PacedServer(ThreadedWSGIServer):
    """Serves a WSGI application, `app`, which may be set later.

    Args:
        port: 0: any that is free.

    Raises:
        OSError: the port is taken, or the address is not of this machine.
    """

    daemon_threads = True
    request_queue_size = 512  # that wait for the next turn of the loop

    def __init__(self, host: str, port: int, pace: Pace):
        self.pace = pace
        self._incoming: dict[socket.socket, _Incoming] = {}
        self._guard = threading.Lock()
        # Bound here: Werkzeug itself would print and exit where it can not.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4])
            listening.listen(self.request_queue_size)
            super().__init__(host, port, _nothing_yet, _Handler, fd=listening.fileno())

    def incoming(self, connection: socket.socket) -> "_Incoming":
        """What comes in over a connection that is open."""
        return self._incoming[connection]

    def process_request(self, request: socket.socket, client_address: Any) -> None:
        """Starts the thread of a connection, in the loop that accepts them."""
        if self._make_room():
            with self._guard:
                self._incoming[request] = _Incoming(request, self.pace)
            super().process_request(request, client_address)
            return
        request.settimeout(0)
        with contextlib.suppress(OSError):
            request.sendall(_FULL)
        self.shutdown_request(request)

    def shutdown_request(self, request: socket.socket) -> None:
        """Ends a connection, whatever became of it."""
        with self._guard:
            self._incoming.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no news; the application answers for its own errors."""

    def log(self, *arguments: object) -> None:
        """Nothing: requests, and what is wrong with them, are the clients' own affair."""

    def _make_room(self) -> bool:
        with self._guard:
            here = [each for each in self._incoming.values() if not each.is_ended]
            if len(here) < self.pace.connections:
                return True
            # Who is being answered comes second: a browser holds a video that it has paused.
            for silent in ("is_silent", "is_answered"):
                candidates = [each for each in here if getattr(each, silent)]
                if candidates:
                    min(candidates, key=lambda each: each.began).end()
                    return True
        return False


class _Incoming(io.RawIOBase):
    """The bytes of a request, for as long as they come at the pace.

    Attributes:
        began: when, of `time.monotonic`.
        is_silent: whether it is waited for at this moment.
        is_answered: whether the answer has begun, after which the rest is read and forgotten.
        is_ended: whether its place was given to another one.
    """

    def __init__(self, connection: socket.socket, pace: Pace):
        self._connection, self._pace = connection, pace
        self._received = 0
        self._end: float | None = None
        self.began = time.monotonic()
        self.is_silent, self.is_answered, self.is_ended = True, False, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        pace = self._pace
        end = self._end or self.began + pace.first_seconds + self._received / pace.bytes_per_second
        left = end - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self.is_silent = True
            self._connection.settimeout(left)
            count = self._connection.recv_into(buffer)
        except TimeoutError:
            if self.is_answered:
                return 0
            raise TimeoutError("The request did not come at the pace that this server needs.") from None
        finally:
            self.is_silent = False
            self._connection.settimeout(pace.answer_seconds)
        self._received += count
        return count

    def answer(self) -> None:
        """From now on only a rest is read, and not for long."""
        self.is_answered, self._end = True, time.monotonic() + self._pace.rest_seconds

    def end(self) -> None:
        """Ends the connection for its readers and writers; may be called by any thread."""
        self.is_ended = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    """Reads at the pace, says nothing of each request, and gives no versions away."""

    server: PacedServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self._incoming = self.server.incoming(self.connection)
        self.connection.settimeout(self.server.pace.answer_seconds)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._incoming)

    def send_response(self, code: int, message: str | None = None) -> None:
        self._incoming.answer()
        super().send_response(code, message)

    def version_string(self) -> str:
        return "vatt"

    def log(self, *arguments) -> None:
        pass


def _nothing_yet(environ, start_response):
    start_response("503 Service Unavailable", [("Retry-After", "1")])
    return [b""]
