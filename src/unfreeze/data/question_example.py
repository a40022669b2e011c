"""What a reader of questions yields: a question about a context, and the spans that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from unfreeze.data.examples import Example, Origin, TaskName


@dataclass(frozen=True, slots=True)
class Span:
    """An answer: a part of a context, `start` counted in characters (code points)."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class QuestionExample(Example):
    """A question about a context, and the spans that answer it: none for (); None where the file does not tell.

    Raises:
        ValueError: an answer is not in the context where it says.
    """

    question: str
    context: str
    answers: tuple[Span, ...] | None = None
    id: str = ""
    origin: Origin | None = None
    task: ClassVar[TaskName] = "question-answering"

    def __post_init__(self) -> None:
        for answer in self.answers or ():
            if answer.start < 0 or self.context[answer.start : answer.end] != answer.text:
                raise ValueError(f"{self.origin}: the answer {answer.text!r} is not at character {answer.start}")

    @property
    def parts(self) -> tuple[str, ...]:
        return self.question, self.context

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    @property
    def is_labelled(self) -> bool:
        return self.answers is not None

    def relabelled(self, names: Mapping[str, str]) -> QuestionExample:
        return self

    def lower_cased(self) -> QuestionExample:
        answers = self.answers and tuple(replace(one, text=lower_in_place(one.text)) for one in self.answers)
        context = lower_in_place(self.context)
        return replace(self, question=self.question.lower(), context=context, answers=answers)

    @property
    def document(self) -> tuple[str, ...]:
        return (self.context,)

    @property
    def content(self) -> list[Any]:
        answers = None if self.answers is None else [[one.text, one.start] for one in self.answers]
        return [self.id, self.question, self.context, answers]


def lower_in_place(text: str) -> str:
    """Lower case that moves no character: the few whose lower case is longer stay as they are.

    >>> lower_in_place("\u0130I")
    '\u0130i'
    """
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)
