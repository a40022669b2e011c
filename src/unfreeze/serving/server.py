"""The HTTP server around the application: uvicorn, with limits and an orderly end."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI

from unfreeze.serving.app import create_app
from unfreeze.serving.header_deadline import HeaderDeadline
from unfreeze.serving.host_check import is_loopback
from unfreeze.serving.listening import BACKLOG, address_of, open_port, taken_port
from unfreeze.serving.options import ServingOptions
from unfreeze.serving.served_model import NamedModel, load

MOST_CONNECTIONS = 512  # at once; a further one hears 503


class Server(uvicorn.Server):
    """The first signal stops it in order, the second ends the program at once."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.app.state.stopping = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was begun with the port still open: who asks meanwhile hears that the server stops."""
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.tasks:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.config.timeout_graceful_shutdown = 0  # what is left has had its time
        await super().shutdown(sockets)


def server_of(app: FastAPI, options: ServingOptions) -> Server:
    """A server that is not running yet."""
    # What is being answered may be finished; a body that trickles in has its own deadline.
    patience = options.timeout_seconds + options.body_seconds
    config = uvicorn.Config(
        app,
        http=HeaderDeadline,
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="error",  # hostile clients would fill it with warnings
        server_header=False,
        proxy_headers=False,  # nothing here depends on who asks
        backlog=BACKLOG,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=int(patience) + 1,
    )
    return Server(app, config)


def serve(
    models: Sequence[NamedModel], options: ServingOptions, device: str | None, said: Callable[[str], None]
) -> None:
    """Load the models, open the port, and answer until a signal comes; it is raised again when all is finished.

    Raises:
        ModelError: a model cannot be loaded.
        ServingError: the port cannot be had, or a model not be served.
    """
    with taken_port(options) as taken:
        loaded = []
        for one in models:
            loaded.append(load(one, device))
            said(f"{one.name}: {loaded[-1].facts.task}, {loaded[-1].facts.family}, from {one.path}")
        server = server_of(create_app(loaded, options), options)
        open_port(taken, options)
        if not is_loopback(options.host):
            said(f"--host {options.host}: other machines can reach this server, and it asks nobody who they are")
        said(f"serving on {address_of(options)} (a page to try the models; /openapi.json; stop with Ctrl-C)")
        server.run(sockets=[taken])
