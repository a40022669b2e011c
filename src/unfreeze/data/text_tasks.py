"""Texts with one label each, as most formats hold them, to what the task makes of the label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from unfreeze.data.examples import (
    PRETRAINING,
    Example,
    MultiLabelExample,
    NumberExample,
    Objective,
    PassageExample,
    TaggedExample,
    TaskName,
    TextExample,
)
from unfreeze.data.findings import Problems
from unfreeze.data.multi_labels import names_in_cell
from unfreeze.data.question_example import QuestionExample


def recast(examples: Sequence[Example], task: TaskName | None, separator: str | None) -> list[Example]:
    """The examples for `task`: labels to numbers for regression, to several labels for multi-label, left out for
    pretraining; else as they are.

    Raises:
        DataError: with every label that is no number.
    """
    if task in PRETRAINING:
        return [passage for one in _one_for_each_context(examples) for passage in _passages(one, task)]
    if task == "multi-label":
        return [_several(one, separator) if isinstance(one, TextExample) else one for one in examples]
    if task != "regression":
        return list(examples)
    problems = Problems(next((one.origin.file for one in examples if one.origin), "data"))
    numbers = [_number(one, problems) if isinstance(one, TextExample) else one for one in examples]
    problems.stop()
    return numbers


def _one_for_each_context(examples: Sequence[Example]) -> Iterator[Example]:
    """Many questions ask about one context, which is to be read once."""
    contexts: set[str] = set()
    for one in examples:
        if isinstance(one, QuestionExample):
            if one.context in contexts:
                continue
            contexts.add(one.context)
        yield one


def _passages(one: Example, objective: Objective) -> list[PassageExample]:
    """The texts of an example; a pair is two, unless one is the translation of the other."""
    if isinstance(one, PassageExample):
        return [one]
    if isinstance(one, QuestionExample):
        return [PassageExample(one.context, objective, one.origin)]
    if isinstance(one, TaggedExample):
        return [PassageExample(" ".join(one.parts), objective, one.origin)]
    if objective == "translation-lm" and isinstance(one, TextExample):
        return [PassageExample(one.text, objective, one.origin, one.pair)]
    return [PassageExample(text, objective, one.origin) for text in one.parts]


def _several(one: TextExample, separator: str | None) -> MultiLabelExample:
    names = None if one.label is None else names_in_cell(one.label, separator)
    return MultiLabelExample(one.text, names, one.origin, one.pair)


def _number(one: TextExample, problems: Problems) -> NumberExample:
    value: float | None = None
    if one.label is not None:
        try:
            value = float(one.label)
        except ValueError:
            value = None
        if value is None or not isfinite(value):
            line = one.origin.line if one.origin else None
            problems.error("not-a-number", f"the label {one.label!r} is not a number", line)
            value = None
    return NumberExample(one.text, value, one.origin, one.pair)
