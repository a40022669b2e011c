"""What is wrong with this data: found over all splits before any model is loaded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from unfreeze.data.check_numbers import check_numbers
from unfreeze.data.check_questions import check_questions
from unfreeze.data.check_repeats import check_duplicates, check_leaks, check_shared_contexts
from unfreeze.data.check_spellings import check_spellings, is_number
from unfreeze.data.check_tags import check_tags
from unfreeze.data.check_texts import check_texts
from unfreeze.data.duplicates import content_key
from unfreeze.data.examples import Example, MultiLabelExample
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding
from unfreeze.data.tag_schemes import entity_type

Splits = Mapping[str, Sequence[Example]]


def check_splits(splits: Splits, scheme: str | None) -> list[Finding]:
    """All findings over the splits as given; `scheme` is None for classification. Without a training split, what is
    said of it is left out."""
    findings = list(_check_presence(splits))
    if any(finding.severity == "error" for finding in findings):
        return findings
    keys = {split: [content_key(example) for example in examples] for split, examples in splits.items()}
    checks: list[Callable[[], Iterable[Finding]]] = [
        lambda: check_texts(splits),
        lambda: check_questions(splits),
        lambda: _check_labels(splits["train"], scheme) if "train" in splits else (),
        lambda: _check_one_class(splits),
        lambda: check_numbers(splits.get("train", ())),
        lambda: check_spellings(splits),
        lambda: check_unseen(splits, scheme) if "train" in splits else (),
        lambda: check_duplicates(splits, keys),
        lambda: check_leaks(splits, keys),
        lambda: check_shared_contexts(splits, keys),
        lambda: check_tags(splits, scheme) if scheme is not None else (),
    ]
    for check in checks:
        findings.extend(check())
    return findings


def _check_presence(splits: Splits) -> Iterator[Finding]:
    for split, examples in splits.items():
        if not examples:
            yield Finding("error", "no-examples", f"there are no examples in {split}")
        unlabelled = [example for example in examples if not example.is_labelled]
        if unlabelled:
            message = f"{len(unlabelled)} of {len(examples)} examples of {split} have no label"
            yield finding_at(
                unlabelled[0], "error", "missing-labels", message, "Labels are needed for training and scores."
            )


def _check_labels(train: Sequence[Example], scheme: str | None) -> Iterator[Finding]:
    counts = Counter(label for example in train for label in example.labels)
    several = _has_several(train)
    if not counts and not several:  # questions have answers, not classes
        return
    if len(_answers(train)) == 1:
        message = _always(train[0], "the training data", "label" if scheme is None else "tag")
        yield finding_at(
            train[0], "error", "one-class", message, "There is nothing to learn; is this the right column?"
        )
        return
    if scheme is not None:
        return
    many = len(counts) == len(train) > 2 or (all(map(_is_real, counts)) and len(counts) > 0.5 * len(train))
    if many and not several:
        message = f"{len(counts)} classes for {len(train)} examples: numbers to predict, or texts, not classes?"
        advice = "Name another column with --label-column, or predict the numbers with --task regression."
        yield finding_at(train[0], "error", "continuous-labels", message, advice)
        return
    for label in sorted(label for label, count in counts.items() if count == 1):
        place = next(example for example in train if label in example.labels)  # maybe with others
        message = f"the class {label!r} has one training example"
        yield finding_at(place, "warning", "singleton-class", message, "It cannot be both learned and scored.")
    (most, most_count), (least, least_count) = counts.most_common()[0], counts.most_common()[-1]
    if most_count >= 10 * least_count:
        message = f"classes are unbalanced: {most!r} has {most_count} training examples, {least!r} {least_count}"
        place = next(example for example in train if least in example.labels)
        yield finding_at(place, "note", "imbalance", message, "Look at macro-F1, or pass --class-weights balanced.")


def _check_one_class(splits: Splits) -> Iterator[Finding]:
    """Scores on a split of one label tell nothing."""
    for split, examples in splits.items():
        if split != "train" and len(_answers(examples)) == 1 and len(examples) > 1:
            message = _always(examples[0], split, "label")
            advice = "What always answers that scores best; is the file sorted, or cut off?"
            yield finding_at(examples[0], "warning", "one-class", message, advice)


def _has_several(examples: Sequence[Example]) -> bool:
    """Labels for each text?"""
    return isinstance(examples[0], MultiLabelExample)


def _answers(examples: Sequence[Example]) -> set[str | frozenset[str]]:
    """The labels that occur; where a text has several, the sets of them."""
    if _has_several(examples):
        return {frozenset(example.labels) for example in examples}
    return {label for example in examples for label in example.labels}


def _always(example: Example, where: str, what: str) -> str:
    """What all examples there have, in words, by one of them."""
    if isinstance(example, MultiLabelExample) and len(example.labels) != 1:
        named = ", ".join(example.labels)
        return f"every text of {where} has the labels {named}" if named else f"no text of {where} has a label"
    return f"every {what} of {where} is {next(iter(example.labels))!r}"


def check_unseen(splits: Splits, scheme: str | None) -> Iterator[Finding]:
    """A finding for each label that only occurs outside the training data.

    For texts it is an error on validation and on the test set: the data is wrong more often than not. A rare tag, or a
    label of a further named test set (a transfer to other data), is usual: it is counted as a wrong prediction.
    """
    seen = {_kind(label, scheme) for example in splits["train"] for label in example.labels}
    for split, examples in splits.items():
        if split == "train":
            continue
        unseen: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            for label in dict.fromkeys(example.labels):
                if _kind(label, scheme) not in seen:
                    unseen[label].append(example)
        for label, places in unseen.items():
            what = "label" if scheme is None else "tag"
            message = f"the {what} {label!r} of {split} ({len(places)} examples) does not occur in the training data"
            if scheme is None and split in ("validation", "test"):
                yield finding_at(places[0], "error", "unseen-label", message, "Add training examples of it.")
            else:
                yield finding_at(
                    places[0], "warning", "unseen-label", message, "It cannot be predicted and counts as an error."
                )


def _kind(label: str, scheme: str | None) -> str:
    """In IOB2 the type must be known: a type always has both B- and I-."""
    return (entity_type(label) or label) if scheme == "iob2" else label


def _is_real(label: str) -> bool:
    return is_number(label) and not label.lstrip("+-").isdigit()
