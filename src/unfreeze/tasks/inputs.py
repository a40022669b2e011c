"""What may be handed in to be answered: texts, lists of words, and objects as the pipelines take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfreeze.tasks.task import Model, TaskError


def text_of(given: Any) -> str:
    """The text of an input.

    Raises:
        TaskError: it is something else.
    """
    if isinstance(given, str):
        return given
    raise TaskError(f"{given!r}: expected a text.")


def text_or_words(given: Any) -> str | list[str]:
    """A text, or the words of one.

    Raises:
        TaskError: it is neither.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, list | tuple) and all(isinstance(word, str) for word in given):
        return list(given)
    raise TaskError(f"{given!r}: expected a text, or a list of words.")


def texts_of(given: Any, *keys: str, optional: str | None = None) -> list[str]:
    """The texts under these keys of an object, and the one under `optional` where it is given.

    Raises:
        TaskError: a key is missing or unknown, or what it holds is no text.
    """
    known = [*keys] if optional is None else [*keys, optional]
    shape = "{" + ", ".join(f'"{key}": ...' for key in keys) + "}" + (f', or also "{optional}"' if optional else "")
    if not isinstance(given, Mapping) or not set(keys) <= given.keys() <= set(known):
        raise TaskError(f"{given!r}: expected {shape}.")
    texts = [given[key] for key in known if given.get(key) is not None or key in keys]
    if not all(isinstance(text, str) for text in texts):
        raise TaskError(f"{given!r}: expected texts in {shape}.")
    return texts


def refuse_longer(text: str, tokens: int, model: Model) -> None:
    """TaskError for a text of more tokens than the network reads at once."""
    if tokens > model.max_length:
        raise TaskError(
            f"{text if len(text) <= 60 else text[:59] + '…'!r}: {tokens} tokens, and the network reads "
            f"{model.max_length} at once. Give it in parts."
        )
