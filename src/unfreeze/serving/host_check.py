"""Requests must call this server by a name of its own: a page elsewhere cannot reach it through its own name's address.

Without this a site could let its name point to 127.0.0.1 and read what its visitor's own server answers (DNS
rebinding). Where the server listens for other machines anyway, every name is taken unless some are listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from unfreeze.serving.problems import problem_response


def is_loopback(host: str) -> bool:
    """Does this name or address lead to this machine alone?

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class HostCheck:
    """ASGI middleware that refuses requests under a foreign name (421)."""

    def __init__(self, app: ASGIApp, *, host: str, allowed: Iterable[str]) -> None:
        self.app = app
        self.allowed = {name.lower().rstrip(".") for name in (*allowed, host)}
        self.takes_any = not is_loopback(host) and not list(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self.takes_any:
            said = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
            if not all(self._is_own(name_of(one)) for one in said):
                detail = (
                    f"Host {said[0][:80]!r} is no name of this server. Call it by its address, or start it with "
                    "--allowed-host NAME."
                )
                await problem_response(HTTPStatus.MISDIRECTED_REQUEST, detail)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _is_own(self, name: str) -> bool:
        return is_loopback(name) or name in self.allowed


def name_of(host: str) -> str:
    """The name in a Host header, without its port.

    >>> name_of("LOCALHOST:8000"), name_of("[::1]:8000"), name_of("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
