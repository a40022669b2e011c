"""What is odd about questions and their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from unfreeze.data.examples import Example
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding
from unfreeze.data.question_example import QuestionExample


def check_questions(splits: Mapping[str, Sequence[Example]]) -> Iterator[Finding]:
    """Findings about which questions have answers; nothing for data of other tasks."""
    shares: dict[str, tuple[int, int]] = {}  # split -> (without an answer, all)
    for split, examples in splits.items():
        questions = [example for example in examples if isinstance(example, QuestionExample)]
        if questions:
            shares[split] = (sum(not one.answers for one in questions), len(questions))
    for split, (without, total) in shares.items():
        if split == "train" and without == total:
            advice = "There is nothing to learn; is this the right file?"
            message = "no question of the training data has an answer"
            yield finding_at(splits[split][0], "error", "no-answerable", message, advice)
        elif without:
            message = f"{without} of {total} questions of {split} have no answer in their context (as in SQuAD 2.0)"
            yield Finding("note", "unanswerable", message)
    asked = (example for examples in splits.values() for example in examples)
    unknown = next((one for one in asked if isinstance(one, QuestionExample) and not one.answers), None)
    if shares.get("train", (1, 1))[0] == 0 and unknown is not None:
        message = "training has no questions without an answer, but others have"
        advice = "When to say that there is no answer cannot be learnt from it; a threshold is all there is."
        yield finding_at(unknown, "warning", "unanswerable-unseen", message, advice)
