"""`vatt serve INDEX`: a web page on this machine to search an index and to play what was found."""

import argparse
import ipaddress

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

import vatt
from vatt.embed.files import open_embedder
from vatt.prepare.progress import say
from vatt.search.index import Index
from vatt.search.query import warm
from vatt.search.server import SearchServer

LOOPBACK = "127.0.0.1"
_ABOUT = """\
The page is for whoever sits at this machine: it has no password, and answers on the loopback address alone
unless --host names another one of this machine's. It reads the indexed files, and only while they are as they
were when they were indexed; files that are dropped on it are looked at and removed. Ctrl-C ends it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The index, the address, the limits."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("index", metavar="INDEX", help="made by `vatt index`")
    parser.add_argument("--model", metavar="RUN", help="default: the one that the index was made with")
    parser.add_argument(
        "--host", default=LOOPBACK, metavar="ADDRESS", help="address to answer on (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=8765, help="0: any that is free (default: %(default)s)")
    parser.add_argument(
        "--max_upload_mb", type=float, default=100.0, metavar="MB", help="of a file (default: %(default)g)"
    )


def main(args: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    server = start(args)
    say(f"http://{_host_and_port(args.host, server.port)}/  (Ctrl-C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        server.app.close()
    return 0


def start(args: argparse.Namespace) -> BaseWSGIServer:
    """The server, listening; `serve_forever` answers."""
    _check(args)
    index = Index(args.index)
    embedder = open_embedder(vatt.load, args.model or index.facts["model"]["path"])
    index.check(embedder)
    say("Warming up")
    warm(embedder)
    try:
        server = make_server(args.host, args.port, _nothing_yet, threaded=True, request_handler=_Handler)
    except SystemExit:  # of Werkzeug, which has said why
        raise OSError(
            f"A port must be free to be served on. Received: {args.port} of {args.host}, which is taken. "
            "Name another: --port 0 finds one."
        ) from None
    server.daemon_threads = True
    names = {args.host} | ({LOOPBACK, "localhost"} if _is_loopback(args.host) else set())
    hosts = frozenset(_host_and_port(name, server.port) for name in names)
    server.app = SearchServer(index, embedder, hosts=hosts, max_upload_bytes=round(args.max_upload_mb * 1e6))
    return server


def _check(args: argparse.Namespace) -> None:
    if not 0 <= args.port < 1 << 16:
        raise ValueError(f"`--port` must lie between 0 and 65535. Received: {args.port}.")
    if not args.max_upload_mb > 0:
        raise ValueError(f"`--max_upload_mb` must be positive. Received: {args.max_upload_mb}.")
    try:
        address = ipaddress.ip_address(args.host)
    except ValueError:
        raise ValueError(f"`--host` must be an address, such as {LOOPBACK}. Received: {args.host}.") from None
    if address.is_unspecified:
        raise ValueError(
            f"`--host` must be one address of this machine: requests are answered under that name only. "
            f"Received: {args.host}."
        )
    if not address.is_loopback:
        say(f"Warning: whoever can reach {args.host} can search the index and read its files.")


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _nothing_yet(environ, start_response):
    start_response("503 Service Unavailable", [])
    return [b""]


class _Handler(WSGIRequestHandler):
    """Says nothing of each request, gives no versions away, and waits for nobody for ever."""

    timeout = 30

    def version_string(self) -> str:
        return "vatt"

    def log_request(self, *arguments, **named) -> None:
        pass
