"""`vatt serve INDEX`: a web page on this machine to search an index and to play what was found."""

import argparse
import errno
import ipaddress
import signal

import vatt
from vatt.arguments import COUNT, QUANTITY, explain
from vatt.embed.files import open_embedder
from vatt.prepare.progress import say
from vatt.search.connections import Pace, PacedServer
from vatt.search.index import Index
from vatt.search.query import warm
from vatt.search.server import SearchServer, host_names

LOOPBACK = "127.0.0.1"
_ABOUT = """\
The page is for the user of this machine: it has no password, and listens on the loopback address only
unless --host names another one of this machine's. It reads the indexed files, and only while they are as they
were when they were indexed; files that are dropped on it are looked at and removed. Ctrl-C ends it.

INDEX and RUN may be addresses of object stores, and are fetched to TMPDIR first. Media that were indexed in a
store are read there, by the ranges that a window needs.
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
    parser.add_argument(
        "--port",
        type=COUNT,
        default=8765,
        help="0: any that is free (default: %(default)s)",
    )
    parser.add_argument(
        "--max_upload_mb",
        type=QUANTITY,
        default=100.0,
        metavar="MB",
        help="of a file (default: %(default)g)",
    )
    explain(parser, "vatt serve INDEX --port 8765", status="0 ended by Ctrl-C or SIGTERM")


def main(args: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)
    server = start(args)
    say(f"http://{_host_and_port(args.host, server.port)}/  (Ctrl-C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # what is left takes a moment, and must not be cut short
        server.server_close()
        server.app.close()
    return 0


def start(args: argparse.Namespace, pace: Pace = Pace()) -> PacedServer:  # noqa: B008 (frozen)
    """The server, listening; `serve_forever` answers."""
    _check(args)
    index = Index(args.index)
    embedder = open_embedder(vatt.load, args.model or index.facts["model"]["path"])
    index.check(embedder)
    say("Warming up")
    warm(embedder)
    host = str(ipaddress.ip_address(args.host))
    try:
        server = PacedServer(host, args.port, pace)
    except OSError as error:
        raise OSError(_unusable(args, error)) from None
    names = {host} | ({LOOPBACK, "localhost"} if _is_loopback(host) else set())
    server.app = SearchServer(
        index,
        embedder,
        hosts=host_names(names, server.port),
        max_upload_bytes=round(args.max_upload_mb * 1e6),
    )
    return server


def _unusable(args: argparse.Namespace, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"A port must be free to be served on. Received: {args.port} of {args.host}, which is taken. "
            "Name another: --port 0 finds one."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"A port must be one that this user may take. Received: {args.port} of {args.host}; those below "
            "1024 are for administrators. Name another: --port 8765."
        )
    return (
        f"`--host` must be an address of this machine. Received: {args.host} ({error.strerror}). The "
        f"default, {LOOPBACK}, always is."
    )


def _stop(*_) -> None:
    raise KeyboardInterrupt


def _check(args: argparse.Namespace) -> None:
    if not 0 <= args.port < 1 << 16:
        raise ValueError(f"`--port` must be between 0 and 65535. Received: {args.port}.")
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
        say(f"Warning: anyone who can reach {args.host} can search the index and read its files.")


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
