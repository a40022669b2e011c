"""Examples that are worth reading after a comparison, with their texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from unfreeze.data.examples import Example
from unfreeze.data.question_example import QuestionExample
from unfreeze.experiments.answers import AlignmentError, Answers
from unfreeze.statistics.disagreement import (
    Disagreement,
    Suspect,
    WrongNumber,
    confident_mistakes,
    disagreements,
    label_suspects,
    largest_errors,
)

MOST = 50  # of each kind
_LONGEST = 300  # characters of a text


def examples_to_read(
    by_strategy: Mapping[str, Sequence[Answers]],
    model: str,
    split: str,
    examples: Sequence[Example] | None,
    recommended: str | None = None,
    labels: Collection[str] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """`disagreements`, `label_suspects` and `mistakes` of `comparison.json`, for one model on one split.

    Args:
        by_strategy: the answers of each seed.
        model: the one that answered, as its records name it.
        split: as in the predictions.
        examples: the split itself, in order; None leaves the texts empty.
        recommended: the strategy whose mistakes are listed.
        labels: those of the training data, which are all that could be answered; None where answers are no labels.

    Raises:
        AlignmentError: the examples are not those that the answers are for.
    """
    if examples is not None:
        for by_seed in by_strategy.values():
            for answers in by_seed[:1]:
                _check_alignment(answers, split, examples)
    place = partial(_place, model=model, split=split, examples=examples, labels=labels)
    rows = {strategy: [one.rows() for one in by_seed] for strategy, by_seed in by_strategy.items()}
    return {
        "disagreements": [
            place(one) | {"answers": one.answers, "confidence": one.confidence}
            for one in disagreements(rows, limit=MOST)
        ],
        "label_suspects": [
            place(one) | {"answer": one.answer, "confidence": one.confidence}
            for one in label_suspects(rows, labels=labels, limit=MOST)
        ],
        "mistakes": [
            place(one) | {"strategy": recommended, "answer": one.answer, "confidence": one.confidence}
            for one in confident_mistakes(rows.get(str(recommended), []), limit=MOST)
        ]
        or [
            place(one) | {"strategy": recommended, "answer": one.answer, "confidence": None, "error": one.error}
            for one in largest_errors(_numbers(by_strategy.get(str(recommended), ())), limit=MOST)
        ],
    }


def _numbers(by_seed: Sequence[Answers]) -> list[tuple[int, float, list[float]]]:
    """(index, gold, what each seed answers) of each text, where answers are numbers."""
    if not by_seed or not all(isinstance(gold, float) for gold in by_seed[0].gold):
        return []
    answered = zip(*(one.predicted for one in by_seed), strict=True)
    return [
        (index, gold, list(said))
        for index, gold, said in zip(by_seed[0].indices, by_seed[0].gold, answered, strict=True)
    ]


def _place(
    case: Disagreement | Suspect | WrongNumber,
    *,
    model: str,
    split: str,
    examples: Sequence[Example] | None,
    labels: Collection[str] | None,
) -> dict[str, Any]:
    place: dict[str, Any] = {"model_name": model, "split": split, "index": case.index, "word": case.word}
    example = None if examples is None else examples[case.index]
    origin = example.origin if example else None
    place |= {"file": origin.file if origin else None, "line": origin.line if origin else None}
    place["text"] = _excerpt(example, case) if example else ""
    if case.word is not None:
        place["word_text"] = example.parts[case.word] if example else ""
    return place | {"gold": case.gold, "gold_in_training": None if labels is None else case.gold in labels}


def _excerpt(example: Example, case: Disagreement | Suspect | WrongNumber) -> str:
    """The text, cut where it is long; of a question's context what is around the answer in the data, or one given."""
    if not isinstance(example, QuestionExample):
        return _cut(example.shown)
    given = case.answers.values() if isinstance(case, Disagreement) else (str(case.answer),)
    starts = [span.start for span in example.answers or ()] + [example.context.find(one) for one in given]
    around = next((start for start in starts if start >= 0), 0)
    begin = max(0, min(around - _LONGEST // 3, len(example.context) - _LONGEST))
    shown = _cut(example.context[begin:] if begin == 0 else "…" + example.context[begin:])
    return f"{_cut(example.question)} {shown}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _check_alignment(answers: Answers, split: str, examples: Sequence[Example]) -> None:
    """Raise unless the examples can be those that the answers are for: as many, and with as many words."""
    if answers.examples != len(examples):
        raise AlignmentError(f"{split}: predictions of {answers.examples} examples, but it has {len(examples)}")
    for row in answers.rows():
        index, gold = row["index"], row["gold"]
        example = examples[index]
        if not isinstance(gold, str) and len(gold) != len(example.parts):
            raise AlignmentError(
                f"{split}, example {index}: predictions for {len(gold)} words, but it has {len(example.parts)}"
            )
