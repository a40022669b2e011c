"""The best spans of a window by their start and end logits, and those of several windows of one context."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unfreeze.data.question_example import Span
from unfreeze.tasks.cross_entropy import at_least_fp32

if TYPE_CHECKING:
    from torch import Tensor

    from unfreeze.batching.features import Batch, Features


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that is possible: the characters `start` to `end` of the context; empty for "no answer"."""

    text: str
    start: int
    end: int
    score: float  # the sum of both logits
    start_logit: float
    end_logit: float
    probability: float  # of the start times that of the end, over all places of all windows

    def as_answer(self, context: str) -> dict[str, Any]:
        """What the question-answering pipeline gave; the text as `context` has it, whatever case the network read."""
        answer = context[self.start : self.end]
        return {"answer": answer, "score": self.probability, "start": self.start, "end": self.end}


@dataclass(frozen=True, slots=True)
class WindowSpans:
    """The best spans of one window, the best first, as tokens of the window."""

    starts: npt.NDArray[np.int64]  # (spans,)
    ends: npt.NDArray[np.int64]  # (spans,), inclusive
    start_logits: npt.NDArray[np.float32]  # (spans,)
    end_logits: npt.NDArray[np.float32]  # (spans,)
    null_logits: tuple[float, float]  # of the first token, which stands for "no answer"
    log_sums: tuple[float, float]  # log of the summed exponentials over the context, for start and end


def tokens_of(answer: Span, offsets: npt.NDArray[np.int32]) -> tuple[int, int] | None:
    """The first and the last token that hold characters of an answer; None where no token does."""
    touched = np.flatnonzero((offsets[:, 0] < answer.end) & (offsets[:, 1] > answer.start))
    return (int(touched[0]), int(touched[-1])) if len(touched) else None


def best_spans(outputs: Any, batch: Batch, max_answer_length: int, n_best: int) -> list[WindowSpans]:
    """The `n_best` spans of each window of at most `max_answer_length` tokens, out of all that there are.

    All sums of a start and an end within reach are looked at, (batch, tokens, max_answer_length) of them, and not only
    those of the best starts with the best ends.
    """
    import torch

    tokens = batch.inputs["attention_mask"].shape[1]
    context = torch.tensor(_context_mask(batch.features, tokens), device=outputs.start_logits.device)
    raw = [logits[:, :tokens].float() for logits in (outputs.start_logits, outputs.end_logits)]
    start, end = (logits.masked_fill(~context, -inf) for logits in raw)  # (batch, tokens)
    reach = min(max_answer_length, tokens)
    ends = torch.nn.functional.pad(end, (0, reach - 1), value=-inf).unfold(1, reach, 1)  # (batch, tokens, reach)
    sums = (start.unsqueeze(-1) + ends).flatten(1)
    best, places = sums.topk(min(n_best, sums.shape[1]), dim=1)
    first = places // reach
    last = first + places % reach
    inside = last.clamp(max=tokens - 1)  # what reaches beyond has a score of -inf
    columns = (best, first, last, start.gather(1, first), end.gather(1, inside))
    scores, first_of, last_of, start_of, end_of = (column.cpu().numpy() for column in columns)
    nulls = torch.stack([logits[:, 0] for logits in raw], 1).tolist()
    log_sums = torch.stack([logits.logsumexp(1) for logits in (start, end)], 1).tolist()
    spans = []
    for row in range(len(batch.features)):
        possible = scores[row] > -inf
        spans.append(
            WindowSpans(
                first_of[row][possible],
                last_of[row][possible],
                start_of[row][possible],
                end_of[row][possible],
                tuple(nulls[row]),
                tuple(log_sums[row]),
            )
        )
    return spans


def merged(
    context: str, windows: Sequence[tuple[Features, WindowSpans]], n_best: int, *, null_is_one: bool
) -> tuple[Candidate, tuple[Candidate, ...]]:
    """ "No answer", and the best spans of all windows of one context; what stands in several windows counts once.

    "No answer" has the lowest score that a window gives it: one that holds the answer is enough to deny it.

    Args:
        null_is_one: is "no answer" one of the places over which probabilities are taken?
    """
    null_start, null_end = min((spans.null_logits for _, spans in windows), key=sum)
    sums = [np.array([spans.log_sums[side] for _, spans in windows]) for side in (0, 1)]
    if null_is_one:
        sums = [np.append(side, null) for side, null in zip(sums, (null_start, null_end), strict=True)]
    log_sum = float(sum(np.logaddexp.reduce(side) for side in sums))

    def candidate(start: int, end: int, start_logit: float, end_logit: float) -> Candidate:
        score = start_logit + end_logit
        probability = exp(min(0.0, score - log_sum)) if log_sum > -inf else 0.0
        return Candidate(context[start:end], start, end, score, start_logit, end_logit, probability)

    found: dict[tuple[int, int], Candidate] = {}
    for window, spans in windows:
        assert window.offsets is not None
        characters = zip(window.offsets[spans.starts, 0].tolist(), window.offsets[spans.ends, 1].tolist(), strict=True)
        logits = zip(spans.start_logits.tolist(), spans.end_logits.tolist(), strict=True)
        for (start, last), (start_logit, end_logit) in zip(characters, logits, strict=True):
            end = _with_marks(context, last)
            known = found.get((start, end))
            if start < end and (known is None or start_logit + end_logit > known.score):
                found[start, end] = candidate(start, end, start_logit, end_logit)
    ranked = sorted(found.values(), key=lambda one: (-one.score, one.start, one.end))
    return candidate(0, 0, null_start, null_end), tuple(ranked[:n_best])


def _with_marks(context: str, end: int) -> int:
    """The end of an answer behind the marks that belong to its last letter: tokenizers that drop accents leave them
    out of their offsets."""
    while 0 < end < len(context) and unicodedata.category(context[end]) in ("Mn", "Mc", "Me"):
        end += 1
    return end


def _context_mask(windows: Sequence[Features], tokens: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros((len(windows), tokens), dtype=bool)
    for row, window in zip(mask, windows, strict=True):
        if window.offsets is not None:
            row[: len(window)] = window.offsets[:, 0] >= 0
    return mask


def possible_places(outputs: Any, batch: Batch) -> list[Tensor]:
    """Logits of start and end, both (batch, tokens). What is padded is no place for an answer: neither the loss nor a
    probability depends on how long the batch is."""
    padding = batch.inputs["attention_mask"] == 0
    return [
        at_least_fp32(logits[:, : padding.shape[1]]).masked_fill(padding, -inf)
        for logits in (outputs.start_logits, outputs.end_logits)
    ]
