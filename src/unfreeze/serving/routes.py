"""The addresses of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from unfreeze.serving.asking import ask, model_for
from unfreeze.serving.json_bodies import JsonRoute
from unfreeze.serving.page import page_response
from unfreeze.serving.problems import Problem
from unfreeze.serving.schemas import (
    Alive,
    AnswerRequest,
    ClassifyRequest,
    Entity,
    FilledToken,
    FillMaskRequest,
    FoundAnswer,
    LabelScore,
    QueueState,
    Ready,
    ShownModel,
    ShownScore,
    TaggedWord,
    TagRequest,
)
from unfreeze.serving.served_model import LoadedModel, ServedModel

REASONS = {
    HTTPStatus.BAD_REQUEST: "the body is not JSON",
    HTTPStatus.NOT_FOUND: "no model has this name",
    HTTPStatus.METHOD_NOT_ALLOWED: "the address has other methods",
    HTTPStatus.REQUEST_TIMEOUT: "the body did not arrive in time",
    HTTPStatus.CONFLICT: "as documented, but not for this model: another task, too long for it, no mask in the text",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is not called application/json",
    HTTPStatus.MISDIRECTED_REQUEST: "the Host is no name of this server",
    HTTPStatus.UNPROCESSABLE_ENTITY: "the body is JSON, but not as documented",
    HTTPStatus.TOO_MANY_REQUESTS: "too much waits; Retry-After says when to come again",
    HTTPStatus.INTERNAL_SERVER_ERROR: "the model failed",
    HTTPStatus.SERVICE_UNAVAILABLE: "the server is stopping",
    HTTPStatus.GATEWAY_TIMEOUT: "no answer in time",
}
# Every address refuses these; those of models, whatever can go wrong.
ANYWHERE = (
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def _documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    return {int(status): {"model": Problem, "description": REASONS[status]} for status in sorted(statuses)}


ROUTER = APIRouter(route_class=JsonRoute)
MODEL_PROBLEMS = _documented(*REASONS)
Name = Annotated[str, Path(description="as GET /v1/models lists it")]


@ROUTER.get("/", include_in_schema=False)
async def page() -> Response:
    """The page to try models by hand."""
    return page_response()


@ROUTER.get("/healthz", tags=["health"], summary="Is the process alive?", responses=_documented(*ANYWHERE))
async def healthz() -> Alive:
    """Answers as long as the process does."""
    return Alive(status="ok")


@ROUTER.get(
    "/readyz",
    tags=["health"],
    summary="Does it take requests?",
    responses=_documented(*ANYWHERE),
)
async def readyz(request: Request) -> Ready:
    """The models are loaded; how much waits for each."""
    queues = {
        name: QueueState(waiting=one.batcher.waiting, limit=one.batcher.max_queue)
        for name, one in _models(request).items()
    }
    return Ready(status="ready", models=queues)


@ROUTER.get("/v1/models", tags=["models"], summary="What is served", responses=_documented(*ANYWHERE))
async def list_models(request: Request) -> list[ShownModel]:
    """Each model with its task, its route and what is known of its quality."""
    return [_shown(one.loaded) for one in _models(request).values()]


@ROUTER.post(
    "/v1/models/{name}/classify",
    tags=["models"],
    summary="Classify texts",
    response_model=list[LabelScore | list[LabelScore]],
    responses=MODEL_PROBLEMS,
)
async def classify(request: Request, name: Name, body: ClassifyRequest) -> Response:
    """For each input its likeliest label, or a list of `top_k`; for models of several labels all that hold."""
    model = model_for(_models(request), name, "classify")
    return await ask(request, model, _plain(body.inputs), _chosen(body))


@ROUTER.post(
    "/v1/models/{name}/tag",
    tags=["models"],
    summary="Find entities, or tag words",
    response_model=list[list[Entity | TaggedWord]],
    responses=MODEL_PROBLEMS,
)
async def tag(request: Request, name: Name, body: TagRequest) -> Response:
    """For each input a list of what was found in it."""
    model = model_for(_models(request), name, "tag")
    inputs = body.inputs if isinstance(body.inputs, list) else [body.inputs]
    return await ask(request, model, inputs, _chosen(body))


@ROUTER.post(
    "/v1/models/{name}/answer",
    tags=["models"],
    summary="Answer questions",
    response_model=list[FoundAnswer | list[FoundAnswer]],
    responses=MODEL_PROBLEMS,
)
async def answer(request: Request, name: Name, body: AnswerRequest) -> Response:
    """For each question the likeliest part of its context, or a list of `top_k`."""
    model = model_for(_models(request), name, "answer")
    return await ask(request, model, _plain(body.inputs), _chosen(body))


@ROUTER.post(
    "/v1/models/{name}/fill-mask",
    tags=["models"],
    summary="Fill masks",
    response_model=list[list[FilledToken | list[FilledToken]]],
    responses=MODEL_PROBLEMS,
)
async def fill_mask(request: Request, name: Name, body: FillMaskRequest) -> Response:
    """For each text the likeliest tokens; a list of them for each mask where a text has several."""
    model = model_for(_models(request), name, "fill-mask")
    return await ask(request, model, body.inputs, _chosen(body))


def _models(request: Request) -> Mapping[str, ServedModel]:
    models: Mapping[str, ServedModel] = request.app.state.models
    return models


def _chosen(body: BaseModel) -> dict[str, Any]:
    """The options that were written; those left out are the task's own defaults."""
    return {name: getattr(body, name) for name in body.model_fields_set - {"inputs"}}


def _plain(inputs: Any) -> Any:
    """Texts, and objects as the pipelines take them."""
    if isinstance(inputs, list):
        return [_plain(one) for one in inputs]
    return inputs.model_dump(exclude_none=True) if isinstance(inputs, BaseModel) else inputs


def _shown(model: LoadedModel) -> ShownModel:
    facts = model.facts
    return ShownModel(
        name=model.name,
        task=facts.task,
        route=model.route,
        family=facts.family,
        labels=list(facts.labels),
        max_length=facts.max_length,
        mask_token=facts.mask_token if model.route == "fill-mask" else None,
        score=None if facts.score is None else ShownScore(**asdict(facts.score)),
    )
