"""The sections that answer: which strategy, how many layers, how good each one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Paragraph, Section, Table
from unfreeze.reports.groups import state
from unfreeze.reports.leaderboard import Column, Row, best_rows, columns, leaderboard
from unfreeze.reports.results import Results
from unfreeze.storage.records import RunRecord

_MOST_CHANGES = 3  # beyond these they are folded


def verdict(results: Results) -> Section:
    """The recommendation, its reasons, what would change it, and whether more seeds were called for."""
    recommendation = results.comparison.get("recommendation") or {}
    strategy = recommendation.get("strategy")
    reasons = [str(reason) for reason in recommendation.get("reasons") or ()]
    changes = [str(change) for change in recommendation.get("what_would_change") or ()]
    to_come = results.comparison.get("to_come")
    if not results.comparison or to_come is not None:
        return Section("Verdict", _unfinished(to_come, reasons))
    if strategy:
        model = recommendation.get("model_name")
        first: Block = Paragraph(
            f"Use {strategy} on {model}." if model and results.has_several_models else f"Use {strategy}.", True
        )
    else:
        first = Paragraph("No strategy can be recommended.", strong=True)
    blocks: list[Block] = [first, *([Paragraph(_paragraph(reasons))] if reasons else [])]
    if changes:
        blocks += [Paragraph("What would change this:"), Bullets(changes[:_MOST_CHANGES])]
    if more := changes[_MOST_CHANGES:]:
        blocks.append(Bullets(more, folded=f"{len(more)} more"))
    seeds = (results.comparison.get("until_decided") or {}).get("sentence")
    if seeds:
        blocks.append(Paragraph(f"Seeds until decided. {seeds}"))
    return Section("Verdict", blocks)


def _unfinished(to_come: int | None, reasons: Sequence[str]) -> list[Block]:
    runs = "1 run was" if to_come == 1 else f"{to_come} runs were"
    missing = f": {runs} still to come" if to_come else ""
    said = "Below is what its finished runs tell. The same command goes on, and tests all pairs at the end."
    blocks: list[Block] = [Paragraph(f"The comparison was not finished{missing}.", strong=True), Paragraph(said)]
    return [*blocks, *([Paragraph(f"So far: {_paragraph(reasons)}")] if reasons else [])]


def layers(results: Results) -> Section:
    """Quality by trained layers with the linear probe beside it, and the fewest that keep up with full in words."""
    sweeps = {str(one.get("model_name")): one for one in results.entries("sweep")}
    probes = {str(one.get("model_name")): one for one in results.entries("probe")}
    blocks: list[Block] = []
    for model in dict.fromkeys([*sweeps, *probes]):
        sweep, probe = sweeps.get(model, {}), probes.get(model)
        answer = (sweep.get("answer") or {}).get("sentence")
        if answer:
            blocks.append(Paragraph(results.name_model(sweep) + str(answer), strong=True))
        blocks += [
            picture.image(f" {answer}" if answer else "")
            for picture in results.pictures_of("sweep")
            if picture.of == model
        ]
        blocks += [Paragraph(_read_sweep(sweep, results.comparison.get("margin")))] if sweep.get("points") else []
        blocks += [Paragraph(_read_probe(probe, bool(sweep.get("points"))))] if probe else []
    return Section("How many layers need to train", blocks)


def scores(results: Results) -> Section:
    """The leaderboard."""
    rows = leaderboard(results.records, results.entries("speeds"))
    shown = columns(rows)
    marked = {(row, 1 + i) for i, column in enumerate(shown) for row in best_rows(column, rows)}
    marked = marked if results.are_comparable else set()
    marked |= {(i, 0) for i, row in enumerate(rows) if _is_recommended(row, results)}
    words = {1 + i for i, column in enumerate(shown) if column.title in ("converged", "status")}
    caption = (
        "Scores: mean over seeds ± half of the 95 % interval (Student's t). Training time: of optimisation, the "
        "evaluations in it and, for frozen layers, filling their cache, as if each run stood alone; time to best: that "
        "up to the selected evaluation; both are means over seeds. Time saved: against full; "
        '"not told apart" where some run of one took as long as some run of the other. An empty cell was not measured.'
    )
    if results.are_comparable:
        caption += (
            " Marked are the recommended strategy and the best mean of each column: Pair by pair says which "
            "differences are more than chance."
        )
    table = Table(
        ["strategy", *(column.title for column in shown)],
        [[row.label, *(column.text(row) for column in shown)] for row in rows],
        caption + _which_test(results) + _baseline(results.comparison.get("baseline") or {}),
        frozenset(marked),
        frozenset(words),
        values=[[row.label, *(_value(column, row) for column in shown)] for row in rows],
        descending=frozenset(1 + i for i, column in enumerate(shown) if column.better == "high"),
        title=_title(rows),
        name="leaderboard",
        paper=[0, *(1 + i for i, column in enumerate(shown) if _for_papers(column))],
    )
    counted = [run for group in results.groups for run in group.counted if state(run) != "done"]
    left_out = [run for run in results.records if state(run) != "done" and not any(run is one for one in counted)]
    blocks: list[Block] = [table] if rows else []
    blocks += [picture.image() for picture in results.pictures_of("leaderboard")]
    if left_out:
        blocks += [
            Paragraph("Runs that did not finish or learnt nothing; no mean above has them:"),
            Bullets([_what_became(run, results) for run in left_out]),
        ]
    if counted:
        blocks += [
            Paragraph("Runs that learnt nothing where another seed did; the means above have them, as it may happen:"),
            Bullets([_what_became(run, results) for run in counted]),
        ]
    return Section("Leaderboard", blocks)


def convergence(results: Results) -> Section:
    """How scores grew while training."""
    return Section("Convergence", [picture.image() for picture in results.pictures_of("convergence")])


def figures(results: Results) -> Section:
    """Figures against costs of a comparison that has no lists for them yet."""
    known = results.comparison.get("pareto") or not results.are_comparable
    shown = [] if known else results.pictures_of("pareto")
    return Section("Score against cost", [picture.image() for picture in shown])


def _paragraph(sentences: Sequence[str]) -> str:
    """
    >>> _paragraph(["a ties with b", "It is faster."])
    'a ties with b. It is faster.'
    """
    return " ".join(one if one.rstrip().endswith((".", "!", "?")) else f"{one}." for one in sentences)


def _title(rows: Sequence[Row]) -> str:
    several = " (scores: mean over seeds ± half of the 95 % interval)" if any(row.seeds > 1 for row in rows) else ""
    return f"Scores and costs of each strategy{several}"


def _is_recommended(row: Row, results: Results) -> bool:
    chosen = results.comparison.get("recommendation") or {}
    return (row.strategy, row.model_name) == (chosen.get("strategy"), chosen.get("model_name"))


def _for_papers(column: Column) -> bool:
    """Does a paper have room for it?"""
    return column.title.startswith(("validation ", "test ", "trainable ", "training time", "peak ", "texts "))


def _value(column: Column, row: Row) -> float | str | None:
    """What a cell of the leaderboard is sorted by."""
    value = column.value(row)
    if value is not None or column.better is not None:  # words in a column of numbers come last
        return value
    return column.text(row) or None


def _read_sweep(sweep: Mapping[str, Any], margin: float | None) -> str:
    alone = (
        "the head above embeddings that train"
        if sweep.get("embeddings") == "train"
        else "the head alone, with the pooler or last norm"
    )
    sentence = f"How to read it: 0 trained layers is {alone}, on the right every layer trains."
    if sweep.get("full") and margin:
        sentence += f" The dotted line is {sweep['full']}; in the grey band the mean is within {margin:g} of it."
    if any(point.get("low") is None for point in sweep["points"]):
        sentence += " A point without a bar has one seed."
    return sentence


def _read_probe(probe: Mapping[str, Any], beside_sweep: bool) -> str:
    said = "what a linear classifier makes of each layer's output before any training."
    said = f"Beside it, on the same scale, {said}" if beside_sweep else f"The figure shows {said}"
    if probe.get("what"):
        said += f" {probe['what']}"
    return said + (f" It took {quantities.seconds(probe['seconds'])}." if probe.get("seconds") is not None else "")


def _which_test(results: Results) -> str:
    """
    >>> _which_test(Results([]))
    ''
    """
    main = results.main_test
    if main == "test":
        return ""
    return f" Test scores are those on {main}, the first test set; the others stand under All test sets."


def _baseline(baseline: Mapping[str, Any]) -> str:
    if baseline.get("score") is None:
        return ""
    metric = str(baseline.get("metric") or "score").replace("_", " ")
    return (
        f" Always answering {baseline.get('label')}, the most frequent label, would score "
        f"{quantities.score(baseline['score'])} ({baseline.get('split')} {metric})."
    )


def _what_became(run: RunRecord, results: Results) -> str:
    """A run that is not simply done, by name, and the reason."""
    of = f" on {run.model_name}" if results.has_several_models else ""
    of += f", {quantities.percent(run.train_share)} of the training data" if run.train_share is not None else ""
    reason = run.degenerate if state(run) == "degenerate" else run.error
    return f"{run.strategy}{of}, seed {run.seed}: {state(run)}" + (f" ({reason})" if reason else "")
