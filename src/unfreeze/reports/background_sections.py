"""The sections behind the answer: single labels, other test sets, what trained, the data, and how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Code, Paragraph, Section, Table
from unfreeze.reports.groups import Group
from unfreeze.reports.results import Results


def by_label(results: Results) -> Section:
    """Test scores of each label or entity type."""
    groups = [group for group in results.groups if any(run.breakdown for run in group.finished)]
    labels = list(dict.fromkeys(label for group in groups for run in group.finished for label in run.breakdown))
    if not labels:
        return Section("Label by label", [])
    metric = _breakdown_metric(groups)
    rows, marked = [], set()
    for position, label in enumerate(labels):
        means = [_mean(run.breakdown.get(label, {}).get(metric) for run in group.finished) for group in groups]
        support = _mean(run.breakdown.get(label, {}).get("support") for group in groups for run in group.finished)
        rows.append([label, quantities.count(support), *(quantities.score(mean) for mean in means)])
        known = [mean for mean in means if mean is not None]
        if len(set(known)) > 1:
            marked |= {(position, 2 + i) for i, mean in enumerate(means) if mean == max(known)}
    caption = f"Test {metric.replace('_', ' ')}, mean over seeds; n: how often the label occurs."
    table = Table(["label", "n", *(group.label for group in groups)], rows, caption, frozenset(marked))
    return Section("Label by label", [table])


def further_tests(results: Results) -> Section:
    """Scores on all test sets side by side, as a transfer table, where there are several."""
    metric = results.metric
    groups = [group for group in results.groups if any(run.tests for run in group.finished)]
    names = list(dict.fromkeys(name for group in groups for run in group.finished for name in run.tests))
    sizes = (results.comparison.get("data") or {}).get("sizes") or {}
    main = next((name for name in sizes if name not in ("train", "validation", *names)), "test")
    rows = [
        [
            group.label,
            quantities.score(_mean(run.test.get(metric) for run in group.finished)),
            *(quantities.score(_mean(run.tests.get(name, {}).get(metric) for run in group.finished)) for name in names),
        ]
        for group in groups
    ]
    caption = f"{metric.replace('_', ' ')}, mean over seeds"
    return Section("All test sets", [Table(["strategy", main, *names], rows, caption)] if rows else [])


def what_trains(results: Results) -> Section:
    """What each strategy changes, in the words the run said."""
    rows = []
    for group in results.groups:
        words = list(dict.fromkeys(run.trains for run in group.runs if run.trains))
        trainable = group.mean(lambda run: run.trainable_parameters)
        total = group.mean(lambda run: run.total_parameters)
        share = quantities.percent(trainable / total) if trainable is not None and total else ""
        if words or trainable is not None:
            rows.append([group.label, "; ".join(words), quantities.count(trainable), quantities.count(total), share])
    table = Table(["strategy", "what trains", "trainable", "of", "share"], rows, "Parameters", texts=frozenset({1}))
    return Section("What each strategy trains", [table] if rows else [])


def data(results: Results) -> Section:
    """The data, what its checks found, and everything a run noted."""
    described = results.comparison.get("data") or {}
    blocks: list[Block] = []
    sizes = described.get("sizes") or {}
    if described.get("name"):
        parts = ", ".join(f"{quantities.count(size)} {split}" for split, size in sizes.items())
        blocks.append(Paragraph(f"{described['name']}" + (f": {parts} examples." if parts else ".")))
    if described.get("sha256"):
        blocks.append(Paragraph(f"SHA-256 {described['sha256']}"))
    checks = [str(check) for check in described.get("checks") or ()]
    if checks:
        blocks += [Paragraph("The checks of the data found:"), Bullets(checks)]
    elif described:
        blocks.append(Paragraph("The checks of the data found nothing to report."))
    blocks += _reading(described.get("reading") or {})
    notes = [str(note) for note in described.get("notes") or ()]
    notes += [f"{run.strategy}, seed {run.seed}: {note}" for run in results.records for note in run.notes]
    if notes:
        blocks += [Paragraph("Notes:"), Bullets(_without_repeats(notes))]
    return Section("Data and notes", blocks)


def reproduce(results: Results) -> Section:
    """The command, the versions and the machine."""
    environment = results.environment
    blocks: list[Block] = []
    command = environment.get("command")
    if command:
        blocks.append(Code(shlex.join(map(str, command)) if isinstance(command, list) else str(command)))
    seeds = sorted({run.seed for run in results.records})
    if seeds:
        blocks.append(Paragraph(f"Seeds: {', '.join(map(str, seeds))}. Every setting is in settings.yaml."))
    facts = [
        [name, str(environment[name])] for name in ("python", "platform", "processor", "cpus") if environment.get(name)
    ]
    facts += [[name, str(version)] for name, version in (environment.get("packages") or {}).items() if version]
    if facts:
        blocks.append(Table(["", "version"], facts, "Software and machine", texts=frozenset({1})))
    return Section("How to reproduce this", blocks)


def _reading(splits: Mapping[str, Mapping[str, int]]) -> list[Block]:
    """What of the splits does not reach the network, where something is cut or read in several windows."""
    rows = []
    for name, one in splits.items():
        tokens = one["tokens"] + one["truncated_tokens"]
        counts = [quantities.count(one[key]) for key in ("examples", "windows", "examples_in_several_windows")]
        cut = [
            quantities.percent(above / below if below else 0.0)
            for above, below in (
                (one["truncated_examples"], one["examples"]),
                (one["truncated_tokens"], tokens),
            )
        ]
        rows.append([name, *counts, *cut, quantities.count(one["lost_words"])])
    touched = ("truncated_examples", "truncated_tokens", "examples_in_several_windows", "lost_words")
    if not any(one[key] for one in splits.values() for key in touched):
        return []
    header = ["split", "examples", "windows", "in several windows", "cut", "tokens cut off", "labelled words lost"]
    return [Table(header, rows, "How long texts are read; what is cut off does not reach the network.")]


def _breakdown_metric(groups: Iterable[Group]) -> str:
    """F1 where it is known, else the first number that is not a count."""
    names = [
        name
        for group in groups
        for run in group.finished
        for numbers in run.breakdown.values()
        for name in numbers
        if name != "support"
    ]
    return "f1" if "f1" in names or not names else names[0]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _without_repeats(notes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(notes))
