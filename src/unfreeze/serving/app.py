"""The web application over loaded models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfreeze import __version__
from unfreeze.serving.host_check import HostCheck
from unfreeze.serving.limits import BodyLimits
from unfreeze.serving.openapi import openapi_document
from unfreeze.serving.options import ServingOptions
from unfreeze.serving.problems import add_handlers
from unfreeze.serving.routes import ROUTER
from unfreeze.serving.served_model import LoadedModel, with_queue
from unfreeze.serving.stopping import RefuseWhenStopping


def create_app(models: Sequence[LoadedModel], options: ServingOptions | None = None) -> FastAPI:
    """The application. The models' threads start with it and end, all answers given, when its server stops."""
    options = options or ServingOptions()
    served = {one.name: with_queue(one, options) for one in models}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.stopping = True
        for one in served.values():
            await asyncio.to_thread(one.batcher.close)

    # No page of documentation: FastAPI's loads its scripts from elsewhere.
    app = FastAPI(
        title="unfreeze",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.models, app.state.options, app.state.stopping = served, options, False
    app.include_router(ROUTER)
    add_handlers(app)
    document = openapi_document(app, served)  # made once, before anybody waits for it
    app.openapi = lambda: document  # type: ignore[method-assign]
    # The last is the outermost.
    app.add_middleware(HostCheck, host=options.host, allowed=options.allowed_host)
    app.add_middleware(BodyLimits, max_body_bytes=options.max_body_bytes, body_seconds=options.body_seconds)
    app.add_middleware(RefuseWhenStopping)
    app.add_middleware(_GuardingHeaders)
    return app


class _GuardingHeaders:
    """ASGI middleware: nothing of what is answered is stored, or taken for something else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> Any:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-content-type-options"] = "nosniff"
                headers["cache-control"] = "no-store"
            return await send(message)

        await self.app(scope, receive, guarded)
