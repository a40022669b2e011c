"""What is there twice: within a split, across splits, or only the context of a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from unfreeze.data.duplicates import document_key
from unfreeze.data.examples import Example, NumberExample
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding
from unfreeze.data.question_example import QuestionExample
from unfreeze.data.repeats import repeats_across, repeats_within, split_pairs

Splits = Mapping[str, Sequence[Example]]
Keys = Mapping[str, Sequence[str]]  # the normalised contents, in the order of the examples


def check_duplicates(splits: Splits, keys: Keys) -> Iterator[Finding]:
    """Examples that repeat an earlier one of their split, and those that say something else of it."""
    for split, examples in splits.items():
        repeated = repeats_within(examples, keys[split])
        contradicting = [one.again for one in repeated if one.differ]
        if repeated:
            verb = _one_or(len(repeated), "repeats", "repeat")
            message = f"{len(repeated)} of {len(examples)} examples of {split} {verb} an earlier one"
            yield finding_at(repeated[0].again, "note", "duplicates", message)
        if contradicting:
            number = len(contradicting)
            what = f"repeated {_one_or(number, 'example', 'examples')} of {split} {_one_or(number, 'has', 'have')}"
            message = f"{number} {what} another {_what(contradicting[0])} than the first"
            yield finding_at(contradicting[0], "warning", "contradicting-labels", message)


def check_leaks(splits: Splits, keys: Keys) -> Iterator[Finding]:
    """Examples of one split that are in an earlier one too."""
    known = {split: dict(zip(keys[split], examples, strict=True)) for split, examples in splits.items()}
    for earlier, later in split_pairs(splits):
        shared = repeats_across(known[earlier], splits[later], keys[later])
        if not shared:
            continue
        is_in = _one_or(len(shared), "is", "are")
        message = f"{len(shared)} of {len(splits[later])} examples of {later} {is_in} also in {earlier}"
        other = [one.again for one in shared if one.differ]
        if len(other) == len(shared):
            message += f", {_one_or(len(other), '', 'all of them ')}with another {_what(other[0])}"
        elif other:
            place = other[0].origin or "data"
            message += f", {len(other)} of them with another {_what(other[0])} (first {place})"
        advice = _advice(later, _what(shared[0].again), equal=len(shared) - len(other), other=len(other))
        yield finding_at(shared[0].again, "warning", "leak", message, advice)


def _advice(later: str, what: str, *, equal: int, other: int) -> str:
    """Of how many shared examples the answer is the `other` one: remembering it is no help there, but a mistake."""
    if not other:
        return f"Scores on {later} are too good by what is remembered; remove them from one of the two."
    which = f"Look which {what} is right, or remove them from one of the two."
    if not equal:
        return f"What is remembered of them is wrong on {later}. {which}"
    return (
        f"Where the {what} is the same, scores on {later} are too good by what is remembered; where it is another one, "
        f"what is remembered is wrong. {which}"
    )


def check_shared_contexts(splits: Splits, keys: Keys) -> Iterator[Finding]:
    """Different questions about one context in two splits: the context was read in training, with its answers."""
    asked = {
        split: [(document_key(one), key, one) for one, key in zip(examples, keys[split], strict=True)]
        for split, examples in splits.items()
        if any(isinstance(one, QuestionExample) for one in examples)
    }
    for earlier, later in split_pairs(asked):
        contexts, questions = {context for context, _, _ in asked[earlier]}, set(keys[earlier])
        shared = [one for context, key, one in asked[later] if context in contexts and key not in questions]
        if shared:
            number = f"{len(shared)} of {len(asked[later])} questions of {later}"
            verb = _one_or(len(shared), "is", "are")
            message = f"{number} {verb} about a context of which {earlier} asks other questions"
            advice = "Split by context or by article, so that what is scored was not read before."
            yield finding_at(shared[0], "warning", "shared-contexts", message, advice)


def _what(example: Example) -> str:
    if isinstance(example, NumberExample):
        return "number"
    return "answer" if isinstance(example, QuestionExample) else "label"


def _one_or(number: int, one: str, several: str) -> str:
    return one if number == 1 else several
