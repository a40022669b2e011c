"""Labels that may be the same, and labels that hold what no label should."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from unfreeze.data.check_texts import INVISIBLE, SURROGATE, named
from unfreeze.data.examples import Example, MultiLabelExample
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding

OTHER_SEPARATORS = ";|"  # between the labels of a cell; the comma is read


def check_spellings(splits: Mapping[str, Sequence[Example]]) -> Iterator[Finding]:
    """Findings about the names of labels, each at the first example that has the rarer, or odd, name."""
    counts: Counter[str] = Counter()
    first: dict[str, Example] = {}
    for examples in splits.values():
        for example in examples:
            counts.update(example.labels)
            for label in example.labels:
                if label not in first:
                    first[label] = example
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts):
        spellings[_spelling(label)].append(label)
    # B-per and B-PER differ by a spelling; 1.5 and 15, or -1 and 1, do not.
    alike = [group for group in spellings.values() if len(group) > 1 and not any(map(is_number, group))]
    if alike:
        shown = "; ".join(", ".join(map(repr, group)) for group in alike[:10])
        rarest = min(alike[0], key=counts.__getitem__)
        message = f"labels that differ only in spelling: {shown}"
        advice = "They stay different classes; correct the data if they are the same."
        yield finding_at(first[rarest], "warning", "similar-labels", message, advice)
    for label, example in first.items():
        yield from _odd_signs(label, example)
    yield from _unsplit(first)


def _odd_signs(label: str, example: Example) -> Iterator[Finding]:
    signs = sorted(
        {*INVISIBLE.findall(label), *SURROGATE.findall(label), *(sign for sign in label if sign == "\ufffd")}
    )
    if not signs:
        return
    message = f"the label {label!r} contains {', '.join(map(named, signs))}"
    if SURROGATE.search(label):  # such a name cannot be written to a file
        advice = "Correct the \\uD8.. escapes of the file."
        yield finding_at(example, "error", "surrogates", message, advice)
    else:
        yield finding_at(example, "warning", "label-characters", message, "It is another class than the one without.")


def _unsplit(first: Mapping[str, Example]) -> Iterator[Finding]:
    """One label of a text of several, that looks like several."""
    for label, example in first.items():
        if not isinstance(example, MultiLabelExample):
            continue
        for separator in OTHER_SEPARATORS:
            if separator in label:
                message = f"the label {label!r} holds {separator!r}: is it several?"
                advice = f"Then pass --label-separator '{separator}'."
                yield finding_at(example, "warning", "label-separator", message, advice)
                return


def _spelling(label: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", label).casefold() if sign.isalnum()) or label


def is_number(label: str) -> bool:
    """Is it written as one?"""
    try:
        float(label)
    except ValueError:
        return False
    return True
