"""Bodies are read before anything else: no larger than they may be, and in time."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfreeze.serving.problems import CLOSE, problem_response


class _TooLargeError(Exception):
    pass


class BodyLimits:
    """ASGI middleware that counts a body as it arrives, whatever its Content-Length says.

    The app inside gets the whole body at once; after it, only that the client has left.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, body_seconds: float) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        too_large = problem_response(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is larger than the {self.max_body_bytes:,} bytes that are taken. Send it in parts.",
            CLOSE,
        )
        try:
            async with asyncio.timeout(self.body_seconds):
                if _declared(headers) > self.max_body_bytes:
                    raise _TooLargeError
                body = await self._body(receive)
        except _TooLargeError:
            await too_large(scope, receive, send)
        except TimeoutError:
            seconds = f"{self.body_seconds:g} s"
            late = problem_response(HTTPStatus.REQUEST_TIMEOUT, f"The body did not arrive within {seconds}.", CLOSE)
            await late(scope, receive, send)
        else:
            if body is not None:
                await self.app(scope, _replayed(body, receive), send)

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body; None if the client leaves before its end."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self.max_body_bytes:
                raise _TooLargeError
            if not message.get("more_body", False):
                return bytes(body)


def _declared(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
