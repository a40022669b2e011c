"""Questions as files hold them to checked examples: what SQuAD files and tables of questions have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, SupportsIndex, TypeGuard

from unfreeze.data.examples import Example, Origin
from unfreeze.data.findings import Finding, Problems, Say
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.data.read_settings import ReadSettings

MOVED_ADVICE = "Offsets count characters (code points), not bytes or UTF-16 units."


@dataclass
class Questions:
    """Collects the questions of one file, their faults, and what was mended on the way."""

    file: str
    settings: ReadSettings
    say: Say
    problems: Problems = field(init=False)
    examples: list[QuestionExample] = field(default_factory=list, init=False)
    moved: dict[str, int | None] = field(default_factory=dict, init=False)  # id of the question -> line
    moves: int = field(default=0, init=False)  # answers
    lines: dict[str, int | None] = field(default_factory=dict, init=False)  # id -> where it was first used
    dropped: dict[str, int | None] = field(default_factory=dict, init=False)  # without answers -> line

    def __post_init__(self) -> None:
        self.problems = Problems(self.file)

    def add(self, row: Mapping[str, Any], context: object, line: int | None = None) -> None:
        """One question with the keys of SQuAD: `id`, `question`, `answers`, `is_impossible`."""
        before = len(self.problems.findings)
        name = self._name(row, line)
        unanswered = row.get("answers") is None and row.get("is_impossible") is not True
        if unanswered and self.settings.labelled and self.settings.drop_missing_labels:
            self.dropped[name] = line
            return
        question = row.get("question")
        if not isinstance(question, str) or not question.strip():
            self.problems.error("no-question", f"{name}: has no question", line)
        if not isinstance(context, str) or not context.strip():
            self.problems.error("empty-context", f"{name}: its context is empty", line, "There is nothing to find in.")
        elif len(self.problems.findings) == before:
            spans = self._spans(row, context, name, line)
            if len(self.problems.findings) == before:
                example = QuestionExample(str(question), context, spans, name, Origin(self.file, line))
                self.examples.append(example)

    def finish(self) -> list[QuestionExample]:
        """The examples, in the order of the file.

        Raises:
            DataError: with every fault.
        """
        self.problems.stop()
        if self.dropped:
            message = f"{len(self.dropped)} questions have no answers ({_named(self.dropped)}); dropped, as asked"
            line = next(iter(self.dropped.values()))
            self.say(Finding("warning", "missing-labels", message, self.file, line))
        if self.moved:
            message = f"{self.moves} answers were not at their offset and stand elsewhere, once: moved"
            message += f" ({_named(self.moved)})"
            line = next(iter(self.moved.values()))
            self.say(Finding("warning", "moved-answers", message, self.file, line, MOVED_ADVICE))
        return self.examples

    def _name(self, row: Mapping[str, Any], line: int | None) -> str:
        name = str(row.get("id") if row.get("id") is not None else f"#{len(self.lines) + 1}")
        if name in self.lines:
            where = f" (first on line {self.lines[name]})" if self.lines[name] else ""
            advice = "Predictions are kept by id, so every question needs its own."
            self.problems.error("duplicate-id", f"the id {name!r} is used twice{where}", line, advice)
        self.lines.setdefault(name, line)
        return name

    def _spans(self, row: Mapping[str, Any], context: str, name: str, line: int | None) -> tuple[Span, ...] | None:
        written = row.get("answers")
        impossible = row.get("is_impossible") is True
        if written is None and not impossible:
            if self.settings.labelled:
                advice = "They are needed to train or score; --drop-missing-labels leaves such questions out."
                self.problems.error("no-answers", f"{name}: has no answers", line, advice)
            return None
        pairs = _pairs(written)
        if pairs is None:
            message = f"{name}: its answers are not pairs of text and answer_start"
            self.problems.error("bad-answers", message, line, 'Expected [{"text": "...", "answer_start": 0}].')
            return None
        if impossible and pairs:
            message = f"{name}: is_impossible, and yet has answers"
            self.problems.error("contradicting-answers", message, line)
        return tuple(dict.fromkeys(span for one in pairs if (span := self._placed(*one, context, name, line))))

    def _placed(self, text: str, start: int, context: str, name: str, line: int | None) -> Span | None:
        """The answer where it says, or where it stands, if that is one place only."""
        if not text.strip():
            self.problems.error("empty-answer", f"{name}: an answer is empty", line)
            return None
        if start >= 0 and context[start : start + len(text)] == text:
            return Span(text, start)
        places = sum(context.startswith(text, i) for i in range(len(context)))  # they may overlap
        if places == 1:
            self.moved.setdefault(name, line)
            self.moves += 1
            return Span(text, context.index(text))
        found = "does not occur in its context" if not places else f"occurs {places} times, but not there"
        message = f"{name}: the answer {_short(text)!r} is not at character {start}: it {found}"
        self.problems.error("answer-start", message, line, MOVED_ADVICE)
        return None


def _pairs(written: Any) -> list[tuple[str, int]] | None:
    """Answers as a list of objects, as in SQuAD files, or as an object of lists, as hub data sets have them."""
    if written is None:
        return []
    if isinstance(written, Mapping):
        texts, starts = written.get("text"), written.get("answer_start")
        if not (_is_sequence(texts) and _is_sequence(starts) and len(texts) == len(starts)):
            return None
        written = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    if not _is_sequence(written):
        return None
    pairs = []
    for one in written:
        if not (isinstance(one, Mapping) and isinstance(one.get("text"), str)):
            return None
        start = one.get("answer_start")
        if isinstance(start, bool) or not isinstance(start, SupportsIndex):
            return None
        pairs.append((str(one["text"]), int(start)))
    return pairs


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return (isinstance(value, Sequence) and not isinstance(value, str | bytes)) or type(value).__name__ == "ndarray"


def _named(names: Mapping[str, object]) -> str:
    return ", ".join(list(names)[:10]) + (", ..." if len(names) > 10 else "")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def has_unanswerable(examples: Sequence[Example]) -> bool:
    """Is there a question that is known to have no answer?"""
    return any(isinstance(example, QuestionExample) and example.answers == () for example in examples)
