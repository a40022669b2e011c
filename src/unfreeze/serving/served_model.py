"""A model under the name and the route that it is asked by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unfreeze.inference.answering import Asked, Refusal, answer_together
from unfreeze.inference.model_facts import ModelFacts, facts_of
from unfreeze.inference.predictor import Predictor, load_predictor
from unfreeze.serving.batcher import Batcher
from unfreeze.serving.mistakes import ServingError
from unfreeze.serving.options import ServingOptions

Route = Literal["classify", "tag", "answer", "fill-mask"]
# The pipeline of a task to the route that speaks its format.
ROUTES: Mapping[str, Route] = {
    "text-classification": "classify",
    "token-classification": "tag",
    "question-answering": "answer",
    "fill-mask": "fill-mask",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class NamedModel:
    """What is to be served: a path or hub id, and what requests call it."""

    name: str
    path: str


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory that nobody asks yet."""

    name: str
    model: Predictor
    facts: ModelFacts
    route: Route


@dataclass(frozen=True)
class ServedModel:
    """A loaded model with its queue."""

    loaded: LoadedModel
    batcher: Batcher


def named_models(written: Iterable[str]) -> list[NamedModel]:
    """Models as they are typed, DIR or NAME=DIR; a DIR without a name is called by its last part.

    Raises:
        ServingError: a name cannot stand in an address, or two models have the same.
    """
    found: dict[str, NamedModel] = {}
    for text in written:
        name, sign, path = text.partition("=")
        if not sign or Path(text).exists():
            name, path = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(text).expanduser().absolute().name).strip("-._"), text
        if not _NAME.fullmatch(name):
            raise ServingError(
                f"{text}: {name!r} cannot name a model. Write NAME=DIR, with a NAME of up to 64 letters, digits, dots, "
                "hyphens and underscores that begins with a letter or digit."
            )
        if name in found:
            raise ServingError(
                f"{text}: another model is called {name!r} already ({found[name].path}). Name them: NAME=DIR."
            )
        found[name] = NamedModel(name, path)
    return list(found.values())


def load(named: NamedModel, device: str | None = None) -> LoadedModel:
    """Load one model, and let it answer once: what is slow the first time, or cannot work, shows before anybody asks.

    Raises:
        ModelError: it cannot be loaded.
        ServingError: nothing is known that could be asked of it over HTTP, or it fails.
    """
    loaded = described(named.name, load_predictor(named.path, device=device), named.path)
    example = {
        "classify": "a",
        "tag": "a",
        "answer": {"question": "a", "context": "a"},
        "fill-mask": loaded.facts.mask_token,
    }[loaded.route]
    [outcome] = answer_together(loaded.model, [Asked((example,), {})])
    # A model of pairs refuses a single text; that is an answer too.
    if isinstance(outcome, Exception) and not isinstance(outcome, Refusal):
        raise ServingError(f"{named.name}: cannot answer ({outcome}). Save it again, or serve another model.")
    return loaded


def described(name: str, model: Predictor, path: str | Path) -> LoadedModel:
    """A model that is in memory already, with its route.

    Raises:
        ServingError: its task has none.
    """
    facts = facts_of(model, path)
    if facts.pipeline not in ROUTES:
        known = ", ".join(ROUTES)
        raise ServingError(f"{name}: {facts.task} answers as {facts.pipeline}; only {known} can be served.")
    if facts.pipeline == "fill-mask" and facts.mask_token is None:
        raise ServingError(f"{name}: its tokenizer has no mask token, so there is nothing to fill.")
    return LoadedModel(name, model, facts, ROUTES[facts.pipeline])


def with_queue(loaded: LoadedModel, options: ServingOptions) -> ServedModel:
    """A model that can be asked: its thread runs from now on."""
    batcher = Batcher(
        loaded.model,
        max_batch_size=options.max_batch_size,
        max_wait_seconds=options.max_wait_ms / 1000,
        max_queue=options.max_queue,
    )
    return ServedModel(loaded, batcher)
