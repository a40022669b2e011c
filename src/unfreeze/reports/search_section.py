"""Which learning rates were tried and which was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Paragraph, Section, Table
from unfreeze.reports.results import Results


def learning_rates(results: Results) -> Section:
    """The search of each strategy: what was chosen, whether at the edge of the range, the cost, and every trial."""
    entries = results.entries("search")
    if not entries:
        return Section("Learning rates", [])
    budgets = {str(one["budget"]) for one in entries if one.get("budget")}
    explanation = (
        "Every strategy tried several rates on validation; all began with a part of a run's training, and the better "
        "ones started again with more of it. The strategy's runs then used the best."
    )
    if len(budgets) == 1:
        explanation += f" Each search was given {budgets.pop()}."
    seconds = [float(one["train_seconds"]) for one in entries if one.get("train_seconds") is not None]
    if seconds:
        explanation += f" All searches together trained for {quantities.seconds(sum(seconds))}."
    blocks: list[Block] = [Paragraph(explanation)]
    edges = [results.name_model(one) + str(one.get("sentence")) for one in entries if one.get("edge")]
    if edges:
        blocks += [Paragraph("At the edge of what was tried, so perhaps not the best there is:"), Bullets(edges)]
    failed = [results.name_model(one) + str(one.get("sentence")) for one in entries if one.get("chosen") is None]
    if failed:
        blocks += [Paragraph("No rate was found:"), Bullets(failed)]
    blocks.append(_chosen(entries, results))
    if any(one.get("trials") for one in entries):
        blocks.append(_trials(entries, results))
    return Section("Learning rates", blocks)


def _chosen(entries: Sequence[Mapping[str, Any]], results: Results) -> Table:
    rows = []
    for one in entries:
        trials = one.get("trials") or ()
        tried = sorted({float(trial["learning_rate"]) for trial in trials if trial.get("learning_rate") is not None})
        rows.append(
            [
                results.label(one),
                quantities.plain(one.get("chosen")) or "its own",
                ", ".join(map(quantities.plain, tried)),
                f"{one['edge']} tried" if one.get("edge") else "",
                quantities.seconds(one.get("train_seconds")),
            ]
        )
    edges = any(row[3] for row in rows)
    header = ["strategy", "chosen", "tried", *(["at the edge"] if edges else []), "training of the search"]
    rows = rows if edges else [[*row[:3], row[4]] for row in rows]
    return Table(header, rows, texts=frozenset({2, 3} if edges else {2}))


def _trials(entries: Sequence[Mapping[str, Any]], results: Results) -> Table:
    """One line for each rate, one column for each round."""
    trials = [trial for one in entries for trial in one.get("trials") or ()]
    shares = sorted({float(trial["share"]) for trial in trials if trial.get("share") is not None})
    rows: list[list[str]] = []
    marked = set()
    for one in entries:
        by_rate: dict[float, dict[float, Mapping[str, Any]]] = {}
        for trial in one.get("trials") or ():
            if trial.get("learning_rate") is not None and trial.get("share") is not None:
                by_rate.setdefault(float(trial["learning_rate"]), {})[float(trial["share"])] = trial
        for rate in sorted(by_rate):
            if rate == one.get("chosen"):
                marked.add((len(rows), 1))
            cells = [_outcome(by_rate[rate].get(share)) for share in shares]
            rows.append([results.label(one), quantities.plain(rate), *cells])
    header = [
        "strategy",
        "learning rate",
        *(f"with {quantities.percent(share)} of a run's training" for share in shares),
    ]
    caption = f"Validation {results.metric.replace('_', ' ') or 'score'} of each trial; the chosen rate is marked."
    return Table(header, rows, caption, frozenset(marked), folded=f"All {len(trials)} trials")


def _outcome(trial: Mapping[str, Any] | None) -> str:
    if trial is None:
        return ""
    score = quantities.score(trial.get("score")) or str(trial.get("status") or "")
    remarks = [f"{quantities.count(trial['steps'])} steps"] if trial.get("steps") else []
    if trial.get("degenerate"):
        remarks.append("learnt nothing")
    return f"{score} ({', '.join(remarks)})" if remarks else score
