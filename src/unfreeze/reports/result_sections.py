"""The sections that answer: which strategy, how good, how sure, at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Image, Paragraph, Section, Table
from unfreeze.reports.groups import group_runs
from unfreeze.reports.leaderboard import best_rows, columns, leaderboard
from unfreeze.reports.results import Results

_MOST_PAIRS = 15  # beyond these only the pairs with the recommended strategy are unfolded


def verdict(results: Results) -> Section:
    """The recommendation and its reasons."""
    recommendation = results.comparison.get("recommendation") or {}
    strategy = recommendation.get("strategy")
    reasons = [str(reason) for reason in recommendation.get("reasons") or ()]
    if strategy:
        model = recommendation.get("model_name")
        several_models = len({record.model_name for record in results.records}) > 1
        first: Block = Paragraph(
            f"Use {strategy} on {model}." if model and several_models else f"Use {strategy}.", True
        )
    elif results.comparison:
        first = Paragraph("No strategy can be recommended.", strong=True)
    else:
        first = Paragraph("The comparison was not finished: below is what its finished runs tell.", strong=True)
    return Section("Verdict", [first, *([Bullets(reasons)] if reasons else [])])


def scores(results: Results) -> Section:
    """The leaderboard."""
    rows = leaderboard(results.records)
    shown = columns(rows)
    marked = {(row, 1 + i) for i, column in enumerate(shown) for row in best_rows(column, rows)}
    words = {1 + i for i, column in enumerate(shown) if column.title in ("converged", "status")}
    table = Table(
        ["strategy", *(column.title for column in shown)],
        [[row.label, *(column.text(row) for column in shown)] for row in rows],
        "Scores: mean over seeds ± half of the 95 % interval (Student's t). Costs: mean over seeds, savings against "
        "full. The best of each column is marked. An empty cell was not measured.",
        frozenset(marked),
        frozenset(words),
    )
    unfinished = [
        f"{run.strategy}, seed {run.seed}: {run.status}" + (f" ({run.error})" if run.error else "")
        for run in results.records
        if run.status != "done"
    ]
    blocks: list[Block] = [table]
    if unfinished:
        blocks += [Paragraph("Runs that did not finish; their numbers count nowhere:"), Bullets(unfinished)]
    return Section("Leaderboard", blocks)


def pairs(results: Results) -> Section:
    """Every strategy against every other, one table for each split."""
    entries = results.comparison.get("comparisons") or []
    recommended = (results.comparison.get("recommendation") or {}).get("strategy")
    tables: list[Table] = []
    for split in dict.fromkeys(str(entry.get("split")) for entry in entries):
        here = [entry for entry in entries if str(entry.get("split")) == split]
        central = [entry for entry in here if recommended in (entry.get("a"), entry.get("b"))]
        if len(here) <= _MOST_PAIRS or not central:
            tables.append(_pairs_table(split, here))
            continue
        others = [entry for entry in here if entry not in central]
        tables.append(_pairs_table(split, central))
        tables.append(_pairs_table(split, others, folded=f"The other {len(others)} pairs on {split}"))
    if not tables:
        return Section("Pair by pair", [])
    explanation = (
        "Difference: score of a minus score of b. The interval (95 %) covers the chance of examples, by paired "
        "bootstrap, and of seeds, by Student's t. p-values are Holm-corrected for the number of pairs. A tie lies "
        "within the margin; not enough data means that it cannot be told, not that the two are equal."
    )
    if any(len(group.finished) == 1 for group in group_runs(results.records)):
        explanation += " With one seed of a strategy its chance is unknown: the verdict is about these weights only."
    return Section("Pair by pair", [Paragraph(explanation), *tables])


def figures(results: Results) -> Section:
    """All figures that could be drawn."""
    return Section("Figures", [Image(picture.svg, picture.shows) for picture in results.pictures])


def costs(results: Results) -> Section:
    """Where the time of each strategy went."""
    groups = [group for group in group_runs(results.records) if group.finished]
    rows = [
        [
            group.label,
            quantities.seconds(group.mean(lambda run: run.train_seconds)),
            quantities.seconds(group.mean(lambda run: run.evaluate_seconds)),
            quantities.seconds(group.mean(lambda run: run.cache_seconds)),
            quantities.count(group.mean(lambda run: run.tokens_per_second)),
            quantities.operations(group.mean(lambda run: run.flops)),
            quantities.memory(group.mean(lambda run: run.peak_memory_bytes)),
            quantities.count(group.mean(lambda run: run.steps)),
            quantities.plain(group.mean(lambda run: run.learning_rate)),
            ", ".join(sorted({run.precision for run in group.finished if run.precision})),
        ]
        for group in groups
    ]
    header = ["strategy", "training", "evaluation", "cache", "tokens / s", "compute", "peak memory", "steps"]
    table = Table(
        [*header, "learning rate", "precision"],
        rows,
        "Mean over seeds. Training is optimisation only: evaluation, filling the cache and saving are not in it.",
        texts=frozenset({len(header) + 1}),
    )
    return Section("Costs", [table] if rows else [])


def _pairs_table(split: str, entries: list[Mapping[str, Any]], folded: str = "") -> Table:
    several_models = len({entry.get("model_name") for entry in entries}) > 1
    header = ["a", "b", *(["model"] if several_models else []), "difference", "interval", "p", "verdict"]
    rows = [
        [
            str(entry.get("a")),
            str(entry.get("b")),
            *([str(entry.get("model_name"))] if several_models else []),
            _signed(entry.get("difference")),
            _interval(entry),
            _p_value(entry.get("p_value")),
            _verdict(entry),
        ]
        for entry in entries
    ]
    metric = str(entries[0].get("metric") or "score").replace("_", " ")
    texts = {1, 2, len(header) - 1} if several_models else {1, len(header) - 1}
    decided = {(i, len(header) - 1) for i, entry in enumerate(entries) if entry.get("verdict") in ("better", "worse")}
    return Table(header, rows, f"{split}: {metric}", frozenset(decided), frozenset(texts), folded)


def _verdict(entry: Mapping[str, Any]) -> str:
    return {
        "better": f"{entry.get('a')} is better",
        "worse": f"{entry.get('b')} is better",
        "tie": "tie: as good as equal",
        "not enough data": "not enough data",
    }.get(str(entry.get("verdict")), "")


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"


def _interval(entry: Mapping[str, Any]) -> str:
    low, high = entry.get("low"), entry.get("high")
    return "" if low is None or high is None else f"{low:+.4f} to {high:+.4f}"


def _p_value(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
