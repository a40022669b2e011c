"""Records as a comparison leaves them, with numbers made up by a seed. No training."""

from __future__ import annotations

from typing import Any

import numpy as np

from unfreeze.storage.records import RunRecord

# strategy: (final score, trainable parameters, FLOPs as a share of full's, epochs)
STRATEGIES = {
    "full": (0.921, 66_955_010, 1.0, 3),
    "head": (0.842, 592_130, 0.31, 30),
    "freeze:first=3": (0.915, 21_855_746, 0.55, 3),
    "lora:r=8,lora_alpha=16": (0.909, 739_586, 0.82, 5),
    "bitfit": (0.894, 641_282, 0.78, 5),
    "freeze:first=1": (0.920, 36_031_490, 0.78, 3),
    "freeze:first=5": (0.902, 7_680_002, 0.38, 3),
    "freeze:alternating": (0.912, 21_855_746, 0.80, 3),
    "gradual": (0.917, 66_955_010, 0.60, 4),
    "llrd:decay=0.95": (0.922, 66_955_010, 1.0, 3),
    "discriminative:embeddings=1e-5,encoder=2e-5,head=5e-5": (0.920, 66_955_010, 1.0, 3),
    "lora:r=16,target_modules=query+key+value+dense": (0.913, 1_475_000, 0.86, 5),
}
LABELS = ("anger", "fear", "joy", "love", "sadness", "surprise")


def make_records(strategies: int = 12, seeds: int = 3, **changes: Any) -> list[RunRecord]:
    """One record for each strategy and seed; `changes` replace fields of all of them."""
    generator = np.random.default_rng(7)
    records = []
    for strategy, (score, trainable, share, epochs) in list(STRATEGIES.items())[:strategies]:
        for seed in range(seeds):
            final = score + float(generator.normal(0, 0.003))
            curve = [final - 0.35 * score * 0.45 ** (epoch + 0.3) for epoch in range(1, epochs)] + [final]
            history = [
                {"epoch": float(e), "step": 500 * e, "seconds": 40.0 * e, "validation": {"macro_f1": s, "loss": 1 - s}}
                for e, s in enumerate(curve, start=1)
            ]
            values: dict[str, Any] = {
                "strategy": strategy,
                "seed": seed,
                "model_name": "distilbert-base-uncased",
                "task": "classification",
                "status": "done",
                "train_examples": 16000,
                "learning_rate": 5e-5,
                "trainable_parameters": trainable,
                "total_parameters": 66_955_010 + (147_456 if strategy.startswith("lora") else 0),
                "trains": f"{strategy}: {trainable:,} of 66,955,010 parameters",
                "epochs_planned": epochs,
                "epochs_run": epochs,
                "steps": 500 * epochs,
                "train_seconds": 410 * share * (1 + float(generator.normal(0, 0.02))),
                "seconds_to_best": 380 * share,
                "evaluate_seconds": 21.0,
                "cache_seconds": 12.5 if "freeze" in strategy else None,
                "tokens_per_second": 21_000 / share,
                "flops": 9.1e15 * share,
                "peak_memory_bytes": int(2e9 * (0.4 + 0.6 * trainable / 66_955_010)),
                "best_epoch": float(epochs),
                "converged": strategy != "head",
                "selection_metric": "macro_f1",
                "validation": {"macro_f1": final, "accuracy": final + 0.01, "loss": 1 - final},
                "test": {"macro_f1": final - 0.008, "accuracy": final},
                "breakdown": {
                    label: {"precision": final, "recall": final, "f1": final - 0.02 * i, "support": 200 - 30 * i}
                    for i, label in enumerate(LABELS)
                },
                "history": history,
                "precision": "fp32",
            }
            records.append(RunRecord(**(values | changes)))
    return records
