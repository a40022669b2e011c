"""What is told of a run: under which names its choices, its curves and its results appear at every tracker."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from unfreeze.experiments.bench import Bench
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.options import options_for
from unfreeze.experiments.trackers.tracker import Parameter
from unfreeze.storage.records import RunRecord
from unfreeze.training.result import Progress

# Fields of a record, under their own names; what was not measured is left out.
PARAMETERS = (
    *("learning_rate_from", "train_examples", "budget", "trainable_parameters", "total_parameters", "num_layers"),
    *("epochs_planned", "precision"),
)
COSTS = (
    *("fit_seconds", "train_seconds", "evaluate_seconds", "cache_seconds", "seconds_to_best", "test_seconds"),
    *("save_seconds", "tokens_per_second"),
    *("flops", "peak_memory_bytes", "disk_bytes", "steps", "epochs_run", "best_epoch"),
)


def comparison_parameters(bench: Bench) -> dict[str, Parameter]:
    """What all runs of the comparison share."""
    shared = {"data": bench.data_name, "data_sha256": bench.data_sha256}
    return shared | {name: _plain(value) for name, value in bench.settings.of_a_run().items() if value is not None}


def run_parameters(cell: Cell, bench: Bench) -> dict[str, Parameter]:
    """What is known of a run before it begins."""
    metric = bench.prepared[cell.model].metric
    options = options_for(cell.strategy, cell.seed, bench.settings, metric, learning_rate=cell.learning_rate)
    known: dict[str, Parameter] = {"strategy": str(cell.strategy), "seed": cell.seed, "model_name": cell.model}
    known["learning_rate"] = options.learning_rate
    return known if cell.train_share is None else known | {"train_share": cell.train_share}


def recorded_parameters(record: RunRecord) -> dict[str, Parameter]:
    """What is known of a run once it has been built."""
    return {name: value for name in PARAMETERS if (value := getattr(record, name)) is not None}


def step_metrics(progress: Progress) -> dict[str, float]:
    """Of one step, or of one evaluation."""
    if progress.metrics is None:
        return _finite({"train/loss": progress.loss, "train/learning_rate": progress.learning_rate})
    return _evaluated(progress.epoch, progress.loss, progress.metrics)


def evaluation_metrics(entry: Mapping[str, Any]) -> dict[str, float]:
    """The same of an entry of a record's history."""
    return _evaluated(entry["epoch"], entry["train_loss"], entry["validation"])


def result_metrics(record: RunRecord) -> dict[str, float]:
    """The scores of the selected weights, and what the run cost."""
    values = {f"selected/{name}": value for name, value in record.validation.items()}
    values |= {f"test/{name}": value for name, value in record.test.items()}
    values |= {f"test/{split}/{name}": value for split, one in record.tests.items() for name, value in one.items()}
    return _finite(values | {f"cost/{name}": getattr(record, name) for name in COSTS})


def run_facts(record: RunRecord) -> dict[str, str]:
    """How a run ended, in words."""
    facts = {"status": record.status, "error": record.error or ""}
    facts |= {"trains": record.trains} if record.trains else {}
    return facts | ({"learnt_nothing": record.degenerate} if record.degenerate else {})


def comparison_facts(comparison: Comparison) -> dict[str, str]:
    """What the comparison came to, in words."""
    recommendation = comparison.summary["recommendation"]
    strategies = list(dict.fromkeys(record.strategy for record in comparison.records))
    statuses = [record.status for record in comparison.records]
    reasons = "\n".join(f"- {reason}" for reason in recommendation["reasons"])
    chosen = recommendation["strategy"] or "none"
    return {
        "recommended": chosen,
        "recommendation": f"recommended: {chosen}\n\n{reasons}",
        "strategies": " ".join(strategies),
        "models": " ".join(comparison.summary["model"]),
        "runs": ", ".join(f"{statuses.count(one)} {one}" for one in dict.fromkeys(statuses)),
    }


def _evaluated(epoch: float, loss: float | None, metrics: Mapping[str, float]) -> dict[str, float]:
    scores = {f"validation/{name}": value for name, value in metrics.items()}
    return _finite({"epoch": epoch, "train/epoch_loss": loss, **scores})


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    """Without what was not measured, and without what no chart can show."""
    return {name: float(value) for name, value in values.items() if value is not None and isfinite(value)}


def _plain(value: Any) -> Parameter:
    return value if isinstance(value, str | int | float | bool) else str(value)
