"""`vatt serve INDEX`: a web page on this machine to search an index and to play what was found."""

import argparse
import errno
import ipaddress
import os
import re
import signal
from pathlib import Path

from vatt.arguments import COUNT, QUANTITY, explain
from vatt.prepare.progress import say
from vatt.search.access import Access, host_names, new_token
from vatt.search.connections import Pace, PacedServer
from vatt.search.open_index import OpenIndex
from vatt.search.query import warm
from vatt.search.server import SearchServer

LOOPBACK = "127.0.0.1"
TOKEN = "VATT_TOKEN"
_TOKEN = re.compile("[A-Za-z0-9._~-]{16,200}")
_TOKEN_CHARACTERS = "16 to 200 of A-Z a-z 0-9 . _ ~ -"
_ABOUT = """\
The page is for the user of this machine: it listens on the loopback address only unless --host names another
one of this machine's, where it needs a token: that of --token_file or of VATT_TOKEN, else one that is made.
The link that is printed has it; programs send it as `Authorization: Bearer TOKEN`. /openapi.json describes
the addresses for programs, /health says that the server answers, /metrics counts requests for Prometheus.
It reads the indexed files, and only while they are as they were when they were indexed; files that are
dropped on the page are looked at and removed. Ctrl-C ends it.

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
    parser.add_argument("--token_file", metavar="F", help="a file with the token that requests must have")
    explain(parser, "vatt serve INDEX --port 8765", status="0 ended by Ctrl-C or SIGTERM")


def main(args: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)
    token = _token(args)
    server = start(args, token=token)
    link = f"?token={token}" if token else ""
    say(f"http://{_host_and_port(args.host, server.port)}/{link}  (Ctrl-C ends it)")
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


def start(args: argparse.Namespace, pace: Pace = Pace(), token: str = "") -> PacedServer:  # noqa: B008 (frozen)
    """The server, listening; `serve_forever` answers requests that have the token, if there is one."""
    _check(args)
    opened = OpenIndex(args.index, model=args.model)
    embedder = opened.embedder
    say("Warming up")
    warm(embedder)
    host = str(ipaddress.ip_address(args.host))
    try:
        server = PacedServer(host, args.port, pace)
    except OSError as error:
        raise OSError(_unusable(args, error)) from None
    names = {host} | ({LOOPBACK, "localhost"} if _is_loopback(host) else set())
    server.app = SearchServer(
        opened.index,
        embedder,
        access=Access(host_names(names, server.port), token),
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
        say(
            f"Warning: anyone who can reach {args.host} and has the token can search the index and read its "
            "files; what is sent is not encrypted."
        )


def _token(args: argparse.Namespace) -> str:
    if args.token_file is not None:
        given, source = Path(args.token_file).read_text().strip(), args.token_file
    else:
        given, source = os.environ.get(TOKEN, ""), TOKEN
    if (given or args.token_file is not None) and not _TOKEN.fullmatch(given):
        raise ValueError(
            f"A token must be {_TOKEN_CHARACTERS}. Received: {len(given)} characters in {source}. Make one: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if given or _is_loopback(args.host):
        return given
    return new_token()


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
