"""One training by the stock transformers Trainer (with peft for LoRA), as its own examples are written.

`default`: fp32, random order, evaluation with 8 texts a batch. `tuned`: bf16, batches of about the same length,
evaluation with 64 texts a batch. Both evaluate and save once an epoch and end with the best weights.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from workload import Measured, Workload, model_folder, peak_bytes, peak_flops, read_workload, step_seconds


def main() -> None:
    workload, tuned = read_workload(), sys.argv[2] == "tuned"
    with tempfile.TemporaryDirectory() as folder:
        measure(workload, tuned, Path(folder), model_folder(workload, Path(folder)))


def measure(workload: Workload, tuned: bool, folder: Path, model: str) -> None:
    import datasets
    import numpy as np
    import transformers
    from sklearn.metrics import f1_score

    from unfreeze.data.sources import load_corpus
    from unfreeze.settings import read_settings

    datasets.disable_progress_bars()
    begin = time.perf_counter()
    settings, _ = read_settings(
        {
            "data": workload.data,
            "task": "classification",
            "max_train_samples": workload.train_samples,
            "max_eval_samples": workload.eval_samples,
        }
    )
    corpus = load_corpus(settings.data_request())
    names = sorted({example.label for example in corpus.train})
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)

    def encoded(examples: Any) -> Any:
        rows = {"text": [one.text for one in examples], "label": [names.index(one.label) for one in examples]}
        made = datasets.Dataset.from_dict(rows)
        return made.map(lambda some: tokenizer(some["text"], truncation=True, max_length=256), batched=True)

    [test] = corpus.tests.values()
    sets = {"train": encoded(corpus.train), "validation": encoded(corpus.validation), "test": encoded(test)}
    network = _adapted(
        transformers.AutoModelForSequenceClassification.from_pretrained(model, num_labels=len(names)), workload.strategy
    )
    times: dict[str, list[float]] = {"step": [], "epoch": [], "evaluate": []}
    trainer = transformers.Trainer(
        network,
        transformers.TrainingArguments(
            output_dir=str(folder / "out"),
            per_device_train_batch_size=workload.batch_size,
            per_device_eval_batch_size=64 if tuned else 8,
            learning_rate=workload.learning_rate,
            warmup_steps=0.1,
            num_train_epochs=workload.epochs,
            max_steps=workload.max_steps or -1,
            bf16=tuned,
            train_sampling_strategy="group_by_length" if tuned else "random",
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model="macro_f1",
            disable_tqdm=True,
            report_to="none",
            use_cpu=workload.device == "cpu",
        ),
        train_dataset=sets["train"],
        eval_dataset=sets["validation"],
        processing_class=tokenizer,
        compute_metrics=lambda said: {
            "macro_f1": float(f1_score(said.label_ids, np.argmax(said.predictions, -1), average="macro"))
        },
        callbacks=[_clock(times)],
    )
    ready = time.perf_counter()
    trainer.train()
    score = trainer.predict(sets["test"]).metrics["test_macro_f1"]
    trainer.save_model(str(folder / "model"))
    peak = peak_bytes(workload.device)
    Measured(
        side="stock tuned" if tuned else "stock default",
        seconds=time.perf_counter() - begin,
        setup_seconds=ready - begin,
        epoch_seconds=times["epoch"][0] if workload.max_steps is None else None,
        step_seconds=step_seconds(times["step"]),
        evaluate_seconds=min(times["evaluate"]),
        epochs=workload.epochs,
        flops_per_second=None,
        score=score,
        peak_bytes=peak,
        peak_flops=peak_flops("bfloat16" if tuned else "float32", workload.device),
    ).print()


def _adapted(network: Any, strategy: str) -> Any:
    import peft

    if strategy.startswith("lora"):
        return peft.get_peft_model(
            network,
            peft.LoraConfig(
                task_type="SEQ_CLS", r=8, lora_alpha=32, lora_dropout=0.0, target_modules=["query", "key", "value"]
            ),
        )
    for name, parameter in network.base_model.named_parameters():
        below = name.startswith("embeddings") or any(f"layer.{i}." in name for i in range(4))
        frozen = strategy == "head" or (strategy == "freeze:first=4" and below)
        parameter.requires_grad_(not frozen)
    return network


def _clock(times: dict[str, list[float]]) -> Any:
    import transformers

    class Clock(transformers.TrainerCallback):
        """When steps end, how long the first epoch and the evaluations take."""

        begun = 0.0

        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            self.begun = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, *_: Any, **__: Any) -> None:
            if state.epoch is not None and state.epoch <= 1:
                times["step"].append(time.perf_counter())

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            self.ended = time.perf_counter()
            times["epoch"].append(self.ended - self.begun)

        def on_evaluate(self, *_: Any, **__: Any) -> None:
            times["evaluate"].append(time.perf_counter() - self.ended)

    return Clock()


if __name__ == "__main__":
    main()
