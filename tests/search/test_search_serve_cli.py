import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import vatt
from tests.embed.embedding_files import parsed
from tests.toy_embedder import ToyEmbedder
from vatt.search import serve_cli
from vatt.search.uploads import Uploads

# A server that is asked with a file, says where that lies, and looks at it until it is ended.
_SERVER = """\
import io, signal, sys, threading, time
import vatt
from tests.embed.embedding_files import parsed
from tests.toy_embedder import ToyEmbedder
from vatt.search import connections, serve_cli, server, uploads
from werkzeug.test import Client

def look(embedder, path, *_, **__):
    print(path, flush=True)
    time.sleep(60)

class Serving(connections.PacedServer):
    def serve_forever(self):
        host = min(self.app._access._hosts)
        upload = {"file": (io.BytesIO(b"film"), "a.mp4")}
        ask = lambda: Client(self.app).post("/search", data=upload, base_url=f"http://{host}")
        threading.Thread(target=ask, daemon=True).start()
        super().serve_forever()

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore them
signal.signal(signal.SIGINT, signal.default_int_handler)
vatt.load = lambda path: ToyEmbedder()
uploads.file_query, serve_cli.PacedServer = look, Serving
sys.exit(serve_cli.main(parsed(serve_cli, sys.argv[1], "--port", 0)))
"""


@pytest.fixture
def serve(made, monkeypatch):
    """serve(…) -> the port of a server that answers in a thread."""
    monkeypatch.setattr(vatt, "load", lambda path: ToyEmbedder())
    running = []

    def start(*words):
        server = serve_cli.start(parsed(serve_cli, made / "index", "--port", 0, *words))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((server, thread))
        return server.port

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        server.app.close()
        thread.join()


def get(port, address, host=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", address, skip_host=True)
    for name, value in {"Host": host or f"127.0.0.1:{port}", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def test_over_a_real_socket(serve, made):
    port = serve()
    response, content = get(port, "/")
    assert response.status == 200 and b"6 windows of 3 files" in content
    assert response.headers["Server"] == "vatt"
    assert get(port, "/", host=f"localhost:{port}")[0].status == 200
    assert get(port, "/", host="evil.example")[0].status == 403
    response, content = get(port, "/file/2", Range="bytes=0-3")
    assert response.status == 206 and content == (made / "media" / "red.mp4").read_bytes()[:4]
    # As no client library would write them.
    for address in (
        "/../../../../etc/passwd",
        "/file/../../index/index.json",
        "//etc/passwd",
        "/file/%2e%2e",
    ):
        assert get(port, address)[0].status == 404


def test_it_answers_on_loopback_alone(serve):
    port = serve()
    socket.create_connection(("127.0.0.1", port), timeout=10).close()
    # Linux answers on all of 127.0.0.0/8 for who listens everywhere; elsewhere this address is nobody's.
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=10)
    assert parsed(serve_cli, "index").host == "127.0.0.1"


def test_a_port_that_is_taken(serve):
    port = serve()
    with pytest.raises(OSError, match=f"Received: {port} of 127.0.0.1, which is taken"):
        serve("--port", port)


@pytest.mark.parametrize(
    "words, rule",
    [
        (("--host", "0.0.0.0"), "one address of this machine"),
        (("--host", "::"), "one address of this machine"),
        (("--host", "example.org"), "must be an address"),
        (("--port", -1), "between 0 and 65535"),
        (("--port", 70_000), "between 0 and 65535"),
        (("--max_upload_mb", 0), "must be positive"),
    ],
)
def test_impossible_wishes(serve, words, rule):
    with pytest.raises(ValueError, match=rule):
        serve(*words)


def test_an_address_of_another_machine(serve, capsys):
    with pytest.raises(OSError, match="must be an address of this machine. Received: 203.0.113.1"):
        serve("--host", "203.0.113.1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_uploads_are_gone_when_the_server_is(made, tmp_path, number, monkeypatch):
    """Those of a server that was killed, when the next one starts."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(made / "index")],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    upload = Path(process.stdout.readline().strip())  # it is there, and is being looked at
    assert upload.read_bytes() == b"film" and upload.is_relative_to(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=20)
    if number == signal.SIGKILL:
        assert process.returncode == -number and upload.exists()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        Uploads(ToyEmbedder(), max_bytes=1, decode_seconds=1.0).close()
    else:
        assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []
