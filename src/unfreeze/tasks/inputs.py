"""What may be handed in to be answered: texts, lists of words, and objects as the pipelines take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from unfreeze.data.question_example import QuestionExample
from unfreeze.tasks.task import Model, TaskError

Read = TypeVar("Read")


class InputError(TaskError):
    """One of several inputs cannot be answered."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position  # among the inputs, from 0: only who read them knows their file and line


def read_each(inputs: Sequence[Any], read: Callable[[Any], Read]) -> list[Read]:
    """What `read` makes of each input.

    Raises:
        InputError: of the first that it refuses.
    """
    found = []
    for position, one in enumerate(inputs):
        try:
            found.append(read(one))
        except TaskError as error:
            raise InputError(position, str(error)) from error
    return found


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
        is_line = isinstance(given, str) and given.lstrip().startswith("{")
        advice = " This is a text; `unfreeze predict` reads objects from a file that ends in .jsonl." if is_line else ""
        raise TaskError(f"{given!r}: expected {shape}.{advice}")
    texts = [given[key] for key in known if given.get(key) is not None or key in keys]
    if not all(isinstance(text, str) for text in texts):
        raise TaskError(f"{given!r}: expected texts in {shape}.")
    return texts


def question_of(given: Any) -> QuestionExample:
    """A question with its context, as an object or as the two in this order.

    Raises:
        TaskError: it is something else, or one of them is blank.
    """
    if isinstance(given, tuple | list) and len(given) == 2:
        given = {"question": given[0], "context": given[1]}
    question, context = texts_of(given, "question", "context")
    refuse_blank("question", question)
    refuse_blank("context", context)
    return QuestionExample(question, context)


def refuse_blank(name: str, text: str) -> None:
    """TaskError for a text without words: a network would point somewhere all the same, and be sure of it."""
    if not text.strip():
        raise TaskError(f"{name} {text!r}: is empty; expected a text with words in it.")


def refuse_longer(text: str, tokens: int, model: Model) -> None:
    """TaskError for a text of more tokens than the network reads at once."""
    if tokens > model.max_length:
        raise TaskError(
            f"{text if len(text) <= 60 else text[:59] + '…'!r}: {tokens} tokens, and the network reads "
            f"{model.max_length} at once. Give it in parts."
        )
