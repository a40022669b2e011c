"""The OpenAPI document of a server: that of FastAPI, with what only the running server knows."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from unfreeze.serving.problems import MEDIA_TYPE
from unfreeze.serving.served_model import ServedModel

DESCRIPTION = """Trained encoders that classify, tag, answer and fill masks.

Requests and answers have the format of the Hugging Face pipelines; there is one answer for each input. Whatever is
not answered ends in a problem object: 400 for what is no JSON, 422 for JSON that is not as documented here, 409 for
what this model in particular cannot take, 429 where too much waits. Only what is no HTTP at all is refused without one.
"""


def openapi_document(app: FastAPI, models: Mapping[str, ServedModel]) -> dict[str, Any]:
    """The document; the models that a route takes are listed by name."""
    document = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    for address, operations in document["paths"].items():
        names = [name for name, one in models.items() if address.endswith(f"/{one.loaded.route}")]
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= HTTPStatus.BAD_REQUEST:
                    response["content"] = {MEDIA_TYPE: response["content"].pop("application/json")}
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "name" and names:
                    parameter["schema"]["enum"] = names
    return document
