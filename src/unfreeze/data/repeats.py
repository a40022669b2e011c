"""Examples that are there twice, within a split or in two of them, and whether both say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unfreeze.data.duplicates import content_key
from unfreeze.data.examples import Example, NumberExample
from unfreeze.data.excerpts import shortened
from unfreeze.data.question_example import QuestionExample

SHOWN = 10  # texts of a split, or of two


@dataclass(frozen=True, slots=True)
class Twins:
    """An example, and an earlier one of the same content."""

    first: Example
    again: Example

    @property
    def differ(self) -> bool:
        """Is something else to be learnt of the two?"""
        return bool(said(self.first) != said(self.again))


def repeats_within(examples: Sequence[Example], keys: Sequence[str]) -> list[Twins]:
    """The examples that repeat an earlier one of their split; `keys` are their normalised contents."""
    first: dict[str, Example] = {}
    found = []
    for key, example in zip(keys, examples, strict=True):
        if key in first:
            found.append(Twins(first[key], example))
        else:
            first[key] = example
    return found


def repeats_across(known: Mapping[str, Example], examples: Sequence[Example], keys: Sequence[str]) -> list[Twins]:
    """The examples of a later split whose content an earlier one knows."""
    return [Twins(known[key], example) for key, example in zip(keys, examples, strict=True) if key in known]


def split_pairs(splits: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each two splits in their order."""
    names = list(splits)
    return ((earlier, later) for i, earlier in enumerate(names) for later in names[i + 1 :])


def said(example: Example) -> Any:
    """What is to be learnt of an example, to be compared."""
    if isinstance(example, NumberExample):
        return example.value
    if isinstance(example, QuestionExample):
        return {answer.text for answer in example.answers or ()}
    return example.labels


def repeats(splits: Mapping[str, Sequence[Example]]) -> list[dict[str, Any]]:
    """As plain values: how often examples of `split` are `in` itself or in an earlier one, how many `differ` in what is
    to be learnt, and some of the texts, those that differ first."""
    keys = {split: [content_key(example) for example in examples] for split, examples in splits.items()}
    known = {split: dict(zip(keys[split], examples, strict=True)) for split, examples in splits.items()}
    found = [(split, split, repeats_within(examples, keys[split])) for split, examples in splits.items()]
    found += [
        (later, earlier, repeats_across(known[earlier], splits[later], keys[later]))
        for earlier, later in split_pairs(splits)
    ]
    return [
        {
            "split": split,
            "in": other,
            "examples": len(twins),
            "differ": sum(one.differ for one in twins),
            "texts": [_shown(one) for one in sorted(twins, key=lambda one: not one.differ)[:SHOWN]],
        }
        for split, other, twins in found
        if twins
    ]


def _shown(twins: Twins) -> dict[str, Any]:
    return {
        "text": shortened(twins.again.shown),
        "first": {"place": _place(twins.first), "said": _said(twins.first)},
        "again": {"place": _place(twins.again), "said": _said(twins.again)},
    }


def _place(example: Example) -> str:
    return str(example.origin) if example.origin else "data"


def _said(example: Example) -> str:
    found = said(example)
    if isinstance(found, float):
        return f"{found:g}"
    return "" if found is None else shortened((" " if example.task == "tagging" else ", ").join(_in_order(found)))


def _in_order(found: Any) -> list[str]:
    """Labels keep their order, a set of answers gets one."""
    return sorted(found) if isinstance(found, set) else list(found)
