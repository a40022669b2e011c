"""The examples that tell most: strategies disagree on them, or all of them contradict the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from unfreeze.data.examples import Example, TaggedExample
from unfreeze.experiments.predicted import Predicted
from unfreeze.statistics.disagreement import disagreements, label_suspects

MOST_EXAMPLES = 50
MOST_CHARACTERS = 300


def examples_to_read(
    predicted: Predicted, model: str, examples: Sequence[Example] | None
) -> dict[str, list[dict[str, Any]]]:
    """`disagreements` and `label_suspects` of `comparison.json`, with the texts where `examples` are given.

    Raises:
        ValueError: the predictions are not of these examples.
    """
    for rows in (rows for by_seed in predicted.rows.values() for rows in by_seed):
        if examples is not None and len(rows) != len(examples):
            raise ValueError(f"{predicted.split}: {len(rows)} predictions for {len(examples)} examples")
    divided = disagreements(predicted.rows, limit=MOST_EXAMPLES) if len(predicted.rows) > 1 else []
    suspects = label_suspects(predicted.rows, limit=MOST_EXAMPLES)
    return {
        "disagreements": [_entry(asdict(one), predicted.split, model, examples) for one in divided],
        "label_suspects": [_entry(asdict(one), predicted.split, model, examples) for one in suspects],
    }


def _entry(found: dict[str, Any], split: str, model: str, examples: Sequence[Example] | None) -> dict[str, Any]:
    text, word = "", None
    if examples is not None:
        example = examples[found["index"]]
        if isinstance(example, TaggedExample):
            text = " ".join(example.words)
            word = example.words[found["word"]]
        else:
            text = example.text
    cut = text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
    entry = {"model_name": model, "split": split, "text": cut, **found}
    return entry if word is None else {**entry, "word_text": word}
