"""The answer to one question, and those of a split as the files that people of SQuAD know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Any

from unfreeze.tasks.answer_spans import Candidate
from unfreeze.tasks.task import Prediction

MOST_ODDS = 1e9  # a context without a single piece has no span, and JSON no infinity


@dataclass(frozen=True)
class AnswerPrediction(Prediction):
    """The answer to one question; `predicted` is "" where the network says that there is none."""

    start: int  # characters of the context
    end: int
    null_score_diff: float  # score of "no answer" less that of the best span
    null: Candidate  # "no answer" as one of the n best
    n_best: tuple[Candidate, ...]  # spans, the best first

    def as_json(self, gold: Any) -> dict[str, Any]:
        """The line that `predictions.jsonl` holds: where the answer stands, beside what it says."""
        return super().as_json(gold) | {"start": self.start, "end": self.end}


def answer_files(answered: Mapping[str, AnswerPrediction], *, null_is_one: bool) -> dict[str, Any]:
    """`predictions`, `nbest_predictions` and, with `null_is_one`, `null_odds`: name of the file to content by id."""
    files: dict[str, Any] = {
        "predictions": {name: one.predicted for name, one in answered.items()},
        "nbest_predictions": {name: _n_best(one, null_is_one) for name, one in answered.items()},
    }
    if null_is_one:
        files["null_odds"] = {name: min(one.null_score_diff, MOST_ODDS) for name, one in answered.items()}
    return files


def _n_best(one: AnswerPrediction, null_is_one: bool) -> list[dict[str, Any]]:
    candidates = list(one.n_best)
    if null_is_one or not candidates:
        # As Hugging Face's run_qa: among the n best, or behind them.
        ranked = sorted([*candidates, one.null], key=lambda candidate: -candidate.score)
        candidates = ranked if ranked[-1] is one.null else ranked[: max(1, len(candidates))]
    weights = [exp(candidate.score - candidates[0].score) for candidate in candidates]
    return [
        {
            "text": candidate.text,
            "probability": weight / sum(weights),
            "score": candidate.score,
            "start_logit": candidate.start_logit,
            "end_logit": candidate.end_logit,
        }
        for candidate, weight in zip(candidates, weights, strict=True)
    ]
