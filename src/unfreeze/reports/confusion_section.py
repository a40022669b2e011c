"""Which labels are taken for which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfreeze.metrics.confusion import OTHER
from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Paragraph, Section, Shade, Table, heat
from unfreeze.reports.results import Results


def confusions(results: Results) -> Section:
    """A matrix for each strategy, that of the recommended one open, and what it confuses most in words."""
    entries = [one for one in results.entries("confusion") if one.get("labels")]
    if not entries:
        return Section("Confusion", [])
    recommended = results.comparison.get("recommendation") or {}
    key = (recommended.get("strategy"), recommended.get("model_name"))
    order = {(group.strategy, group.model_name): place for place, group in enumerate(results.groups)}

    def place(one: Mapping[str, Any]) -> tuple[bool, int]:
        of = (one.get("strategy"), one.get("model_name"))
        return of != key, order.get((str(of[0]), str(of[1])), len(order))

    entries.sort(key=place)
    first = entries[0]
    blocks: list[Block] = []
    if said := _most_confused(first):
        blocks += [Paragraph(f"What {results.label(first)} confuses most:"), Bullets(said)]
    blocks.append(_matrix(first, results, ""))
    blocks += [_matrix(one, results, results.label(one)) for one in entries[1:]]
    return Section("Confusion", blocks)


def _most_confused(entry: Mapping[str, Any]) -> list[str]:
    return [
        # The names at the end: one that is written from right to left takes what follows it along.
        f"{quantities.count(one['number'])} of the {quantities.count(one['of'])} labelled {one['gold']} are answered "
        f"as {one['answered']}"
        for one in entry.get("most") or _from_counts(entry)
    ]


def _from_counts(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same of an older comparison, from the labels that its matrix names."""
    labels, counts = entry["labels"], entry["counts"]
    found = [
        {"gold": gold, "answered": answered, "number": number, "of": sum(row)}
        for gold, row in zip(labels, counts, strict=True)
        for answered, number in zip(labels, row, strict=True)
        if number and gold != answered and OTHER not in (gold, answered)
    ]
    return sorted(found, key=lambda one: -one["number"])[:5]


def _matrix(entry: Mapping[str, Any], results: Results, folded: str) -> Table:
    labels, counts = [str(one) for one in entry["labels"]], entry["counts"]
    shades: dict[tuple[int, int], Shade] = {}
    rows = []
    for i, line in enumerate(counts):
        total = sum(line)
        rows.append([labels[i], *(quantities.count(number) if number else "·" for number in line)])
        for j, number in enumerate(line, start=1):
            shades[i, j] = heat(number / total if total else 0.0)
    seeds = entry.get("seeds") or 1
    caption = (
        f"{results.label(entry)} on {entry.get('split')}: rows are the labels in the data, columns the answers. "
        f"The darker, the larger the share of the row." + (f" Summed over {seeds} seeds." if seeds > 1 else "")
    )
    if (in_all := entry.get("labels_in_all") or 0) > len(labels):
        caption += (
            f" The {len(labels) - 1} most frequent of {in_all} labels; the others are counted together, those that are "
            "taken for each other on the diagonal too."
        )
    return Table(["in the data \\ answered", *labels], rows, caption, shades=shades, grid=True, folded=folded)
