"""One run: one strategy with one seed, from the pretrained weights to a record and a saved, verified model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from unfreeze.evaluation.evaluate import Evaluation, Split
from unfreeze.experiments.model_card import model_card
from unfreeze.experiments.prepare import Prepared
from unfreeze.inference.predictor import load_predictor
from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.extensions import loading_notes
from unfreeze.models.load import load_network
from unfreeze.models.save import merged_folder, save_model
from unfreeze.settings import Settings
from unfreeze.storage.lines import write_lines
from unfreeze.storage.records import METRICS_FILE, PREDICTIONS_FILE, RunRecord, write_record
from unfreeze.strategies import Strategy
from unfreeze.training.checkpoint import drop_weights
from unfreeze.training.loop import Diverged, Progress, Trainer, TrainingOptions
from unfreeze.training.meter import peak_memory_bytes, reset_peak_memory
from unfreeze.training.parameters import Trainables

# Outputs of a reloaded model may differ by this share of the largest one: a merged adapter rounds once more.
RELOAD_TOLERANCE = 1e-3


class ReloadError(RuntimeError):
    """A saved model does not give the outputs of the trained one."""


def options_for(strategy: Strategy, seed: int, settings: Settings, metric: str) -> TrainingOptions:
    """The loop's options: the user's settings, with the strategy's defaults where the user set none."""
    shared = {f.name for f in fields(TrainingOptions)} & set(Settings.model_fields)
    values: dict[str, Any] = {name: getattr(settings, name) for name in shared}
    values["epochs"] = settings.epochs or strategy.epochs
    values["learning_rate"] = settings.learning_rate or strategy.learning_rate
    values["metric_for_best_model"] = metric
    values["seed"] = seed
    return TrainingOptions(**values)


def run(
    strategy: Strategy,
    seed: int,
    prepared: Prepared,
    settings: Settings,
    folder: Path,
    *,
    output: Path,
    data_name: str,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> RunRecord:
    """Train, evaluate, save and verify; the record is written last and says the run is finished.

    A run whose loss is no longer finite is recorded as diverged, not raised.
    """
    task, device = prepared.task, prepared.collator.device
    measures_memory = reset_peak_memory(device)
    loaded = load_network(prepared.model_name, task.auto_class, seed, **prepared.config_overrides)
    network = loaded.network
    network.config.unfreeze = prepared.usage(settings)
    anatomy = take_anatomy(network)
    strategy.refuse(anatomy)
    strategy.adapt(network, anatomy)
    network.to(device)
    options = options_for(strategy, seed, settings, prepared.metric)
    trainables = Trainables(strategy, anatomy, loaded.new_parameters, options.epochs)
    trained, total = trainables.count(network)
    record = RunRecord(
        strategy=str(strategy),
        seed=seed,
        model_name=prepared.model_name,
        task=task.name,
        status="done",
        train_examples=len(prepared.train.examples),
        learning_rate=options.learning_rate,
        trainable_parameters=trained,
        total_parameters=total,
        trains=trainables.describe(network),
        epochs_planned=options.epochs,
        selection_metric=prepared.metric,
        precision=prepared.evaluator.precision.name,
        notes=[*prepared.notes, *loading_notes(network.config)],
    )
    trainer = Trainer(
        network,
        trainables,
        task,
        prepared.collator,
        prepared.evaluator.precision,
        options,
        lambda current: prepared.evaluator.evaluate(current, prepared.validation),
        folder / "checkpoints",
        prepared.label_weights,
        on_progress,
    )
    try:
        result = trainer.train(prepared.train.encoded.features)
    except Diverged as error:
        drop_weights(folder / "checkpoints")
        partial = trainer.result
        record = replace(
            record, status="diverged", error=str(error), steps=partial.steps, epochs_run=partial.epochs_run
        )
        record = replace(record, history=partial.history)
        write_record(folder, record)
        return record

    assert result.best is not None  # the last step is always evaluated
    evaluations = {"validation": result.best}
    evaluations |= {name: prepared.evaluator.evaluate(network, split) for name, split in prepared.tests.items()}
    main_test = next(iter(prepared.tests), None)
    record = replace(
        record,
        epochs_run=result.epochs_run,
        steps=result.steps,
        train_seconds=round(result.train_seconds, 3),
        seconds_to_best=None if result.seconds_to_best is None else round(result.seconds_to_best, 3),
        evaluate_seconds=round(result.evaluate_seconds, 3),
        tokens_per_second=round(result.tokens / result.train_seconds, 1),
        flops=result.flops,
        peak_memory_bytes=peak_memory_bytes(device) if measures_memory else None,
        best_epoch=result.best_epoch,
        converged=result.converged,
        validation=evaluations["validation"].metrics,
        test=evaluations[main_test].metrics if main_test else {},
        tests={name: evaluations[name].metrics for name in prepared.tests if name != main_test},
        breakdown=evaluations[main_test].breakdown if main_test else {},
        history=result.history,
        model=str((folder / "model").relative_to(output)),
    )
    save_model(
        network.cpu(),
        prepared.tokenizer,
        folder / "model",
        base=prepared.path,
        auto_class=task.auto_class,
        peft_type=task.peft_type,
        trained=[name for name, _ in network.named_parameters() if trainables.ever_trains(name)],
        card=model_card(record, prepared, data_name),
    )
    verify_saved(network, folder / "model", prepared)
    drop_weights(folder / "checkpoints")
    write_lines(folder / METRICS_FILE, result.history)
    write_lines(folder / PREDICTIONS_FILE, _prediction_rows(prepared, evaluations))
    write_record(folder, record)
    return record


def verify_saved(network: Any, folder: Path, prepared: Prepared) -> None:
    """Reload what was saved and compare its outputs with the trained network's on real inputs.

    Raises:
        ReloadError: an output differs by more than rounding.
    """
    import torch

    batch = replace(prepared.collator, device="cpu")(prepared.validation.encoded.features[:8])
    with torch.inference_mode():
        expected = network(**batch.inputs).logits
        allowed = RELOAD_TOLERANCE * max(1.0, float(expected.abs().max()))
        for saved in (folder, merged_folder(folder)):
            if saved.is_dir():
                reloaded = load_predictor(saved, task=prepared.task, device="cpu").network
                difference = float((reloaded(**batch.inputs).logits - expected).abs().max())
                if not difference <= allowed:
                    raise ReloadError(f"{saved}: reloaded, its outputs differ by {difference:g}")


def _prediction_rows(prepared: Prepared, evaluations: dict[str, Evaluation]) -> list[dict[str, Any]]:
    splits: dict[str, Split] = {"validation": prepared.validation, **prepared.tests}
    return [
        {"split": name, **prediction.as_json(prepared.task.gold(example))}
        for name, evaluation in evaluations.items()
        for example, prediction in zip(splits[name].examples, evaluation.predictions, strict=True)
    ]
