"""What a request hears when it is not answered: one JSON object of one shape (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

CLOSE = {"connection": "close"}
MEDIA_TYPE = "application/problem+json"
LONGEST_DETAIL = 400  # characters: messages quote what they are about
MOST_ERRORS = 8


class FieldError(BaseModel):
    """One place of a request that is not as expected."""

    where: str = Field(description="path in the body, such as inputs.0.text", examples=["inputs.0.text"])
    what: str = Field(description="what is wrong there", examples=["String should have at most 20000 characters"])


class Problem(BaseModel):
    """Why a request is not answered."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(description="the status in words", examples=["Conflict"])
    status: int = Field(description="the HTTP status", examples=[409])
    detail: str = Field(description="one sentence: what was wrong and what to do")
    errors: list[FieldError] | None = Field(None, description="where a body is not as the schema says")


class ProblemError(HTTPException):
    """Ends a request with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.errors = errors


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None, errors: Sequence[tuple[str, str]] = ()
) -> Response:
    """The problem as it is sent. Whatever a request held, it is text of bounded length."""
    content: dict[str, Any] = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _bounded(detail),
    }
    if errors:
        content["errors"] = [{"where": _bounded(w), "what": _bounded(what)} for w, what in errors[:MOST_ERRORS]]
    return Response(json.dumps(content), status, headers, MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Let every failure of an app end in a problem."""
    app.add_exception_handler(HTTPException, _known)
    app.add_exception_handler(RequestValidationError, _not_the_schema)
    app.add_exception_handler(Exception, _unforeseen)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if not isinstance(error, ProblemError) and error.status_code == HTTPStatus.NOT_FOUND:
        detail = "There is nothing at this address. /openapi.json lists what there is."
    elif not isinstance(error, ProblemError) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another one")
        detail = f"{request.method[:20]} is no method of this address; use {allowed}."
    errors = error.errors if isinstance(error, ProblemError) else ()
    return problem_response(error.status_code, detail, error.headers, errors)


async def _not_the_schema(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The names of alternatives, in brackets, say nothing to whoever wrote the body; nor is the input said back.
    found = [
        (".".join(str(part) for part in one["loc"][1:] if not str(part).startswith("(")) or "body", str(one["msg"]))
        for one in error.errors()
    ]
    where, what = found[0]
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {what}", errors=found)


async def _unforeseen(request: Request, error: Exception) -> Response:
    # The traceback goes to the server's log: what failed inside is nobody else's business.
    return problem_response(HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed; its log says why.")


def _bounded(text: str) -> str:
    """Without lone surrogates, which are no text, and of at most `LONGEST_DETAIL` characters."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= LONGEST_DETAIL else clean[: LONGEST_DETAIL - 1] + "…"
