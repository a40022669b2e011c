"""Examples as they are asked about: what the Hugging Face pipelines of the tasks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unfreeze.data.examples import Example, TaggedExample
from unfreeze.data.question_example import QuestionExample
from unfreeze.tasks import Task, TaskError


def requests_of(examples: Sequence[Example], task: Task) -> list[Any]:
    """One input for each example: a text, a pair of texts, or a question with its context.

    Raises:
        TaskError: of this task an encoder is wanted, and no answers.
    """
    if task.learns_encoder:
        raise TaskError(f"{task.name}: has no answers to be timed. Give a model for texts, words or questions.")
    return [request_of(example) for example in examples]


def request_of(example: Example) -> Any:
    """A text, `{"text", "text_pair"}` or `{"question", "context"}`; the words of a sentence with blanks between."""
    if isinstance(example, QuestionExample):
        return {"question": example.question, "context": example.context}
    if isinstance(example, TaggedExample):
        return " ".join(example.words)
    text, *pair = example.parts
    return {"text": text, "text_pair": pair[0]} if pair else text
