"""When to stop, and which evaluation was best."""

from __future__ import annotations

from dataclasses import dataclass

# A last evaluation that beats all before by more than this was still climbing: about half the seed-to-seed
# deviation seen on sets of a few thousand examples, so that noise alone rarely says "not converged".
STILL_RISING = 0.005


@dataclass
class BestEvaluation:
    """Follows a score that is better when higher, over the evaluations of one run."""

    patience: int | None  # evaluations without a new best before the run stops; None: never
    scores: list[float]

    def would_be_best(self, score: float) -> bool:
        """Is it better than all so far? The first of equal ones stays the best."""
        return not self.scores or score > max(self.scores)

    def add(self, score: float) -> bool:
        """Add a score; is it the best so far?"""
        best = self.would_be_best(score)
        self.scores.append(score)
        return best

    @property
    def exhausted(self) -> bool:
        """Has the patience run out?"""
        since_best = len(self.scores) - 1 - self.scores.index(max(self.scores)) if self.scores else 0
        return self.patience is not None and since_best >= self.patience

    @property
    def converged(self) -> bool | None:
        """False if the last evaluation still beat every earlier one clearly; None with fewer than two."""
        if len(self.scores) < 2:
            return None
        return self.scores[-1] - max(self.scores[:-1]) <= STILL_RISING
