"""From a request to the queue of its model, and back with the answers or with the reason why there are none."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.responses import Response

from unfreeze.inference.answering import Asked, Refusal
from unfreeze.serving.batcher import QueueFullError, StoppingError
from unfreeze.serving.problems import ProblemError
from unfreeze.serving.served_model import Route, ServedModel

LOGGER = logging.getLogger("unfreeze.serving")


def model_for(models: Mapping[str, ServedModel], name: str, route: Route) -> ServedModel:
    """The model of this name.

    Raises:
        ProblemError: there is none (404), or it answers on another route (409).
    """
    if name not in models:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"No model is called {name[:80]!r}; there are {', '.join(models)}.")
    found = models[name]
    own = found.loaded.route
    if own != route:
        detail = f"{name} is a model for {found.loaded.facts.task}: POST to /v1/models/{name}/{own}, not to {route}."
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    return found


async def ask(request: Request, model: ServedModel, inputs: Any, options: Mapping[str, Any]) -> Response:
    """The answers of a model to one input or a list.

    Raises:
        ProblemError: the queue is full (429), the server stops (503), the time ran out (504), the model cannot take
            this (409), or it failed (500).
    """
    asked = Asked(tuple(inputs) if isinstance(inputs, list) else (inputs,), options)
    try:
        future = model.batcher.submit(asked)
    except QueueFullError as full:
        detail = f"Too much waits for {model.loaded.name}. Try again in {full.retry_seconds} s."
        retry = {"retry-after": str(full.retry_seconds)}
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=retry) from None
    except StoppingError:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping.") from None
    try:
        answers = await _in_time(request, future, request.app.state.options.timeout_seconds)
        return Response(json.dumps(answers, ensure_ascii=False, allow_nan=False), media_type="application/json")
    except Refusal as refusal:
        raise ProblemError(HTTPStatus.CONFLICT, f"{model.loaded.name} does not take this: {refusal}") from None
    except ProblemError:
        raise
    except Exception:
        LOGGER.exception("%s failed", model.loaded.name)
        raise ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "The model failed; the server's log says why.") from None


async def _in_time(request: Request, future: Future[list[Any]], seconds: float) -> list[Any]:
    """What comes of it. A request that nobody waits for any more is taken out of its queue."""
    answers: asyncio.Future[list[Any]] = asyncio.wrap_future(future)
    gone: asyncio.Future[None] = asyncio.ensure_future(_has_left(request))
    either: set[asyncio.Future[Any]] = {answers, gone}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answers.done():
            return answers.result()
        if gone.done():
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "The client has left.")
        raise ProblemError(HTTPStatus.GATEWAY_TIMEOUT, f"No answer within {seconds:g} s. Ask for less, or later.")
    finally:
        gone.cancel()
        # Not `answers`: the loop would pass that on in its next turn, after the response, and the batch may begin.
        future.cancel()


async def _has_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
