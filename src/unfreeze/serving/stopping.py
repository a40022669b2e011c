"""From a signal on nothing new is begun, and whoever asks hears so, while what was begun is finished."""

from __future__ import annotations

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from unfreeze.serving.problems import CLOSE, problem_response

STILL_ANSWERED = "/healthz"  # the process is alive, and not to be killed for stopping


class RefuseWhenStopping:
    """ASGI middleware: what comes after `app.state.stopping` is set is refused (503), `/readyz` among it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["app"].state.stopping and scope["path"] != STILL_ANSWERED:
            stopping = problem_response(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping.", CLOSE)
            await stopping(scope, receive, send)
        else:
            await self.app(scope, receive, send)
