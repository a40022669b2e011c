"""From the records of finished runs to verdicts, a recommendation and `comparison.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from unfreeze.data.examples import Example
from unfreeze.experiments.examples_to_read import examples_to_read
from unfreeze.experiments.predicted import Predicted, counts_in_tables
from unfreeze.experiments.sweep_answer import sweeps
from unfreeze.metrics.resampling import RESAMPLED_METRICS, example_counts, score_of_counts
from unfreeze.statistics.candidates import candidates_from_runs
from unfreeze.statistics.data_sizes import data_sizes
from unfreeze.statistics.degenerate import majority_baseline
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.statistics.pareto import pareto_strategies
from unfreeze.statistics.recommend import Recommendation, recommend
from unfreeze.statistics.time_to_quality import time_to_quality
from unfreeze.storage.atomic import write_json, write_text
from unfreeze.storage.folders import BEST_FILE
from unfreeze.storage.records import COMPARISON_FILE, SCHEMA_VERSION, RunRecord, find_runs, read_record

QUALITY_SHARE = 0.95  # of the best score: what "time to quality" is the time to


@dataclass(frozen=True)
class Comparison:
    """A finished comparison, read from its folder."""

    output: Path
    records: list[RunRecord]
    summary: dict[str, Any]

    @property
    def recommended(self) -> str | None:
        """The recommended strategy as typed, None if no run was finished."""
        value: str | None = self.summary["recommendation"]["strategy"]
        return value

    @property
    def best(self) -> Path:
        """The folder of the recommended strategy's best run on validation."""
        return self.output / (self.output / BEST_FILE).read_text(encoding="utf-8").strip()


def conclude(
    output: Path,
    data: dict[str, Any],
    notes: Sequence[str],
    *,
    pairs: bool = True,
    margin: float = 0.01,
    alpha: float = 0.05,
    extra: Mapping[str, Any] | None = None,
    texts_of: Callable[[str], Sequence[Example]] | None = None,
    train_labels: Sequence[Any] | None = None,
) -> Comparison:
    """Compare what is recorded in a folder and write `comparison.json` and `best`.

    Args:
        data: the entry `data`; its `sizes` name the splits: training data, validation, then the test sets.
        pairs: False spares the tests and what rests on them.
        margin: what counts as equal, in units of the metric.
        alpha: the level of this look.
        extra: entries that others made: `search`, `plan`, `probe`.
        texts_of: the examples of a split, for those worth reading.
        train_labels: labels or tags of the training data, for the score of always giving the most frequent one.
    """
    records = [read_record(folder) for folder in find_runs(output)]
    metric = next((record.selection_metric for record in records if record.selection_metric), None)
    main_test = next((name for name in data["sizes"] if name not in ("train", "validation")), None)
    read = main_test or "validation"
    comparisons: list[dict[str, Any]] = []
    baseline = None
    shown: dict[str, Predicted] = {}  # by model: the predictions on the split that is read
    if metric in RESAMPLED_METRICS and pairs:
        compare = partial(_pairs, metric=metric, margin=margin, alpha=alpha)
        for model in dict.fromkeys(record.model_name for record in records):
            ours = [record for record in records if record.model_name == model]
            for split, rows_of in (("validation", "validation"), ("test", main_test)):
                if rows_of is not None:
                    predicted = Predicted.read(output, ours, rows_of)
                    comparisons += compare(predicted, model, split)
                    shown[model] = predicted
        baseline = _baseline(shown.values(), read, train_labels, metric)
    elif metric is not None and pairs:
        notes = [*notes, f"{metric}: no pairwise tests, which there are for {', '.join(RESAMPLED_METRICS)}"]
    runs = [asdict(record) for record in records]
    candidates = candidates_from_runs([run for run in runs if run["train_share"] is None], str(metric))
    recommendation = recommend(candidates, comparisons, metric=str(metric), margin=margin)
    comparable = [asdict(record) for record in records if counts_in_tables(record)]
    target, times = time_to_quality(comparable, str(metric), share=QUALITY_SHARE)
    summary = {
        "schema_version": SCHEMA_VERSION,
        "task": records[0].task if records else None,
        "data": data,
        "model": list(dict.fromkeys(record.model_name for record in records)),
        "selection_metric": metric,
        "margin": margin,
        "alpha": alpha,
        "recommendation": asdict(recommendation),
        "comparisons": comparisons,
        "pareto": pareto_strategies(candidates),
        "sweep": sweeps(records, comparisons, str(metric), margin),
        "time_to_quality": {
            "metric": metric,
            "share": QUALITY_SHARE,
            "target": target,
            "strategies": [asdict(one) for one in times],
        },
        "data_sizes": _data_sizes(records, str(metric)),
        "baseline": baseline,
        **_examples(shown, recommendation.model_name, read, texts_of),
        **(extra or {}),
        "notes": list(notes),
        "runs": runs,
    }
    write_json(output / COMPARISON_FILE, summary)
    best = _best_run(records, recommendation, metric)
    if best is not None and best.model is not None:
        write_text(output / BEST_FILE, str(Path(best.model).parent) + "\n")
    return Comparison(output, records, summary)


