"""What the record of a run, or of a trial, takes over from its training."""

from __future__ import annotations

from dataclasses import replace

from unfreeze.storage.records import RunRecord
from unfreeze.training.result import TrainingResult


def with_progress(record: RunRecord, result: TrainingResult) -> RunRecord:
    """With how far the training came, which is known however it ended."""
    state = result.state
    return replace(record, epochs_run=state.epochs_begun, steps=state.step, history=state.history)


def with_training(record: RunRecord, result: TrainingResult) -> RunRecord:
    """With that, what it cost, and when it was best."""
    return replace(
        with_progress(record, result),
        train_seconds=round(result.train_seconds, 3),
        evaluate_seconds=round(result.evaluate_seconds, 3),
        cache_seconds=_rounded(result.cache_seconds),
        cache_fill_seconds=_rounded(result.state.cache_fill_seconds),
        fit_seconds=round(result.fit_seconds, 3),
        seconds_to_best=_rounded(result.state.seconds_to_best),
        flops=result.state.flops,
        best_epoch=result.state.best_epoch,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
