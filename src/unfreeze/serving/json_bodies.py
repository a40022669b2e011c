"""Bodies read as strict JSON: UTF-8, no key twice, no NaN, and nothing that is nested without end."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from email.message import Message
from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from unfreeze.serving.problems import ProblemError


def parse_json(body: bytes) -> Any:
    """The value that a body holds.

    Raises:
        ProblemError: it is not JSON (400).
    """
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _not_json(f"it is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise _not_json("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"{error.msg} at character {error.pos}") from None
    except ValueError as error:  # a number of thousands of digits, a key twice, NaN
        raise _not_json(str(error).partition(";")[0]) from None


class JsonRoute(APIRoute):
    """A route whose body is read by `parse_json`, and is called JSON by its request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answered = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if self.body_field is not None:
                _refuse_other_types(request)
            return await answered(_JsonRequest(request.scope, request.receive))

        return handler


class _JsonRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


def _refuse_other_types(request: Request) -> None:
    # Also a guard: a page of another origin can send JSON under this type only if it may ask first (CORS).
    sent = request.headers.get("content-type", "")
    header = Message()
    header["content-type"] = sent
    if header.get_content_type() != "application/json" or header.get_content_charset("utf-8") != "utf-8":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type {sent[:80]!r}: expected application/json, in UTF-8.",
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands there twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _not_json(reason: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, f"The body cannot be read as JSON: {reason}.")
