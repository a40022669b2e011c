"""How a run is called on the screen, and what came of it, in words."""

from __future__ import annotations

from collections.abc import Mapping

from unfreeze.experiments.cell import Cell
from unfreeze.storage.records import RunRecord

# The scores people look for first.
SHOWN = ("accuracy", "macro_f1", "entity_f1", "micro_f1", "exact_match", "f1", "pearson", "mae", "loss")


def run_name(cell: Cell, *, seed: bool = True) -> str:
    """What tells a run from the others: strategy and seed, the rate of a trial, the share of the data."""
    parts = [str(cell.strategy)]
    if cell.is_trial:
        parts += [f"learning rate {cell.learning_rate:g}", f"{100 * cell.share:g} % of a run"]
    if cell.train_share is not None:
        parts.append(f"on {100 * cell.train_share:g} % of the data")
    return " ".join([*parts, *([f"seed {cell.seed}"] if seed else [])])


def outcome(record: RunRecord) -> str:
    """The score of a finished run with what has to be known of it, or why there is none."""
    metric = record.selection_metric
    if record.status != "done" or metric is None:
        return f"{record.status}: {record.error}"
    rising = "" if record.converged is not False else ", not converged: still rising at the last evaluation"
    learnt = "" if record.degenerate is None else f", learnt nothing: {record.degenerate}"
    took = "" if record.fit_seconds is None else f", trained {record.fit_seconds:.1f} s"
    return f"validation {metric} {record.validation[metric]:.4f} at epoch {record.best_epoch:g}{took}{rising}{learnt}"


def headline(metrics: Mapping[str, float]) -> str:
    """Whichever of the scores people look for first the task has.

    >>> headline({"loss": 0.5, "macro_f1": 0.71234, "support": 3})
    'macro_f1 0.7123, loss 0.5000'
    """
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in SHOWN if name in metrics)
