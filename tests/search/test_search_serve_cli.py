import http.client
import threading

import pytest

import vatt
from tests.embed.embedding_files import parsed
from tests.toy_embedder import ToyEmbedder
from vatt.search import serve_cli


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
    serve()
    assert serve_cli.LOOPBACK == "127.0.0.1"
    assert parsed(serve_cli, "index").host == "127.0.0.1"


def test_a_port_that_is_taken(serve):
    port = serve()
    with pytest.raises(OSError, match=f"Received: {port} of 127.0.0.1, which is taken"):
        serve("--port", port)


@pytest.mark.parametrize(
    "words, rule",
    [
        (("--host", "0.0.0.0"), "one address of this machine"),
        (("--host", "example.org"), "must be an address"),
        (("--port", 70_000), "between 0 and 65535"),
        (("--max_upload_mb", 0), "must be positive"),
    ],
)
def test_impossible_wishes(serve, words, rule):
    with pytest.raises(ValueError, match=rule):
        serve(*words)
