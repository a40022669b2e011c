"""One run: one strategy with one seed, from the pretrained weights to a record and a saved, verified model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from unfreeze.acceleration.heap import trim_heap
from unfreeze.acceleration.ranks import Apart
from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.learnt_nothing import learnt_nothing
from unfreeze.experiments.model_card import model_card
from unfreeze.experiments.options import rate_source
from unfreeze.experiments.prepare import Prepared
from unfreeze.experiments.save_verified import save_verified
from unfreeze.experiments.trained_record import with_progress, with_training
from unfreeze.models.extensions import loading_notes
from unfreeze.models.vocabulary import vocabulary_sha256
from unfreeze.settings import Settings
from unfreeze.storage.atomic import remove_leftovers, write_json
from unfreeze.storage.lines import write_lines
from unfreeze.storage.records import METRICS_FILE, PREDICTIONS_FILE, RunRecord, write_record
from unfreeze.strategies import Strategy
from unfreeze.training.frozen_outputs import knowing
from unfreeze.training.loop import Trainer
from unfreeze.training.meter import peak_memory_bytes, reset_peak_memory
from unfreeze.training.result import Progress
from unfreeze.training.shared_checkpoints import checkpoints_in
from unfreeze.training.step import Diverged
from unfreeze.training.stopping import AskedToStop, raise_if_asked_to_stop, signals_noted


def run(
    strategy: Strategy,
    seed: int,
    prepared: Prepared,
    settings: Settings,
    folder: Path,
    *,
    output: Path,
    data_name: str,
    data_sha256: str | None = None,
    learning_rate: float | None = None,
    train_share: float | None = None,
    own_process: bool = False,
    runs_at_once: int = 1,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> RunRecord:
    """Train, evaluate, save and verify; the record is written last and says the run is finished.

    A run whose loss is no longer finite is recorded as diverged, not raised. Of several processes the first one writes.

    Args:
        learning_rate: what a search found, in place of the strategy's.
        train_share: the share of the training data that `prepared` has been cut to; None: all of it.
        own_process: nothing else ran in this process before, so its peak memory is that of the run.
    """
    remove_leftovers(folder)
    device = prepared.collator.device
    if device != "cpu":
        reset_peak_memory(device)
    ranks = prepared.ranks
    checkpoints = checkpoints_in(folder / "checkpoints", settings.save_steps, ranks)
    trainer = build_trainer(
        strategy,
        seed,
        prepared,
        settings,
        checkpoints,
        learning_rate=learning_rate,
        on_progress=on_progress,
    )
    record = replace(
        first_record(trainer, strategy, prepared, settings, data_sha256, learning_rate),
        train_share=train_share,
        runs_at_once=runs_at_once,
    )
    with signals_noted():
        try:
            record = _train_and_save(trainer, record, prepared, settings, folder, output, data_name, own_process)
        except Diverged as error:
            checkpoints.forget_what_is_not_whole()
            record = replace(with_progress(record, trainer.result), status="diverged", error=str(error))
            if ranks.leads:
                write_record(folder, record)
            return record
        except (AskedToStop, Apart):
            trainer.keep_end()
            raise
        checkpoints.forget()
    return record


def _train_and_save(
    trainer: Trainer,
    record: RunRecord,
    prepared: Prepared,
    settings: Settings,
    folder: Path,
    output: Path,
    data_name: str,
    own_process: bool,
) -> RunRecord:
    result = trainer.train(prepared.train.encoded.features)
    device = prepared.collator.device
    record, evaluations = _evaluated(record, trainer, prepared)
    prepared = replace(prepared, task=evaluations["validation"].task)
    trainer.network.config.unfreeze = prepared.usage(settings)
    begin = time.perf_counter()
    raise_if_asked_to_stop(prepared.ranks)  # from here on it is a matter of seconds
    if not prepared.ranks.leads:
        return record
    trim_heap()  # a second network is loaded now
    save_verified(trainer, prepared, folder / "model", model_card(record, prepared, data_name))
    write_lines(folder / METRICS_FILE, result.state.history)
    write_lines(folder / PREDICTIONS_FILE, _prediction_rows(prepared, evaluations))
    for name, content in _task_files(prepared, evaluations).items():
        write_json(folder / name, content)
    record = replace(
        record,
        model=str((folder / "model").relative_to(output)),
        save_seconds=round(result.save_seconds + time.perf_counter() - begin, 3),
        disk_bytes=folder_bytes(folder / "model"),
        peak_memory_bytes=peak_memory_bytes(device) if own_process or device != "cpu" else None,
    )
    write_record(folder, record)
    return record


def first_record(
    trainer: Trainer,
    strategy: Strategy,
    prepared: Prepared,
    settings: Settings,
    data_sha256: str | None,
    learning_rate: float | None,
) -> RunRecord:
    """What is known of a run before its first step."""
    import torch

    options, trainables = trainer.options, trainer.trainables
    trained, total = trainables.count(trainer.network)
    return RunRecord(
        strategy=str(strategy),
        seed=options.seed,
        model_name=prepared.model_name,
        task=prepared.task.name,
        status="done",
        train_examples=len(prepared.train.examples),
        data_sha256=data_sha256,
        teacher=None if strategy.teaching is None else strategy.teaching.teacher,
        vocabulary_sha256=vocabulary_sha256(prepared.tokenizer),
        learning_rate=options.learning_rate,
        learning_rate_from=rate_source(strategy, settings, learning_rate),
        budget=settings.budget,
        trainable_parameters=trained,
        total_parameters=total,
        trains=trainables.describe(trainer.network),
        num_layers=trainables.anatomy.num_layers,
        epochs_planned=None if options.max_seconds is not None else options.epochs,
        selection_metric=prepared.metric,
        threads=torch.get_num_threads() if prepared.collator.device == "cpu" else None,
        processes=prepared.ranks.world,
        precision=prepared.speedups.precision.name,
        notes=[
            *prepared.notes,
            *loading_notes(trainer.network.config),
            *trainer.speedups.beyond_rounding(trainer.network, prepared.collator.device),
        ],
    )


def _evaluated(record: RunRecord, trainer: Trainer, prepared: Prepared) -> tuple[RunRecord, dict[str, Evaluation]]:
    """The record with what training measured and the scores of the selected weights on every split."""
    result = trainer.result
    assert result.best is not None  # the last step is always evaluated
    evaluations = {"validation": result.best}
    evaluator = replace(prepared.evaluator, task=result.best.task, between=raise_if_asked_to_stop)
    begin = time.perf_counter()
    with knowing(trainer, [one.encoded.features for one in prepared.tests.values()], make=trainer.prefix is not None):
        evaluations |= {name: evaluator.evaluate(trainer.network, one) for name, one in prepared.tests.items()}
    test_seconds = time.perf_counter() - begin
    main_test = next(iter(prepared.tests), None)
    record = replace(
        with_training(record, result),
        test_seconds=round(test_seconds, 3) if prepared.tests else None,
        notes=[
            *record.notes,
            *([trainer.prefix.described()] if trainer.prefix is not None else []),
            *result.state.notes,
        ],
        tokens_per_second=round(result.state.tokens / result.train_seconds, 1),
        converged=result.converged,
        degenerate=degenerate_on_validation(prepared, evaluations["validation"]),
        validation=evaluations["validation"].metrics,
        test=evaluations[main_test].metrics if main_test else {},
        tests={name: evaluations[name].metrics for name in prepared.tests if name != main_test},
        breakdown=evaluations[main_test or "validation"].breakdown,
    )
    return record, evaluations


def degenerate_on_validation(prepared: Prepared, evaluation: Evaluation) -> str | None:
    """Why the validation predictions show that nothing was learnt; None if they do not."""
    task, examples = prepared.task, prepared.validation.examples
    gold = [task.gold(example) for example in examples]
    rows = [one.as_json(row) for row, one in zip(gold, evaluation.predictions, strict=True) if row is not None]
    compared = [one for row in rows if (one := task.comparable(row)) is not None]
    return learnt_nothing([row["gold"] for row in rows], [row["predicted"] for row in rows], compared, task.unit)


def folder_bytes(folder: Path) -> int:
    """What all files in a folder take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _task_files(prepared: Prepared, evaluations: dict[str, Evaluation]) -> dict[str, Any]:
    """Name -> content; named as the stock examples do, "eval" for validation and "predict" for test."""
    prefixes = {"validation": "eval", "test": "predict"}
    return {
        f"{prefixes.get(name, name)}_{file}.json": content
        for name, evaluation in evaluations.items()
        for file, content in prepared.task.files(prepared.splits[name].examples, evaluation.predictions).items()
    }


def _prediction_rows(prepared: Prepared, evaluations: dict[str, Evaluation]) -> list[dict[str, Any]]:
    return [
        {"split": name, **prediction.as_json(prepared.task.gold(example))}
        for name, evaluation in evaluations.items()
        for example, prediction in zip(prepared.splits[name].examples, evaluation.predictions, strict=True)
    ]