def _pairs(
    predicted: Predicted, model: str, split: str, *, metric: str, margin: float, alpha: float
) -> list[dict[str, Any]]:
    """All pairs of strategies on one split: "test" is the main test set, which may have a name of its own."""
    if len(predicted.rows) < 2:
        return []
    return compare_pairs(
        predicted.counts(metric),
        partial(score_of_counts, metric),
        model_name=model,
        split=split,
        metric=metric,
        margin=margin,
        alpha=alpha,
    )


def _best_run(records: Sequence[RunRecord], recommendation: Recommendation, metric: str | None) -> RunRecord | None:
    """The best run of the recommended strategy; where none is recommended the best one there is, for what it is."""
    done = [one for one in records if one.status == "done" and one.train_share is None and metric in one.validation]
    wanted = (recommendation.strategy, recommendation.model_name)
    ours = [one for one in done if counts_in_tables(one) and (one.strategy, one.model_name) == wanted] or done
    return max(ours, key=lambda record: record.validation[str(metric)], default=None)


def _baseline(shown: Any, split: str, train_labels: Sequence[Any] | None, metric: str) -> dict[str, Any] | None:
    """What always giving the most frequent label of the training data scores."""
    gold: list[Any] = next((predicted.gold for predicted in shown if predicted.gold), [])
    rows = [row for row in train_labels or () if row is not None]

    def score(right: Sequence[Any], answers: Sequence[Any]) -> float:
        return float(score_of_counts(metric, example_counts(metric, right, answers).sum(0)))

    found = majority_baseline(rows, gold, score) if gold else None
    return None if found is None else {"split": split, "metric": metric, **asdict(found)}


def _data_sizes(records: Sequence[RunRecord], metric: str) -> list[dict[str, Any]]:
    """The learning curve of each strategy that ran on several sizes of the training data, on validation."""
    scores: dict[tuple[str, str], dict[int, list[float]]] = {}
    for record in records:
        if (
            record.status == "done"
            and record.degenerate is None
            and record.train_examples
            and metric in record.validation
        ):
            sizes = scores.setdefault((record.model_name, record.strategy), {})
            sizes.setdefault(record.train_examples, []).append(record.validation[metric])
    return [
        {"model_name": model, "metric": metric, **asdict(data_sizes(strategy, sizes))}
        for (model, strategy), sizes in scores.items()
        if len(sizes) > 1
    ]


def _examples(
    shown: Mapping[str, Predicted],
    model: str | None,
    split: str,
    texts_of: Callable[[str], Sequence[Example]] | None,
) -> dict[str, list[dict[str, Any]]]:
    if model is None or model not in shown:
        return {"disagreements": [], "label_suspects": []}
    return examples_to_read(shown[model], model, texts_of(split) if texts_of is not None else None)
