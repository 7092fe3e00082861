"""Who may ask the server of an index: requests to its names, from its own pages, with its token."""

import hmac
import secrets
from collections.abc import Iterable

from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

TOKEN_BYTES = 24  # of one that is made


class Access:
    """Checks requests.

    Another page in the same browser is kept out: requests must name this server as their host and come
    from its own pages.

    Args:
        hosts: that requests may name as theirs, see `host_names`.
        token: that requests must have, as `Authorization: Bearer TOKEN` or in the cookie of a browser that
            opened `/?token=TOKEN`; "": none is needed.
    """

    def __init__(self, hosts: frozenset[str], token: str = ""):
        self._hosts, self._token = hosts, token
        self._origins = {f"http://{host}" for host in hosts}

    def refuse_foreign(self, request: Request) -> None:
        """Raises Forbidden for a request under another name or from another page."""
        if without_default_port(request.headers.get("Host", "")) not in self._hosts:
            # A page of somebody else whose name was made to lead here.
            raise Forbidden(f"This server is asked as {', '.join(sorted(self._hosts))} only.")
        origin = request.headers.get("Origin")
        if origin is not None and without_default_port(origin) not in self._origins:
            raise Forbidden("Requests must come from this server's own page.")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("Requests must come from this server's own page.")

    def entered(self, request: Request) -> Response | None:
        """The answer to a browser that opens the link with the token: it keeps the token in a cookie, and the
        address forgets it. None for any other request."""
        given = request.args.get("token")
        if not self._token or given is None or request.path != "/" or not self._is_token(given):
            return None
        response = redirect("/", 303)
        response.set_cookie(_cookie(request), given, httponly=True, samesite="Strict")
        return response

    def require_token(self, request: Request) -> None:
        """Raises Unauthorized for a request without the token."""
        bearer = request.headers.get("Authorization", "")
        given = bearer.removeprefix("Bearer ") if bearer else request.cookies.get(_cookie(request), "")
        if self._token and not self._is_token(given):
            raise Unauthorized(
                "This server needs its token. Open the link that `vatt serve` printed, or send "
                "`Authorization: Bearer TOKEN`."
            )

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def host_names(names: Iterable[str], port: int) -> frozenset[str]:
    """What requests to these names and addresses give as their host: with the port, unless that is HTTP's."""
    written = (f"[{name}]" if ":" in name else name.lower() for name in names)
    return frozenset(without_default_port(f"{name}:{port}") for name in written)


def without_default_port(host: str) -> str:
    """A host or an origin, in small letters."""
    return host.lower().removesuffix(":80")


def _cookie(request: Request) -> str:
    """Servers of one machine share their cookies: the port tells them apart."""
    return f"vatt_token_{request.host.rpartition(':')[2]}"
