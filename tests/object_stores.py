"""A real S3 server on loopback, and a network in front of it that fails as networks do."""

import contextlib
import os
import select
import socket
import sys
import threading
import time
import urllib.request

import pytest

from tests.store_servers import new_bucket, serving
from vatt.files import places
from vatt.files.mirror import Mirror

SECRET = "the-secret-of-these-tests"


@pytest.fixture(scope="session")
def s3_port():
    """Port of an S3 server that runs as long as the tests."""
    pytest.importorskip("obstore")
    pytest.importorskip("moto")
    with serving(
        lambda port: [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    ) as port:
        yield port


@pytest.fixture
def bucket(s3_port, monkeypatch):
    """Address of a new, empty bucket."""

    def request_for(name):
        return urllib.request.Request(f"http://127.0.0.1:{s3_port}/{name}", method="PUT")

    with new_bucket("s3", request_for, s3_environment(s3_port), monkeypatch) as address:
        yield address


def s3_environment(port):
    """By which this process, and those that it starts, find S3 at a port of this machine."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


class BadNetwork:
    """Forwards connections to a port, each by the next fault of a list; behind the list all is well.

    Attributes:
        port: of this network.
        faults: "refuse": the connection ends at once; "cut": it ends within the answer; "slow": the answer
            takes `slow_seconds`.
        bytes_read: of all answers, headers included.
        connections: so far.
    """

    def __init__(self, to_port, faults=(), slow_seconds=0.3):
        self.faults, self.bytes_read, self.connections = list(faults), 0, 0
        self._to, self._slow, self._listener = to_port, slow_seconds, socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                fault = self.faults.pop(0) if self.faults else ""
                threading.Thread(target=self._forward, args=(client, fault), daemon=True).start()

    def _forward(self, client, fault):
        with client, contextlib.suppress(OSError):
            if fault == "refuse":
                return
            with socket.create_connection(("127.0.0.1", self._to)) as server:
                while True:
                    ready, _, _ = select.select([client, server], [], [])
                    for source in ready:
                        content = source.recv(1 << 16)
                        if not content:
                            return
                        if source is client:
                            server.sendall(content)
                            continue
                        if fault == "slow":
                            time.sleep(self._slow)
                        if fault == "cut":
                            client.sendall(content[: len(content) * 3 // 4])
                            return
                        self.bytes_read += len(content)
                        client.sendall(content)


@pytest.fixture
def bad_network(bucket, s3_port, monkeypatch):
    """bad_network(faults) -> a `BadNetwork` that everything goes through from now on."""
    made = []

    def begin(faults=(), **options):
        made.append(BadNetwork(s3_port, faults, **options))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made[-1].port}")
        places._opened.cache_clear()
        return made[-1]

    yield begin
    for each in made:
        each.close()


def environment():
    """What a process needs to find the server."""
    return dict(os.environ)


def fetched(address, folder):
    """A new folder with what lies below an address."""
    folder.mkdir()
    Mirror(address, folder).pull()
    return folder
