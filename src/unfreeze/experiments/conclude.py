"""From the records of finished runs to verdicts, a recommendation and `comparison.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unfreeze.metrics.resampling import RESAMPLED_METRICS, example_counts, score_of_counts
from unfreeze.statistics.candidates import candidates_from_runs
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.statistics.recommend import recommend
from unfreeze.storage.atomic import write_json, write_text
from unfreeze.storage.folders import BEST_FILE
from unfreeze.storage.records import (
    COMPARISON_FILE,
    SCHEMA_VERSION,
    RunRecord,
    find_runs,
    read_predictions,
    read_record,
)


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


def conclude(output: Path, data: dict[str, Any], notes: Sequence[str], *, pairs: bool = True) -> Comparison:
    """Compare what is recorded in a folder and write `comparison.json` and `best`; `pairs=False` spares the tests."""
    records = [read_record(folder) for folder in find_runs(output)]
    done = [record for record in records if record.status == "done"]
    metric = next((record.selection_metric for record in records if record.selection_metric), None)
    comparisons: list[dict[str, Any]] = []
    main_test = next((name for name in data["sizes"] if name not in ("train", "validation")), None)
    if metric in RESAMPLED_METRICS and pairs:
        for model in dict.fromkeys(record.model_name for record in done):
            ours = [record for record in done if record.model_name == model]
            for split, rows_of in (("validation", "validation"), ("test", main_test)):
                comparisons += _pairs(output, ours, model, split, metric, rows_of)
    elif metric is not None and pairs:
        notes = [*notes, f"{metric}: no pairwise tests, which there are for {', '.join(RESAMPLED_METRICS)}"]
    runs = [asdict(record) for record in records]
    recommendation = recommend(candidates_from_runs(runs, str(metric)), comparisons, metric=str(metric))
    chosen = recommendation.strategy
    summary = {
        "schema_version": SCHEMA_VERSION,
        "task": records[0].task if records else None,
        "data": data,
        "model": list(dict.fromkeys(record.model_name for record in records)),
        "selection_metric": metric,
        "recommendation": {
            "strategy": chosen,
            "model_name": recommendation.model_name,
            "reasons": recommendation.reasons,
        },
        "comparisons": comparisons,
        "notes": list(notes),
        "runs": runs,
    }
    write_json(output / COMPARISON_FILE, summary)
    if chosen is not None and metric is not None:
        ours = [r for r in done if (r.strategy, r.model_name) == (chosen, recommendation.model_name)]
        best = max(ours, key=lambda record: record.validation[metric])
        assert best.model is not None
        write_text(output / BEST_FILE, str(Path(best.model).parent) + "\n")
    return Comparison(output, records, summary)


def _pairs(
    output: Path, records: Sequence[RunRecord], model: str, split: str, metric: str, rows_of: str | None
) -> list[dict[str, Any]]:
    """All pairs of strategies on one split; `rows_of` is its name in the predictions (a test set may have its own)."""
    rows: dict[str, list[list[dict[str, Any]]]] = {}
    for record in records:
        assert record.model is not None
        predictions = read_predictions((output / record.model).parent, rows_of) if rows_of else []
        if predictions:
            rows.setdefault(record.strategy, []).append(predictions)
    labels = _all_labels(rows)
    counts = {
        strategy: np.stack(
            [example_counts(metric, [r["gold"] for r in one], [r["predicted"] for r in one], labels) for one in by_seed]
        )
        for strategy, by_seed in rows.items()
    }
    if len(counts) < 2:
        return []
    return compare_pairs(
        counts, lambda totals: score_of_counts(metric, totals), model_name=model, split=split, metric=metric
    )


def _all_labels(rows: dict[str, list[list[dict[str, Any]]]]) -> list[str]:
    """Every label in any prediction, so that the counts of all strategies line up."""
    found: set[str] = set()
    for by_seed in rows.values():
        for one in by_seed:
            for row in one:
                for side in (row["gold"], row["predicted"]):
                    found.update([side] if isinstance(side, str) else side)
    return sorted(found)
