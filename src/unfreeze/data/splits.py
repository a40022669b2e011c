"""Missing splits and subsets, as pure functions of the examples and a seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from unfreeze.data.duplicates import document_key
from unfreeze.data.examples import Example

E = TypeVar("E", bound=Example)


def split_off(examples: Sequence[E], fraction: float, seed: int, purpose: str) -> tuple[list[E], list[E]]:
    """(rest, part): about `fraction` of the examples, at least one, with the classes in the same proportions.

    Equal texts stay together, and questions about one context, so that no leak is made here. One example of every label
    stays in the rest, so a class with a single example is never split. Both parts keep the order of the file. Too few
    examples give an empty part.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, was: {fraction}")
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(document_key(example), []).append(index)
    units = list(groups.values())
    Random(f"{seed}/{purpose}").shuffle(units)
    kept = _one_of_each_label(examples, units)
    strata: dict[str, list[list[int]]] = {}
    sizes: dict[str, int] = {}
    for number, unit in enumerate(units):
        example = examples[unit[0]]
        stratum = "\n".join(example.labels) if example.stratified else ""
        sizes[stratum] = sizes.get(stratum, 0) + 1
        members = strata.setdefault(stratum, [])
        if number not in kept:
            members.append(unit)
    wanted = _quotas(sizes, {name: len(members) for name, members in strata.items()}, fraction)
    chosen = {index for name, members in strata.items() for unit in members[: wanted[name]] for index in unit}
    rest = [example for index, example in enumerate(examples) if index not in chosen]
    return rest, [examples[index] for index in sorted(chosen)]


def subset(examples: Sequence[E], size: int | None, seed: int) -> list[E]:
    """`size` examples in the order of the file, drawn with a seed. A smaller subset is part of every larger one,
    and every label is there as long as `size` allows it, so that sizes can be compared."""
    if size is None or size >= len(examples):
        return list(examples)
    if size < 1:
        raise ValueError(f"a subset needs at least one example, was: {size}")
    order = list(range(len(examples)))
    Random(f"{seed}/subset").shuffle(order)
    seen: set[str] = set()
    first: list[int] = []
    for index in order:
        labels = set(examples[index].labels)
        if not labels <= seen:
            first.append(index)
            seen |= labels
    leading = set(first)
    order = first + [index for index in order if index not in leading]
    return [examples[index] for index in sorted(order[:size])]


def _one_of_each_label(examples: Sequence[Example], units: Sequence[Sequence[int]]) -> set[int]:
    """The numbers of units that together hold every label; the first one where there are no labels."""
    seen: set[str] = set()
    kept = set()
    for number, unit in enumerate(units):
        labels = {label for index in unit for label in examples[index].labels}
        if not labels <= seen:
            kept.add(number)
            seen |= labels
    return kept or {0}


def _quotas(sizes: dict[str, int], available: dict[str, int], fraction: float) -> dict[str, int]:
    """Largest remainders: whole numbers in proportion to the sizes, and at least one in all if there is one."""
    exact = {name: size * fraction for name, size in sizes.items()}
    quotas = {name: min(int(share), available[name]) for name, share in exact.items()}
    missing = max(1, round(sum(exact.values()))) - sum(quotas.values())
    by_remainder = sorted(sizes, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_remainder:
        if missing > 0 and quotas[name] < available[name]:
            quotas[name] += 1
            missing -= 1
    return quotas
