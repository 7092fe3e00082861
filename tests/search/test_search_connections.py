"""Nobody keeps the others out: slow, idle and many clients, uploads that decode for long."""

import concurrent.futures
import contextlib
import http.client
import socket
import threading
import time

import pytest

from tests.toy_embedder import ToyEmbedder
from vatt.search import connections, uploads
from vatt.search.access import Access, host_names
from vatt.search.connections import Pace, PacedServer
from vatt.search.index import Index
from vatt.search.query import Query
from vatt.search.server import SearchServer

BOUNDARY = "x"
KIND = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
HURRIED = Pace(first_seconds=0.3, bytes_per_second=1e6, rest_seconds=0.1, connections=64)
PATIENT = Pace(first_seconds=60.0)


@contextlib.contextmanager
def serving(directory, pace, host="127.0.0.1", decode_seconds=5.0):
    """A server of an index that answers in a thread."""
    server = PacedServer(host, 0, pace)
    access = Access(host_names({host}, server.port))
    server.app = SearchServer(
        Index(directory),
        ToyEmbedder(),
        access=access,
        max_upload_bytes=500_000,
        decode_seconds=decode_seconds,
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        server.app.close()
        thread.join()


def form(fields, file=None):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if file is not None:
        parts.append(f'{head}file"; filename="{file[0]}"\r\n\r\n'.encode() + file[1] + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def post(server, body, headers=KIND):
    """(status, headers) of a search."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.request("POST", "/search", body, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers


def ask(server, text="red"):
    return post(server, form({"text": text}))[0]


def head(server, length, host=None):
    host = host or f"127.0.0.1:{server.port}"
    return f"POST /search HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n".encode() + (
        f"Content-Type: {KIND['Content-Type']}\r\n\r\n".encode()
    )


@contextlib.contextmanager
def clients(server, count, *says):
    """Connections that say something and then nothing more."""
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            for _ in range(count)
        ]
        for client in opened:
            for each in says:
                client.sendall(each)
        yield opened


def rest(client):
    """All that comes until the server ends the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(1 << 16):
            received += piece
    return received


def test_slow_uploads_do_not_take_the_place_of_a_search(made):
    with (
        serving(made / "index", PATIENT) as server,
        clients(server, 12, head(server, 400_000), b"--x") as slow,
    ):
        assert [ask(server) for _ in range(4)] == [200] * 4
        for client in slow:
            client.sendall(b"-")
        assert ask(server, "green") == 200


def test_a_request_has_a_deadline_in_all(made):
    """A byte now and then, of the body or of the headers, does not put it off."""
    with serving(made / "index", HURRIED) as server:
        for says in ((head(server, 1000), b"--x"), (b"GET / HTTP/1.1\r\nHost: ",), (b"",)):
            started = time.monotonic()
            with clients(server, 1, *says) as (client,):
                is_over = threading.Event()

                def drip(client=client, is_over=is_over):
                    while not is_over.wait(0.05):
                        with contextlib.suppress(OSError):
                            client.sendall(b"x")

                thread = threading.Thread(target=drip)
                thread.start()
                answer = rest(client)
                is_over.set()
                thread.join()
            assert time.monotonic() - started < 5
            if says[0].startswith(b"POST"):
                assert answer.startswith(b"HTTP/1.1 408 ") and b"not in time" in answer
            else:
                assert answer == b""


def test_whoever_sends_at_the_pace_may_take_longer(made):
    pace = Pace(first_seconds=0.3, bytes_per_second=50_000)
    body = form({"text": "red " * 12_500})
    with serving(made / "index", pace) as server, clients(server, 1, head(server, len(body))) as (client,):
        for first in range(0, len(body), 5_000):
            client.sendall(body[first : first + 5_000])
            time.sleep(0.05)  # 0.5 s in all
        assert rest(client).startswith(b"HTTP/1.1 200 ")


def test_a_refused_upload_does_not_hold_its_thread(made):
    """Neither one that sends nothing more, nor one that goes on slowly."""
    with serving(made / "index", Pace(first_seconds=60.0, rest_seconds=0.1)) as server:
        for says in ((head(server, 400_000, "evil.example"),), (head(server, 10**9), b"--x\r\n")):
            started = time.monotonic()
            with clients(server, 1, *says) as (client,):
                answer = rest(client)
            assert answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 413 ")) and time.monotonic() - started < 5
        until = time.monotonic() + 5
        while server._incoming and time.monotonic() < until:
            time.sleep(0.01)
        assert not server._incoming


@pytest.mark.parametrize("says", [b"", b"GET / HTTP/1.1\r\n"])
def test_idle_connections_make_room(made, says):
    pace = Pace(first_seconds=60.0, connections=8)
    with serving(made / "index", pace) as server, clients(server, 40, says) as idle:
        assert [ask(server) for _ in range(10)] == [200] * 10
        assert rest(idle[0]) == b""  # it waited longest
        assert len([each for each in server._incoming.values() if not each.is_ended]) <= 8


def test_whoever_is_being_answered_stays_while_others_say_nothing(made):
    with serving(made / "index", Pace(first_seconds=60.0, connections=4)) as server:
        asking = threading.Event()
        answering = threading.Event()

        def slow(*_):
            asking.set()
            assert answering.wait(10)
            return Query(modality="text", shown="x", vectors=ToyEmbedderVectors())

        server.app._texts = slow
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            answer = thread.submit(ask, server)
            assert asking.wait(10)
            with clients(server, 12):
                until = time.monotonic() + 5
                while len(server._incoming) < 4 and time.monotonic() < until:
                    time.sleep(0.01)
                answering.set()
                assert answer.result() == 200


class ToyEmbedderVectors(dict):
    """What the toy makes of "red"."""

    def __init__(self):
        super().__init__({space: rows[0] for space, rows in ToyEmbedder().embed_text(["red"]).items()})


def test_when_all_are_being_worked_on_a_new_one_is_told_to_come_back(made):
    with serving(made / "index", Pace(connections=2)) as server:
        enough, asked = threading.Event(), threading.Semaphore(0)

        def slow(*_):
            asked.release()
            assert enough.wait(10)
            raise ValueError("enough")

        server.app._texts = slow
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            busy = [threads.submit(ask, server) for _ in range(2)]
            for _ in busy:
                assert asked.acquire(timeout=10)
            with clients(server, 1) as (client,):
                answer = rest(client)
            enough.set()
            assert [each.result() for each in busy] == [400, 400]
        assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in answer
        del server.app._texts


def test_many_ask_while_uploads_decode(made, monkeypatch):
    """Thirty-two clients, none refused; of the uploads those beyond the queue learn when to come back."""
    is_over, running = threading.Event(), []

    def slow(embedder, path, *_, **__):
        running.append(path)
        assert is_over.wait(20)
        raise ValueError("that was long")

    monkeypatch.setattr(uploads, "file_query", slow)
    upload = form({}, ("a.mp4", b"film"))
    with serving(made / "index", PATIENT) as server, concurrent.futures.ThreadPoolExecutor(40) as threads:
        places = [threads.submit(post, server, upload) for _ in range(8)]
        done, waiting = concurrent.futures.wait(places, 10, concurrent.futures.FIRST_COMPLETED)
        while len(done) < 4:
            done, waiting = concurrent.futures.wait(places, 0.05)
        texts = [f"{('red', 'green', 'blue')[number % 3]} {number}" for number in range(200)]
        assert set(threads.map(lambda text: ask(server, text), texts)) == {200}
        assert len(running) == 1  # one after the other
        is_over.set()
        statuses = sorted(each.result()[0] for each in places)
    assert statuses == [400] * 4 + [503] * 4
    assert {each.result()[1]["Retry-After"] for each in done if each.result()[0] == 503} == {"5"}


def test_uploads_that_come_in_are_so_many(made, monkeypatch):
    monkeypatch.setattr(uploads, "_COMING", 2)
    with serving(made / "index", PATIENT) as server, clients(server, 2, head(server, 400_000), b"--x"):
        status = 0
        until = time.monotonic() + 10
        while status != 503 and time.monotonic() < until:
            status, headers = post(server, form({}, ("a.mp4", b"x" * 300_000)))
        assert status == 503 and headers["Retry-After"] == "2"
        assert ask(server) == 200


@pytest.mark.parametrize(
    "length", ["9" * 5000, "-1", "NaN", "１０".encode().decode("latin-1"), "", "1e3", "0x10"]
)
def test_odd_lengths_are_no_fault_of_the_server(made, length):
    with serving(made / "index", HURRIED) as server:
        request = head(server, "LENGTH").replace(b"LENGTH", length.encode("latin-1"))
        with clients(server, 1, request, form({"text": "red"})) as (client,):
            answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 4")


def test_ipv6(made):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    with serving(made / "index", HURRIED, host="::1") as server:
        assert ask(server) == 200
        assert post(server, form({"text": "red"}), KIND | {"Origin": f"http://[::1]:{server.port}"})[0] == 200
        for host in ("[::1]", f"127.0.0.1:{server.port}", f"[::2]:{server.port}", "evil.example", "[::1"):
            assert post(server, form({"text": "red"}), KIND | {"Host": host})[0] == 403, host


def test_a_server_says_why_it_can_not_listen():
    with pytest.raises(OSError):  # noqa: PT011 (each system has its words)
        PacedServer("203.0.113.1", 0, HURRIED)
    assert connections.PacedServer.daemon_threads
