"""The README of a saved model, with the numbers that were measured."""

from __future__ import annotations

import json
from pathlib import Path

from unfreeze.experiments.prepare import Prepared
from unfreeze.models.bundled import BUNDLED_HUB_ID
from unfreeze.models.extensions import NOT_STOCK
from unfreeze.storage.foreign_text import code_span, markdown_text, visible
from unfreeze.storage.records import RunRecord


def model_card(record: RunRecord, prepared: Prepared, data_name: str) -> str:
    """Markdown with the front matter the hub reads. Every value is quoted as JSON, which is valid YAML.

    Names of data, models and labels can hold anything; nothing in them becomes markup.
    """
    if record.model_name == "minilm":
        base = BUNDLED_HUB_ID
    else:
        base = Path(record.model_name).name if Path(record.model_name).is_dir() else record.model_name
    base, strategy, data_name = visible(base), visible(record.strategy), visible(data_name)
    results = [{"type": name, "value": round(value, 4), "name": f"test {name}"} for name, value in record.test.items()]
    stock = NOT_STOCK not in record.notes
    front = {
        "library_name": "transformers" if stock else "unfreeze",
        "pipeline_tag": prepared.task.pipeline,
        "base_model": base,
        "tags": ["unfreeze", f"strategy:{strategy}"],
        "model-index": [
            {
                "name": f"{base}, {strategy}",
                "results": [
                    {
                        "task": {"type": prepared.task.pipeline},
                        "dataset": {"name": data_name, "type": data_name},
                        "metrics": results,
                    }
                ],
            }
        ],
    }
    lines = ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()), "---", ""]
    lines += [f"# {markdown_text(base)} fine-tuned with {code_span(strategy)}", ""]
    if not stock:
        lines += [f"Note: {NOT_STOCK}. `unfreeze.load(folder).predict(texts)` predicts with it.", ""]
    trains = markdown_text(str(record.trains))
    lines += [
        f"Trained with unfreeze on {markdown_text(data_name)}: {trains}. Seed {record.seed}, ",
        "",
    ]
    lines[-2] += (
        f"learning rate {record.learning_rate:g}, {record.epochs_run} epochs, best epoch {record.best_epoch:g}."
    )
    lines += ["| metric | validation | test |", "|---|---|---|"]
    for name, value in record.validation.items():
        test = record.test.get(name)
        lines.append(f"| {markdown_text(name)} | {value:.4f} | {'' if test is None else f'{test:.4f}'} |")
    lines += ["", f"Labels: {', '.join(map(markdown_text, prepared.labels.names))}", ""]
    lines += ["Selection was made on validation; test was scored once, with the selected weights.", ""]
    return "\n".join(lines)
