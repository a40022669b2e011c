"""How far the outputs of two networks for the same texts lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unfreeze.data.examples import Example

if TYPE_CHECKING:
    from unfreeze.inference.predictor import Predictor

COMPARED = 256  # windows, 8 at a time: some of them padded
BATCH = 8


def largest_difference(one: Predictor, other: Predictor, examples: Sequence[Example]) -> float:
    """The largest difference between numbers that both give for a token, or for a text, of the first examples.

    Args:
        other: reads the same windows: the same tokenizer, labels and lengths.
    """
    import torch

    from unfreeze.acceleration.trial_batch import kept, outputs_of

    encoded = one.encoded(examples[:COMPARED])
    windows = list(encoded.features[:COMPARED])
    largest = 0.0
    with torch.inference_mode():
        for start in range(0, len(windows), BATCH):
            batches = [model.evaluator.collator(windows[start : start + BATCH]) for model in (one, other)]
            mask = batches[0].inputs["attention_mask"].cpu()
            said = [
                [kept(numbers.cpu(), mask) for numbers in outputs_of(model.network.eval()(**batch.inputs))]
                for model, batch in zip((one, other), batches, strict=True)
            ]
            for first, second in zip(*said, strict=True):
                largest = max(largest, float((first - second).abs().max()))
    return largest
