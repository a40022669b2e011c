"""What inspection tells of data, as plain values: sizes, labels, lengths, repeats, examples, and all findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from unfreeze.data.corpus import Corpus, notes_of
from unfreeze.data.examples import Example, MultiLabelExample, NumberExample, TaggedExample
from unfreeze.data.excerpts import entity_counts, excerpts
from unfreeze.data.findings import DataError, Finding
from unfreeze.data.lengths import Lengths, Unit, length_histogram, lengths_of, natural_unit, quantiles
from unfreeze.data.question_example import QuestionExample
from unfreeze.data.repeats import repeats

# Notes of the checks: what is found in data, not inferred of them.
FOUND_NOTES = frozenset({"duplicates", "imbalance", "unanswerable"})


def report(corpus: Corpus) -> dict[str, Any]:
    """All that `unfreeze inspect --data` shows of a corpus."""
    return {
        "name": corpus.name,
        "task": corpus.task,
        "tag_scheme": corpus.tag_scheme,
        "sha256": corpus.sha256,
        **_described(corpus.splits, corpus.tag_scheme),
        "notes": list(corpus.notes),
        "findings": [str(finding) for finding in corpus.findings],
        **_told(corpus.told),
    }


def report_of_faults(name: str, error: DataError) -> dict[str, Any]:
    """The same of data that cannot be used: the errors, and what was read nevertheless."""
    first = next((example for examples in error.splits.values() for example in examples), None)
    scheme = error.tag_scheme
    return {
        "name": name,
        "task": first.task if first else None,
        "tag_scheme": scheme,
        "sha256": None,
        **_described(error.splits, scheme),
        "notes": list(notes_of(error.findings)),
        "findings": [str(one) for one in error.findings if one.severity != "note"],
        **_told(error.findings),
    }


def _told(findings: Iterable[Finding]) -> dict[str, Any]:
    """What was `inferred`, in lines, and what was `found`: errors first, notes last."""
    told = list(dict.fromkeys(findings))
    inferred = [one for one in told if one.severity == "note" and one.code not in FOUND_NOTES]
    found = [one for one in told if one not in inferred]
    found.sort(key=lambda one: ("error", "warning", "note").index(one.severity))
    return {"inferred": list(notes_of(inferred)), "found": [asdict(one) for one in found]}


def _described(splits: Mapping[str, Sequence[Example]], scheme: str | None) -> dict[str, Any]:
    measured = {name: lengths_of(examples) for name, examples in splits.items()}
    # A sentence that is given in words is measured in them.
    unit: Unit = "words" if scheme else natural_unit(measured)
    train = splits.get("train") or next(iter(splits.values()), ())
    return {
        "splits": {name: _split(examples, measured[name], scheme) for name, examples in splits.items()},
        "lengths": length_histogram(measured, unit),
        "repeats": repeats(splits),
        "examples": excerpts(train, scheme),
    }


def _split(examples: Sequence[Example], lengths: Lengths, scheme: str | None) -> dict[str, Any]:
    counts = Counter(label for example in examples for label in example.labels)
    described: dict[str, Any] = {
        "examples": len(examples),
        "labels": dict(counts.most_common()),
        "words": quantiles(lengths["words"]),
        "characters": quantiles(lengths["characters"]),
    }
    if unlabelled := sum(not example.is_labelled for example in examples):
        described["unlabelled"] = unlabelled
    several = [example for example in examples if isinstance(example, MultiLabelExample)]
    if several:
        numbers = Counter(len(example.labels) for example in several)
        described["labels_of_a_text"] = {str(number): numbers[number] for number in sorted(numbers)}
    if scheme == "iob2":
        described["entities"] = entity_counts(one for one in examples if isinstance(one, TaggedExample))
    questions = [example for example in examples if isinstance(example, QuestionExample)]
    if questions:
        described["answers"] = _answers(questions)
    numbers_known = [one.value for one in examples if isinstance(one, NumberExample) and one.value is not None]
    if numbers_known:
        described["numbers"] = quantiles(numbers_known)
    return described


def _answers(questions: Sequence[QuestionExample]) -> dict[str, Any]:
    answered = [one for one in questions if one.answers]
    return {
        "contexts": len({one.context for one in questions}),
        "without": len(questions) - len(answered),
        "several": sum(len({answer.text for answer in one.answers or ()}) > 1 for one in answered),
        "words": quantiles([len(answer.text.split()) for one in answered for answer in (one.answers or ())[:1]]),
    }
