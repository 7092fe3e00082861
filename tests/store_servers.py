"""Servers of object stores, each a process of its own on loopback."""

import contextlib
import socket
import subprocess
import time
import urllib.request
import uuid

from vatt.files import places


@contextlib.contextmanager
def serving(command):
    """Port of a server, whose command `command(port)` gives, within the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, f"the server ended with {process.returncode}"
            time.sleep(0.1)
        else:
            raise TimeoutError("the server took no connection within two minutes")
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def new_bucket(scheme, request_for, environment, monkeypatch):
    """Address of a new, empty bucket within the block.

    Args:
        scheme: "s3", "gs" or "az".
        request_for: function from the bucket's name to the `urllib.request.Request` that makes it.
        environment: variables by which the library finds the server.
        monkeypatch: that of the test.
    """
    name = f"b{uuid.uuid4().hex[:12]}"
    urllib.request.urlopen(request_for(name)).close()
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    places._opened.cache_clear()
    yield f"{scheme}://{name}"
    places._opened.cache_clear()
