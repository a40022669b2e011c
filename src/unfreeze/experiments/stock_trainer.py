"""The training of one of our loops as the stock transformers Trainer makes it, to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.batching.features import Features
from unfreeze.batching.window_file import token_counts
from unfreeze.training.loop import Trainer
from unfreeze.training.timetable import Timetable

if TYPE_CHECKING:
    from torch import Tensor


STOCK_NAMES = {"constant": "constant_with_warmup"}  # ours warms up


def stock_batches(trainer: Trainer, features: Sequence[Features]) -> list[dict[str, Tensor]]:
    """The batches of our loop as the stock Trainer takes them."""
    options, lengths = trainer.options, token_counts(features)
    assert options.max_steps is not None
    timetable = Timetable(options, len(features))
    batches: list[dict[str, Tensor]] = []
    for epoch in range(options.epochs):
        for indices in timetable.batches(lengths, epoch):
            batch = trainer.collator([features[i] for i in indices])
            batches.append({**batch.inputs, **trainer.criterion.task.stock_labels(batch)})
    return batches[: options.max_steps]


def stock_training(network: Any, batches: Sequence[dict[str, Tensor]], trainer: Trainer, folder: Path) -> list[float]:
    """Train with the stock Trainer; the loss of each step."""
    from torch.utils.data import DataLoader
    from transformers import Trainer as StockTrainer
    from transformers import TrainingArguments
    from transformers.trainer_callback import PrinterCallback

    losses: list[float] = []

    class FedTrainer(StockTrainer):  # type: ignore[misc]
        def get_train_dataloader(self) -> Any:
            return DataLoader(batches, batch_size=None, shuffle=False)  # type: ignore[arg-type]

        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            result = super().compute_loss(*args, **kwargs)
            loss = result[0] if isinstance(result, tuple) else result
            losses.append(float(loss.detach()))
            return result

    options = trainer.options
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        max_steps=len(batches),
        per_device_train_batch_size=options.per_device_train_batch_size,
        learning_rate=options.learning_rate,
        lr_scheduler_type=STOCK_NAMES.get(options.lr_scheduler_type, options.lr_scheduler_type),
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        optim="adamw_torch_fused",
        use_cpu=trainer.collator.device == "cpu",
        dataloader_pin_memory=False,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        seed=options.seed,
    )
    stock = FedTrainer(model=network, args=arguments, train_dataset=batches)
    stock.remove_callback(PrinterCallback)
    stock.train()
    return losses
