"""The sections behind the answer: single labels, other test sets, what trained, the data, and how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Code, Paragraph, Section, Table
from unfreeze.reports.groups import Group, is_better_high
from unfreeze.reports.leaderboard import SeedScores, seed_scores
from unfreeze.reports.results import Results
from unfreeze.storage.folders import SETTINGS_FILE


def by_label(results: Results) -> Section:
    """Scores of each label or entity type on test, on validation where there is no test set."""
    groups = [group for group in results.groups if any(run.breakdown for run in group.counted)]
    labels = list(dict.fromkeys(label for group in groups for run in group.counted for label in run.breakdown))
    if not labels:
        return Section("Label by label", [])
    metric = _breakdown_metric(groups)
    rows, marked = [], set()
    values: list[list[float | str | None]] = []
    for position, label in enumerate(labels):
        means = [_mean(run.breakdown.get(label, {}).get(metric) for run in group.counted) for group in groups]
        support = _mean(run.breakdown.get(label, {}).get("support") for group in groups for run in group.counted)
        rows.append([label, quantities.count(support), *(quantities.score(mean) for mean in means)])
        values.append([label, support, *means])
        known = [mean for mean in means if mean is not None]
        if len(set(known)) > 1 and results.are_comparable:
            marked |= {(position, 2 + i) for i, mean in enumerate(means) if mean == max(known)}
    caption = f"{_of_test(results)} {metric.replace('_', ' ')}, mean over seeds{_marks(results)}; "
    caption += "n: how often the label occurs."
    table = Table(
        ["label", "n", *(group.label for group in groups)],
        rows,
        caption,
        frozenset(marked),
        values=values,
        descending=frozenset(range(1, 2 + len(groups))),
        title=f"{_of_test(results)} {metric.replace('_', ' ')} by label, mean over seeds",
        name="labels",
    )
    return Section("Label by label", [table, *_in_full(groups, labels, results)])


def further_tests(results: Results) -> Section:
    """Scores on all test sets side by side, as a transfer table, where there are several."""
    metric = results.metric
    groups = [group for group in results.groups if any(run.tests for run in group.counted)]
    names = list(dict.fromkeys(name for group in groups for run in group.counted for name in run.tests))
    if not groups:
        return Section("All test sets", [])
    scores: list[list[SeedScores | None]] = [
        [seed_scores(group.scores("test", metric)), *(seed_scores(_on(group, name, metric)) for name in names)]
        for group in groups
    ]
    table = Table(
        ["strategy", results.main_test, *names],
        [[group.label, *(str(one or "") for one in line)] for group, line in zip(groups, scores, strict=True)],
        f"{metric.replace('_', ' ')}: mean over seeds ± half of the 95 % interval (Student's t)",
        values=[
            [group.label, *(None if one is None else one.mean for one in line)]
            for group, line in zip(groups, scores, strict=True)
        ],
        descending=frozenset(range(1, 2 + len(names)) if is_better_high(metric) else ()),
        title=f"{metric.replace('_', ' ')} on all test sets, mean over seeds ± half of the 95 % interval",
        name="test-sets",
    )
    return Section("All test sets", [table])


def data(results: Results) -> Section:
    """The data, what its checks found, and everything a run noted."""
    described = results.comparison.get("data") or {}
    blocks: list[Block] = []
    sizes = described.get("sizes") or {}
    if described.get("name"):
        parts = ", ".join(f"{quantities.count(size)} {split}" for split, size in sizes.items())
        blocks.append(Paragraph(f"{described['name']}" + (f": {parts} examples." if parts else ".")))
    checks = [str(check) for check in described.get("checks") or ()]
    if checks:
        blocks += [Paragraph("The checks of the data found:"), Bullets(checks)]
    elif described:
        blocks.append(Paragraph("The checks of the data found nothing to report."))
    blocks += [picture.image() for picture in results.pictures_of("data")]
    if results.has_several_models and described.get("read_by"):
        blocks.append(Paragraph(f"Tokens, and what is cut off, are counted as {described['read_by']} reads the texts."))
    blocks += lengths_of_tokens(described.get("lengths") or {})
    blocks += what_is_read(described.get("reading") or {})
    notes = [str(note) for note in described.get("notes") or ()]
    notes += _notes_of_runs(results)
    if notes:
        blocks += [Paragraph("Notes:"), Bullets(list(dict.fromkeys(notes)))]
    return Section("Data and notes", blocks)


def reproduce(results: Results) -> Section:
    """The command, the versions and the machine."""
    environment = results.environment
    blocks: list[Block] = []
    later = environment.get("later_commands")
    for command in (environment.get("command"), *(later if isinstance(later, list) else ())):
        if command:
            blocks.append(Code(shlex.join(map(str, command)) if isinstance(command, list) else str(command)))
    seeds = sorted({run.seed for run in results.records})
    if seeds:
        threads = sorted({str(run.threads) for run in results.records if run.threads is not None})
        on = f" Threads of a run, on which its last digits depend: {' or '.join(threads)}." if threads else ""
        blocks.append(Paragraph(f"Seeds: {', '.join(map(str, seeds))}.{on} Every setting is in {SETTINGS_FILE}."))
    hashes = _hashes(results)
    if hashes:
        blocks.append(
            Table(
                ["name", "hash or revision"],
                hashes,
                "What went in: SHA-256, or the revision of a model on the hub",
                texts=frozenset({1}),
            )
        )
    facts = [
        [name, str(environment[name])] for name in ("python", "platform", "processor", "cpus") if environment.get(name)
    ]
    facts += [["gpu", str(device)] for device in environment.get("gpus") or ()]
    facts += [[name, str(version)] for name, version in (environment.get("packages") or {}).items() if version]
    if facts:
        blocks.append(Table(["name", "version"], facts, "Software and machine", texts=frozenset({1})))
    return Section("How to reproduce this", blocks)


def _on(group: Group, name: str, metric: str) -> list[float]:
    """The scores of a group on a further test set."""
    found = [run.tests.get(name, {}).get(metric) for run in group.counted]
    return [one for one in found if one is not None]


def _marks(results: Results) -> str:
    return ", the highest marked (chance may have decided it)" if results.are_comparable else ""


def _of_test(results: Results) -> str:
    if not any(run.test for run in results.records):
        return "Validation"
    return "Test" if results.main_test == "test" else f"Test ({results.main_test})"


def _in_full(groups: Sequence[Group], labels: Sequence[str], results: Results) -> list[Table]:
    """All that is known of each label for the recommended strategy, or the best one."""
    recommended = results.comparison.get("recommendation") or {}
    wanted = (recommended.get("strategy"), recommended.get("model_name"))
    group = next((one for one in groups if (one.strategy, one.model_name) == wanted), groups[0])
    numbers = list(dict.fromkeys(name for run in group.counted for one in run.breakdown.values() for name in one))
    numbers = [name for name in numbers if name != "support"]
    if len(numbers) < 2:
        return []
    values: list[list[float | str | None]] = [
        [label, *(_mean(run.breakdown.get(label, {}).get(name) for run in group.counted) for name in numbers)]
        for label in labels
    ]
    rows = [[str(line[0]), *(quantities.score(one) for one in line[1:] if not isinstance(one, str))] for line in values]
    header = ["label", *(name.replace("_", " ") for name in numbers)]
    down = frozenset(range(1, len(header)))
    caption = f"{_of_test(results)} scores of {group.label}, mean over seeds"
    return [Table(header, rows, caption, folded=f"All scores of {group.label}", values=values, descending=down)]


def what_is_read(splits: Mapping[str, Mapping[str, int]]) -> list[Block]:
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
        return [Paragraph("Nothing is cut off: every text is read whole, in one piece.")] if splits else []
    header = ["split", "examples", "windows", "in several windows", "cut", "tokens cut off", "labelled words lost"]
    return [Table(header, rows, "How long texts are read; what is cut off does not reach the network.")]


def lengths_of_tokens(lengths: Mapping[str, Any]) -> list[Block]:
    """How many tokens examples have, by split; nothing where that is not known."""
    splits = lengths.get("splits") or {}
    rows = [
        [str(name), *(quantities.count(one.get(key)) for key in ("median", "p95", "longest"))]
        for name, one in splits.items()
    ]
    caption = f"Tokens of an example as they are read; at most {lengths.get('max_length')} at once."
    return [Table(["split", "median", "95 % have at most", "longest"], rows, caption)] if rows else []


def _hashes(results: Results) -> list[list[str]]:
    """What identifies the data, the weights and the vocabularies."""
    described = results.comparison.get("data") or {}
    found = [["all examples", str(described["sha256"])]] if described.get("sha256") else []
    weights = results.comparison.get("weights") or {}
    found += [[f"weights of {model}", str(one)] for model, one in weights.items() if one]
    vocabularies = {one.model_name: one.vocabulary_sha256 for one in results.records if one.vocabulary_sha256}
    return found + [[f"vocabulary of {model}", str(one)] for model, one in vocabularies.items()]


def _breakdown_metric(groups: Iterable[Group]) -> str:
    """F1 where it is known, else the first number that is not a count."""
    names = [
        name
        for group in groups
        for run in group.counted
        for numbers in run.breakdown.values()
        for name in numbers
        if name != "support"
    ]
    return "f1" if "f1" in names or not names else names[0]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _notes_of_runs(results: Results) -> list[str]:
    """Each note once, with the runs that it is of."""
    by_note: dict[str, dict[str, list[int]]] = {}
    for run in results.records:
        of = f" on {run.model_name}" if results.has_several_models else ""
        of += f" on {quantities.percent(run.train_share)} of the data" if run.train_share is not None else ""
        for note in dict.fromkeys(run.notes):
            by_note.setdefault(note, {}).setdefault(run.strategy + of, []).append(run.seed)
    said = []
    for note, by_strategy in by_note.items():
        if sum(map(len, by_strategy.values())) == len(results.records):
            said.append(f"All runs: {note}" if len(results.records) > 1 else note)
            continue
        named = [
            f"{strategy}, seed{'s' if len(seeds) > 1 else ''} {quantities.listed([str(seed) for seed in seeds])}"
            for strategy, seeds in by_strategy.items()
        ]
        said.append(f"{'; '.join(named)}: {note}")
    return said
